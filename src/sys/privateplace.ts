/** Where what is the user's alone can be kept: DIALTONE_HOME, or, where that cannot be written, the private directory of sockets. */
import { accessSync, constants, existsSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { errnoOf } from "./error.ts";
import { socketDirectory } from "./socketplace.ts";

/** `home`: DIALTONE_HOME; null when there is none. Makes nothing in a home that can be written. Throws where there is no place at all. */
export function privatePlace(home: string | null): string {
  if (home === null || !isWritable(home)) return socketDirectory({ env: {}, home: null });
  return existsSync(home) ? realpathSync(home) : home;
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
