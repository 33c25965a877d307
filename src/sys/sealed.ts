/** State files as JSON with a seal: read with four answers (there, absent, unreadable, and of the unreadable those that are foreign), written whole. */
import { readOwn } from "./door.ts";
import { errnoOf, messageOf } from "./error.ts";
import { type FileRead, type WriteOptions, writeOwn } from "./files.ts";
import { NOT_SEALED, type Seal } from "./seal.ts";

/** What of a file was read, and from where its folder was moved since it was written. */
type Check<T> = (value: unknown, movedFrom: string | null) => T;

/**
 * `check` returns the value or throws a sentence. A foreign file is `unreadable`, and says so; nothing in it is looked at. `as`: the path it
 * was written for, where it was renamed since.
 */
export function readSealed<T>(path: string, seal: Seal, check: Check<T>, as = path): FileRead<T> {
  const text = readOwnText(path, seal.mayBeOwn);
  if (text.is !== "there") return text;
  try {
    const opened = seal.open(as, text.value);
    if (opened.is === "foreign") return { is: "unreadable", reason: opened.why, foreign: true };
    return { is: "there", value: check(opened.value, opened.movedFrom) };
  } catch (error) {
    return { is: "unreadable", reason: messageOf(error) };
  }
}

export function writeSealed(path: string, seal: Seal, value: object, options: WriteOptions = {}): void {
  writeOwn(path, seal.close(path, value), options);
}

/** As `readText`, through the door: what is no regular file of this user is foreign, and a large one whose end says so. */
export function readOwnText(path: string, isWorthIt: (end: string) => boolean = () => true): FileRead<string> {
  try {
    const bytes = readOwn(path, isWorthIt);
    if (bytes === null) return { is: "unreadable", reason: NOT_SEALED, foreign: true };
    return { is: "there", value: bytes.toString("utf8") };
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return { is: "absent" };
    const foreign = (error as { code?: string }).code === "unsafe-file";
    return { is: "unreadable", reason: messageOf(error), ...(foreign ? { foreign } : {}) };
  }
}
