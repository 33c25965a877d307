/**
 * Where files that only the user may read are kept: DIALTONE_HOME; if that is not writable, the private directory for
 * sockets; if that is not either, the directory that the user named in DIALTONE_RUN_DIR.
 */
import { accessSync, constants, existsSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { errnoOf } from "../base/error.ts";

/**
 * `home`: DIALTONE_HOME; null when there is none. `near`: a directory with state. Makes nothing when the home is
 * writable. Throws when there is no such place.
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

/**
 * The directory above a run directory that DIALTONE_RUN_DIR put outside its project; null for a project's own
 * `.dialtone`, which may have come with a clone.
 */
function movedTo(near: string): string | null {
  return near.split("/").includes(".dialtone") ? null : dirname(near);
}

/** True also for a directory that is missing and can be made. */
function isWritable(path: string): boolean {
  for (let directory = path; ; directory = dirname(directory)) {
    try {
      accessSync(directory, constants.W_OK | constants.X_OK);
      return true;
    } catch (error) {
      // Decided by this error alone: a second check may find what another dt has just made, and send this one
      // elsewhere.
      if (errnoOf(error) !== "ENOENT" || dirname(directory) === directory) return false;
    }
  }
}

/** Loaded only when the home is not writable. Throws when there is no private directory for sockets. */
function ofSockets(): string {
  const { socketDirectory } = require("./socketplace.ts") as typeof import("./socketplace.ts");
  return socketDirectory({ env: {}, home: null });
}
