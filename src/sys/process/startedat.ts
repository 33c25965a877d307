/** When a process was started, in milliseconds since 1970; null when that is unknown. */
import { readFileSync } from "node:fs";
import type { ProcessEntry } from "./identity.ts";
import { bootClockOffset } from "./timens.linux.ts";

/** The unit in which the kernel reports start times to programs: USER_HZ, time(7). */
const TICKS_PER_SECOND = 100;

/** Linux only: elsewhere the start time of an entry is only good for comparing. Exact to about a second. */
export function startedAt({ startTime }: Pick<ProcessEntry, "startTime">): number | null {
  if (process.platform !== "linux") return null;
  try {
    const boot = /^btime (\d+)$/m.exec(readFileSync("/proc/stat", "latin1"))?.[1];
    // The kernel shifts both by the time namespace's offset. dt has taken that off its start times, so it is added
    // again.
    const ticks = Number(startTime) + bootClockOffset();
    return boot === undefined ? null : Number(boot) * 1000 + (ticks / TICKS_PER_SECOND) * 1000;
  } catch {
    return null;
  }
}
