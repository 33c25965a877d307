/**
 * Where what is the user's alone can be kept: DIALTONE_HOME; where that cannot be written, the private directory of sockets; where that cannot
 * either, the directory that the user named as DIALTONE_RUN_DIR.
 */
import { accessSync, constants, existsSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { errnoOf } from "./error.ts";

/**
 * `home`: DIALTONE_HOME; null when there is none. `near`: a directory with state. Makes nothing in a home that can be written. Throws where there
 * is no place at all.
 */
export function privatePlace(home: string | null, near: string): string {
  if (home !== null && isWritable(home)) return existsSync(home) ? realpathSync(home) : home;
  const moved = movedTo(near);
  if (moved === null || !isWritable(moved)) return ofSockets();
  try {
    const sockets = ofSockets();
    if (isWritable(sockets)) return sockets;
  } catch {
    // neither
  }
  return moved;
}

/** What holds a run directory that is not in its project, as DIALTONE_RUN_DIR makes it. A project's own `.dialtone` may have come with a clone. */
function movedTo(near: string): string | null {
  return near.split("/").includes(".dialtone") ? null : dirname(near);
}

/** Also one that is not there yet and can be made. */
function isWritable(path: string): boolean {
  for (let directory = path; ; directory = dirname(directory)) {
    try {
      accessSync(directory, constants.W_OK | constants.X_OK);
      return true;
    } catch (error) {
      // By the error alone: a second look may meet one that another dt has just made, and send this one to another place.
      if (errnoOf(error) !== "ENOENT" || dirname(directory) === directory) return false;
    }
  }
}

/** Loaded only when the home cannot be written. Throws where there is no private directory of sockets. */
function ofSockets(): string {
  const { socketDirectory } = require("./socketplace.ts") as typeof import("./socketplace.ts");
  return socketDirectory({ env: {}, home: null });
}
