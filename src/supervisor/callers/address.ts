/**
 * Where a root's host listens. The name of the socket says what its callers must have in common: the run directory, the
 * user's DIALTONE_HOME, and the build of dt, so that a caller never meets another build's host.
 */
import { accessSync, constants } from "node:fs";
import { basename, dirname, join } from "node:path";
import { sha256 } from "../../sys/base/digest.ts";
import { BUILD, VERSION } from "../../sys/base/version.ts";
import { socketDirectory } from "../../sys/places/socketplace.ts";
import type { Ground } from "../launch/types.ts";

const NAME_DIGITS = 24;
/** With the name and a slash, what the kernel takes: 103 bytes on macOS, unix(7). */
const LONGEST_DIRECTORY = 103 - NAME_DIGITS - "/.host".length;

/** Here for tests: a dt run from source has no build, and shares hosts with nobody but itself. */
const MADE_BY = BUILD === "" ? `${VERSION} ${process.execPath}` : BUILD;

/**
 * `kind`: what else its callers have in common; empty for the usual host. Throws `no-socket-place`.
 */
export function hostAddress({ store, home, env }: Pick<Ground, "store" | "home" | "env">, kind: string): string {
  const common = [MADE_BY, home ?? "", store.directory, kind].join("\0");
  return join(placeOf({ store, home, env }), `${sha256(common).slice(0, NAME_DIGITS)}.host`);
}

/** On a read-only system the run directory may be the only place. */
function placeOf({ store, home, env }: Pick<Ground, "store" | "home" | "env">): string {
  try {
    const directory = socketDirectory({ env, home });
    accessSync(directory, constants.W_OK);
    return directory;
  } catch (error) {
    if (Buffer.byteLength(store.directory) > LONGEST_DIRECTORY) throw error;
    store.prepare();
    return store.directory;
  }
}

/** Which caller is making a host there. Several roots have one such file, so that few are left behind. */
export function birthLockOf(address: string): string {
  return join(dirname(address), `hosts.${basename(address).slice(0, 1)}.lock`);
}
