/**
 * Where a root's host listens. The name of the socket says what its callers must have in common: the run directory, the
 * user's DIALTONE_HOME, and the build of dt, so that a caller never meets another build's host.
 */
import { basename, dirname, join } from "node:path";
import { sha256 } from "../../sys/base/digest.ts";
import { BUILD, VERSION } from "../../sys/base/version.ts";
import { socketDirectory } from "../../sys/places/socketplace.ts";
import type { Ground } from "../launch/types.ts";

const NAME_DIGITS = 24;

/** Here for tests: a dt run from source has no build, and shares hosts with nobody but itself. */
const MADE_BY = BUILD === "" ? `${VERSION} ${process.execPath}` : BUILD;

/**
 * `kind`: what else its callers have in common; empty for the usual host. Throws `no-socket-place`.
 */
export function hostAddress({ store, home, env }: Pick<Ground, "store" | "home" | "env">, kind: string): string {
  const common = [MADE_BY, home ?? "", store.directory, kind].join("\0");
  return join(socketDirectory({ env, home }), `${sha256(common).slice(0, NAME_DIGITS)}.host`);
}

/** Which caller is making a host there. Several roots have one such file, so that few are left behind. */
export function birthLockOf(address: string): string {
  return join(dirname(address), `hosts.${basename(address).slice(0, 1)}.lock`);
}
