/** When a process was started, in milliseconds since 1970; null where that is not known. */
import { readFileSync } from "node:fs";
import type { ProcessEntry } from "./identity.ts";
import { bootClockOffset } from "./timens.linux.ts";

/** What the kernel counts start times in, as it tells them to programs. */
const TICKS_PER_SECOND = 100;

/** Linux alone: elsewhere the start time of an entry is only good for comparing. Exact to about a second. */
export function startedAt({ startTime }: Pick<ProcessEntry, "startTime">): number | null {
  if (process.platform !== "linux") return null;
  try {
    const boot = /^btime (\d+)$/m.exec(readFileSync("/proc/stat", "latin1"))?.[1];
    // The kernel moves both by the time namespace; a start time of ours is the machine's own.
    const ticks = Number(startTime) + bootClockOffset();
    return boot === undefined ? null : Number(boot) * 1000 + (ticks / TICKS_PER_SECOND) * 1000;
  } catch {
    return null;
  }
}
