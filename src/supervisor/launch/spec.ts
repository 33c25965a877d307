/** What a start that somebody asks for is: each field that is not given has its default here, and nowhere else. */
import { parseKey } from "../../values/key.ts";
import { LOCK_TIMEOUT_MS } from "./lock.ts";
import type { LaunchSpec } from "./types.ts";

type Given = Pick<LaunchSpec, "key" | "settings" | "env" | "asker"> & Partial<LaunchSpec>;

/** Default: no arguments, the probes' own time limits, detached, and an earlier launch of the key is replaced. */
export function makeLaunchSpec(given: Given): LaunchSpec {
  const parts = parseKey(given.key);
  if (parts === null) throw new Error(`${given.key} is not a key`);
  return {
    plugin: parts.plugin,
    command: parts.command,
    variant: parts.variant,
    args: [],
    readyTimeoutMs: null,
    lockTimeoutMs: LOCK_TIMEOUT_MS,
    ensure: false,
    detached: true,
    ...given,
  };
}
