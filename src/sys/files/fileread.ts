/**
 * Reads files with three answers: there, absent, unreadable. Code that takes "unreadable" for "absent" loses data, so
 * the type does not allow it.
 */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { errnoOf, messageOf } from "../base/error.ts";
import { readAtMost } from "./readatmost.ts";

export type FileRead<T> =
  | { is: "there"; value: T }
  | { is: "absent" }
  /** `foreign`: this user's dt did not write it. */
  | { is: "unreadable"; reason: string; foreign?: true };

/** A text file of a project is far below this. */
const MOST_TEXT_BYTES = 64 * 1024 * 1024;

/**
 * Reads a file of a project, through links as programs do. A missing file, or a missing directory above it, is
 * `absent`. A pipe, which would block its reader, or a device without an end is `unreadable`. dt's own files go through
 * sys/door/door.ts.
 */
export function readText(path: string, encoding: "utf8" | "latin1" = "utf8"): FileRead<string> {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return { is: "absent" };
    return { is: "unreadable", reason: messageOf(error) };
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return { is: "unreadable", reason: `${path} is not a regular file` };
    const bytes = readAtMost(fd, { size: stat.size, most: MOST_TEXT_BYTES });
    if (bytes === null)
      return { is: "unreadable", reason: `${path} has more than ${MOST_TEXT_BYTES} bytes, the most that dt reads` };
    return { is: "there", value: bytes.toString(encoding) };
  } catch (error) {
    return { is: "unreadable", reason: messageOf(error) };
  } finally {
    closeSync(fd);
  }
}

/** Reads JSON; `check` returns the value or throws a sentence. An empty or cut-off file is `unreadable`. */
export function readJson<T>(path: string, check: (value: unknown) => T): FileRead<T> {
  const text = readText(path);
  if (text.is !== "there") return text;
  try {
    return { is: "there", value: check(JSON.parse(text.value)) };
  } catch (error) {
    return { is: "unreadable", reason: messageOf(error) };
  }
}
