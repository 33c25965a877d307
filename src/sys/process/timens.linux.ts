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
  const { seconds, nanoseconds } = readOffset();
  return seconds * TICKS_PER_SECOND + Math.trunc(nanoseconds / NANOSECONDS_PER_TICK);
}

/** The same offset, of the clock itself. */
export function readOffset(): { seconds: number; nanoseconds: number } {
  let text: string;
  try {
    text = readFileSync("/proc/self/timens_offsets", "latin1");
  } catch {
    return { seconds: 0, nanoseconds: 0 };
  }
  const at = text.indexOf("boottime");
  const [, seconds, nanoseconds] = text.slice(Math.max(0, at)).split("\n", 1)[0]?.split(/\s+/) ?? [];
  return at < 0 ? { seconds: 0, nanoseconds: 0 } : { seconds: Number(seconds), nanoseconds: Number(nanoseconds) };
}
