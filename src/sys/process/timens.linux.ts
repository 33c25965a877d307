/**
 * The offset that this process's time namespace gives the clock of start times. The kernel adds it to the start time of
 * every process it shows, so the same process has different start times inside and outside the namespace; without the
 * offset both are the machine's own.
 */
import { readFileSync } from "node:fs";

/** A tick is one of USER_HZ, time(7): the unit of start times. */
const NANOSECONDS_PER_TICK = 10_000_000;
const TICKS_PER_SECOND = 100;

/** In ticks, like start times; 0 when there is no such namespace, or the kernel has none. */
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
