/** The values of flags and words: each is checked, and an error names the flag and what it takes. */
import { DURATION_WORDS, parseDuration, parseSpan } from "../../values/duration.ts";
import { usage } from "../context/usage.ts";

/** A directory as it was typed. An empty word is refused, since it would mean the directory that dt runs in. */
export function directoryOf(what: string, text: string | undefined): string | undefined {
  if (text === "") throw usage(`${what} takes a directory, not "".`, "A variable of the command line may be empty.");
  return text;
}

/** A TCP port from 1 to 65535; null for any other text. */
export function portNumber(text: string): number | null {
  const port = Number(text);
  return /^\d{1,5}$/.test(text) && port > 0 && port < 65_536 ? port : null;
}

/** The value of a flag that is a number of things, 0 or more; null when it was not given. */
export function countOf(flag: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count)) throw usage(`${flag} takes a whole number, not "${text}".`);
  return count;
}

/** A duration of any length, in milliseconds: for a time that dt does not wait for. */
export function spanOf(flag: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = parseSpan(text);
  if (ms === null) throw usage(`${flag} takes a duration with a unit, like "12h", "1h30m" or "3d", not "${text}".`);
  return ms;
}

/** The value of a flag that is a duration, in milliseconds; null when it was not given. */
export function durationFlag(flag: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = parseDuration(text);
  if (ms === null) throw usage(`${flag} takes ${DURATION_WORDS}, not "${text}".`);
  return ms;
}
