/**
 * State files as sealed JSON, written whole. A read has four answers: there, absent, unreadable, and foreign (a kind of
 * unreadable).
 */
import { errnoOf, messageOf } from "../base/error.ts";
import { readOwn } from "../door/door.ts";
import type { FileRead } from "../files/fileread.ts";
import { type WriteOptions, writeOwn } from "../files/filewrite.ts";
import { NOT_SEALED, type Seal } from "./seal.ts";

/** Takes the value that was read, and where its folder was when it was written, if it was moved since. */
type Check<T> = (value: unknown, movedFrom: string | null) => T;

/**
 * `check` returns the value or throws an error with a sentence. A foreign file is `unreadable` and marked as foreign;
 * nothing in it is used. `as`: the path it was written for, if it was renamed since.
 */
export function readSealed<T>(
  path: string,
  { seal, check, as = path }: { seal: Seal; check: Check<T>; as?: string | undefined },
): FileRead<T> {
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

export function writeSealed(
  path: string,
  { seal, value, ...options }: { seal: Seal; value: object } & WriteOptions,
): void {
  writeOwn(path, { text: seal.close(path, value), ...options });
}

/**
 * Like `readText`, but through sys/door/door.ts. Anything but a regular file of this user is foreign, and so is a large
 * file whose end `isWorthIt` rejects.
 */
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
