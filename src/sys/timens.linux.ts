/**
 * How far this process's time namespace moves the clock that start times are told by. The kernel adds it to what it shows of every process, so the
 * same process has another start time inside of the namespace and outside; without it both are the machine's own.
 */
import { readFileSync } from "node:fs";

const NANOSECONDS_PER_TICK = 10_000_000;
const TICKS_PER_SECOND = 100;

/** In ticks, as start times are; 0 where there is no such namespace, or the kernel has none. */
export function bootClockOffset(): number {
  let text: string;
  try {
    text = readFileSync("/proc/self/timens_offsets", "latin1");
  } catch {
    return 0;
  }
  const at = text.indexOf("boottime");
  const [, seconds, nanoseconds] = text.slice(Math.max(0, at)).split("\n", 1)[0]?.split(/\s+/) ?? [];
  if (at < 0 || (seconds === "0" && nanoseconds === "0")) return 0;
  return Number(seconds) * TICKS_PER_SECOND + Math.trunc(Number(nanoseconds) / NANOSECONDS_PER_TICK);
}
