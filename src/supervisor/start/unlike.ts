/** A launch that another host took over is started again only by a host that can start it as it was started. */
import { DtError, EXIT } from "../../sys/base/error.ts";
import { typedKey } from "../../values/key.ts";
import type { LaunchSpec } from "../launch/types.ts";

/** Throws `unlike-host`. */
export function refuseUnlike({ key, unlike }: LaunchSpec): void {
  if (unlike === undefined) return;
  throw new DtError(
    "unlike-host",
    `${key} was not started again: its host was killed, and the one that took it over cannot start it as it was started: its ${unlike} would be another.`,
    { status: EXIT.failed, hint: `dt ${typedKey(key)}` },
  );
}
