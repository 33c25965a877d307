/** Makes the spec of a requested start. The default of each field that is not given stands here, and nowhere else. */

import { programBegan } from "../../sys/kernel/bootclock.ts";
import { keyParts } from "../../values/key.ts";
import { LOCK_TIMEOUT_MS } from "./lock.ts";
import type { LaunchSpec } from "./types.ts";

type Given = Pick<LaunchSpec, "key" | "settings" | "env" | "asker"> & Partial<LaunchSpec>;

/**
 * Default: no arguments, the probes' own time limits, detached, asked for when this program began. An earlier launch of
 * the key is replaced.
 */
export function makeLaunchSpec(given: Given): LaunchSpec {
  return {
    ...keyParts(given.key),
    args: [],
    readyTimeoutMs: null,
    lockTimeoutMs: LOCK_TIMEOUT_MS,
    ensure: false,
    detached: true,
    askedAt: programBegan(),
    ...given,
  };
}
