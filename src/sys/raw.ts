/**
 * Arguments and environment as the bytes dt was given. JavaScript has text only: a byte that is not UTF-8 becomes U+FFFD, so a file
 * name in another encoding would be another name. Where text contains that character, the kernel is asked for the bytes.
 *
 * Known limit: Linux alone; the name of a variable must be UTF-8.
 */
import { readFileSync } from "node:fs";

const LOST = "\uFFFD";

/** `argv` with the words at its end that are dt's own last words given as bytes. */
export function rawArguments(argv: readonly string[]): (string | Uint8Array)[] {
  if (!argv.some((word) => word.includes(LOST))) return [...argv];
  const raw = readStrings("/proc/self/cmdline");
  const given = process.argv;
  const words: (string | Uint8Array)[] = [...argv];
  for (let back = 1; back <= Math.min(argv.length, given.length, raw.length); back++) {
    if (argv.at(-back) !== given.at(-back)) break;
    words[words.length - back] = raw.at(-back) as Uint8Array;
  }
  return words;
}

/** `NAME=value` of each; those that are still as dt was given them, as bytes. */
export function rawEnvironment(env: Record<string, string>): (string | Uint8Array)[] {
  const entries = Object.entries(env);
  if (!entries.some(([, value]) => value.includes(LOST))) return entries.map(([name, value]) => `${name}=${value}`);
  const raw = new Map(readStrings("/proc/self/environ").map((bytes) => [nameOf(bytes), bytes]));
  return entries.map(([name, value]) => {
    const bytes = value.includes(LOST) && process.env[name] === value ? raw.get(name) : undefined;
    return bytes ?? `${name}=${value}`;
  });
}

function nameOf(bytes: Buffer): string {
  const end = bytes.indexOf("=");
  return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
}

function readStrings(file: string): Buffer[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    return [];
  }
  const strings: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0, at);
    strings.push(bytes.subarray(at, end < 0 ? bytes.length : end));
    at = end < 0 ? bytes.length : end + 1;
  }
  return strings;
}
