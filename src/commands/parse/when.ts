/**
 * A point in time as a user types it: a duration ago (`5m`, `1m30s`, `2d`), a date, a time of day, or both. It is local
 * time unless it names its zone (`Z`, `+02:00`). A date or time that does not exist is an error, and so is one that the
 * change of clocks skips.
 */
import { parseSpan } from "../../values/duration.ts";
import { usage } from "../context/usage.ts";

const TIME_OF_DAY = String.raw`(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?`;
const TODAY = new RegExp(`^${TIME_OF_DAY}$`);
const DATE = new RegExp(String.raw`^(\d{4})-(\d{2})-(\d{2})(?:[Tt ]${TIME_OF_DAY} ?(Z|z|[+-]\d{2}(?::?\d{2})?)?)?$`);

interface Time {
  hours: number;
  minutes: number;
  seconds: number;
  ms: number;
}

export function pointInTime(flag: string, { text, now }: { text: string; now: number }): number {
  const ago = parseSpan(text);
  if (ago !== null) return now - ago;
  const noSuch = (why: string) => usage(`${flag} takes a time that exists, not "${text}": ${why}.`);
  const today = TODAY.exec(text);
  if (today !== null) {
    const time = timeOf(today.slice(1));
    if (time === null) throw noSuch("a time of day goes from 00:00 to 23:59");
    const date = new Date(now);
    const at = localTime({ year: date.getFullYear(), month: date.getMonth(), day: date.getDate(), time });
    if (at === null) throw noSuch("the clocks skip it today");
    return at;
  }
  const match = DATE.exec(text);
  if (match === null)
    throw usage(
      `${flag} takes a duration ago ("5m", "1h30m", "2d") or a time ("14:30", "2026-01-31", "2026-01-31T14:30", "2026-01-31T14:30:00Z"), not "${text}".`,
    );
  const [year, month, day] = match.slice(1, 4).map(Number) as [number, number, number];
  const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
  if (month < 1 || month > 12 || day < 1 || day > days) throw noSuch("there is no such day");
  // The first moment of the day: there are places where the clocks go forward at midnight.
  if (match[4] === undefined) return new Date(year, month - 1, day).getTime();
  const time = timeOf(match.slice(4, 8));
  if (time === null) throw noSuch("a time of day goes from 00:00 to 23:59");
  const zone = match[8];
  if (zone === undefined) {
    const at = localTime({ year, month: month - 1, day, time });
    if (at === null) throw noSuch("the clocks skip it that day");
    return at;
  }
  const offset = minutesOf(zone);
  if (offset === null) throw noSuch("there is no such time zone");
  return Date.UTC(year, month - 1, day, time.hours, time.minutes - offset, time.seconds, time.ms);
}

function timeOf([hours, minutes, seconds = "0", fraction = "0"]: (string | undefined)[]): Time | null {
  const time = {
    hours: Number(hours),
    minutes: Number(minutes),
    seconds: Number(seconds),
    ms: Math.floor(Number(`0.${fraction}`) * 1000),
  };
  return time.hours > 23 || time.minutes > 59 || time.seconds > 59 ? null : time;
}

interface LocalTime {
  year: number;
  month: number;
  day: number;
  time: Time;
}

/** Null where the clocks skip it. Of a time that occurs twice, the first. */
function localTime({ year, month, day, time: { hours, minutes, seconds, ms } }: LocalTime): number | null {
  const date = new Date(year, month, day, hours, minutes, seconds, ms);
  return date.getHours() === hours && date.getMinutes() === minutes ? date.getTime() : null;
}

/** Minutes east of Greenwich; null for any other text. */
function minutesOf(zone: string): number | null {
  if (/^z$/i.test(zone)) return 0;
  const [, sign, hours, minutes = "0"] = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone) as RegExpExecArray;
  if (Number(hours) > 14 || Number(minutes) > 59) return null;
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}
