/**
 * Keeps arguments and environment as the bytes dt was given. JavaScript has text only: a byte that is not UTF-8 becomes
 * U+FFFD, and a file name in another encoding would become another name. dt writes such a byte as one lone surrogate,
 * U+DC80 to U+DCFF, as Python does. JSON carries it, so records, specs and messages hold it unchanged, and code that
 * starts a program turns it back into the byte (`bytesOf`).
 *
 * Known limits: Linux only. On a terminal such a byte is shown as an escape (sys/text/visible.ts, sys/text/shell.ts),
 * like all that is not text.
 */
import { readFileSync } from "node:fs";

/** What Bun turns a byte that is not UTF-8 into. */
const LOST = "\uFFFD";
const ESCAPED = 0xdc00;

/** dt's arguments with their original bytes. `words` are the last words of dt's command line. */
export function readArguments(words: readonly string[]): string[] {
  if (!words.some((word) => word.includes(LOST))) return [...words];
  const raw = words.length === 0 ? [] : readStrings("/proc/self/cmdline").slice(-words.length);
  return raw.length === words.length ? raw.map(rawText) : [...words];
}

/** The environment dt was started with; `own` itself when all of it is text. */
export function readEnvironment(own: Record<string, string | undefined>): Record<string, string | undefined> {
  if (!Object.entries(own).some(([name, value]) => name.includes(LOST) || value?.includes(LOST))) return own;
  const raw = readStrings("/proc/self/environ").map(rawText);
  if (!raw.some(isRaw)) return own; // U+FFFD itself, as UTF-8
  const env = Object.fromEntries(Object.entries(own).filter(([name]) => !name.includes(LOST)));
  for (const one of raw)
    if (isRaw(one) || nameOf(one).includes(LOST)) env[nameOf(one)] = one.slice(nameOf(one).length + 1);
  return env;
}

function nameOf(variable: string): string {
  const end = variable.indexOf("=");
  return end < 0 ? variable : variable.slice(0, end);
}

/** Whether the text holds bytes that are not UTF-8. */
export function isRaw(text: string): boolean {
  return !text.isWellFormed();
}

/** Decodes UTF-8; each byte that is not UTF-8 becomes a lone surrogate. */
export function rawText(bytes: Buffer): string {
  const plain = bytes.toString("utf8");
  if (!plain.includes(LOST)) return plain;
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = lengthOfCharacter(bytes, at);
    text += length > 0 ? bytes.toString("utf8", at, at + length) : String.fromCharCode(ESCAPED + (bytes[at] as number));
    at += length || 1;
  }
  return text;
}

/** The length in bytes of the character at `at`; 0 when it is not valid UTF-8. */
function lengthOfCharacter(bytes: Buffer, at: number): number {
  const first = bytes[at] as number;
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  const character = bytes.subarray(at, at + length);
  // Compared, because surrogates and overlong forms have the right shape and still are not UTF-8.
  return length > 0 && Buffer.from(character.toString("utf8")).equals(character) ? length : 0;
}

/** The bytes from which `rawText` made the text. */
export function bytesOf(text: string): Uint8Array {
  const encoder = new TextEncoder();
  if (!isRaw(text)) return encoder.encode(text);
  const parts: Uint8Array[] = [];
  for (const part of text.split(/([\uDC80-\uDCFF])/u))
    parts.push(isRaw(part) && part.length === 1 ? Uint8Array.of(part.charCodeAt(0) & 0xff) : encoder.encode(part));
  return Buffer.concat(parts);
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
