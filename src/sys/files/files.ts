/**
 * Writes files whole: temporary name, fsync, rename. Reads files with three answers: there, absent, unreadable. Code
 * that takes "unreadable" for "absent" loses data, so the type does not allow it.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { DtError, errnoOf, messageOf } from "../base/error.ts";
import { statOf } from "../base/stat.ts";
import { descend, descendInto } from "../door/descend.ts";
import { checkOwnAt, openOwn } from "../door/door.ts";
import { handToOwner } from "../door/fileowner.ts";
import { readTemporaryName, temporaryName } from "../door/temporaryname.ts";
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
    if (!fstatSync(fd).isFile()) return { is: "unreadable", reason: `${path} is not a regular file` };
    const bytes = readAtMost(fd, MOST_TEXT_BYTES);
    if (bytes === null)
      return { is: "unreadable", reason: `${path} has more than ${MOST_TEXT_BYTES} bytes, the most that dt reads` };
    return { is: "there", value: bytes.toString(encoding) };
  } catch (error) {
    return { is: "unreadable", reason: messageOf(error) };
  } finally {
    closeSync(fd);
  }
}

/**
 * Makes a directory and the missing ones above it, for this user alone. As root, hands what it makes in another user's
 * directory to that user.
 */
export function makeDirectories(path: string, mode = 0o700): void {
  const first = mkdirSync(path, { recursive: true, mode });
  if (first === undefined) return;
  const made: string[] = [];
  for (let directory = resolve(path); directory.length >= first.length; directory = dirname(directory))
    made.unshift(directory);
  for (const directory of made) handToOwner(directory);
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

/**
 * A temporary exists for milliseconds. One whose pid is not seen here may belong to a container on the same directory.
 */
const TEMPORARY_LEFT_MS = 5 * 60_000;

/** Removes temporaries of processes that are gone. One that cannot be removed is left: nothing depends on it. */
export function clearTemporaries(directory: string, now: number): void {
  for (const name of namesIn(directory)) {
    const pid = readTemporaryName(name)?.pid;
    if (pid === undefined || isRunning(pid)) continue;
    const path = join(directory, name);
    const changed = statOf(path)?.mtimeMs ?? now;
    if (now - changed > TEMPORARY_LEFT_MS) tryUnlink(path);
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errnoOf(error) !== "ESRCH";
  }
}

function namesIn(directory: string): string[] {
  try {
    return descendInto(directory, (at) => readdirSync(at));
  } catch {
    return [];
  }
}

export interface WriteOptions {
  /** Default 0600. */
  mode?: number;
  /**
   * Whether the file must survive a power cut, at the cost of an fsync. Default true; false for data that means nothing
   * after a reboot.
   */
  durable?: boolean;
}

/**
 * Creates a file that does not exist yet. On failure (EEXIST, a full disk) it leaves none and throws the system's own
 * error.
 */
export function createFile(path: string, text: string, { mode = 0o600, durable = true }: WriteOptions = {}): void {
  descend(path, (at) => createAt(at, text, mode, durable));
}

function createAt(at: string, text: string, mode: number, durable: boolean): void {
  const fd = openSync(at, "wx", mode);
  try {
    handToOwner(at, fd);
    const bytes = new TextEncoder().encode(text);
    let offset = 0;
    while (offset < bytes.length) offset += writeSync(fd, bytes, offset);
    if (durable) fsyncSync(fd);
  } catch (error) {
    tryUnlink(at);
    throw error;
  } finally {
    closeSync(fd);
  }
}

/**
 * Creates a file that does not exist yet, whole under its name or not at all. Throws the system's own error, EEXIST
 * when the file exists.
 */
export function createWhole(path: string, text: string, options: WriteOptions = {}): void {
  const temporary = temporaryName(path);
  createFile(temporary, text, options);
  try {
    linkBeside(temporary, path);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") throw error;
    createFile(path, text, options); // no hard links here
  } finally {
    tryUnlink(temporary);
  }
}

/**
 * Appends in one write. A kill or a full disk may cut it, so this is for files whose readers skip an incomplete last
 * line.
 */
export function appendLine(path: string, line: string): void {
  const fd = openOwn(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT);
  try {
    writeSync(fd, line);
  } finally {
    closeSync(fd);
  }
}

/** Writes a file whole, or leaves the old one and throws a DtError that names file and cause. */
export function writeWhole(path: string, text: string, options: WriteOptions = {}): void {
  writeThere(path, text, options, () => {});
}

/** `writeWhole` for dt's own state: refuses, and changes nothing, where something stands that dt did not make. */
export function writeOwn(path: string, text: string, options: WriteOptions = {}): void {
  writeThere(path, text, options, (at) => checkOwnAt(at, path));
}

/** Does everything in the directory, which is looked up once. */
function writeThere(
  path: string,
  text: string,
  { mode = 0o600, durable = true }: WriteOptions,
  check: (at: string) => void,
): void {
  try {
    descend(path, (at) => {
      check(at);
      const temporary = temporaryName(at);
      createAt(temporary, text, mode, durable);
      try {
        renameSync(temporary, at);
      } catch (error) {
        tryUnlink(temporary);
        throw error;
      }
    });
  } catch (error) {
    throw error instanceof DtError ? error : writeError(path, error);
  }
}

/** Removes one of dt's own files. A missing one is fine; one that dt did not make is refused. */
export function removeOwn(path: string): void {
  remove(path, (at) => {
    checkOwnAt(at, path);
    unlinkSync(at);
  });
}

/** Renames a file within its directory, replacing what has the new name. Throws the system's own error. */
export function renameBeside(from: string, to: string): void {
  descend(from, (at) => renameSync(at, join(dirname(at), basename(to))));
}

/**
 * Shifts a file and its numbered neighbours by one: `NAME` becomes `NAME.1`, `NAME.1` becomes `NAME.2` …, and the old
 * `NAME.<last>` is removed. Skips missing ones. Throws the system's own error.
 */
export function shiftBeside(path: string, last: number): void {
  descend(path, (at) => {
    const place = (number: number) => (number === 0 ? at : `${at}.${number}`);
    passingOver("ENOENT", () => unlinkSync(place(last)));
    for (let number = last - 1; number >= 0; number--)
      passingOver("ENOENT", () => renameSync(place(number), place(number + 1)));
  });
}

function passingOver(code: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (errnoOf(error) !== code) throw error;
  }
}

/** Gives a file one more name in its directory. Throws the system's own error, EEXIST when the name is taken. */
export function linkBeside(from: string, to: string): void {
  descend(from, (at) => linkSync(at, join(dirname(at), basename(to))));
}

/** Throws when the directory is missing or not empty. */
export function removeEmptyDirectory(path: string): void {
  descend(path, (at) => rmdirSync(at));
}

/**
 * Removes a file where a failure must not hide the error that led here. A temporary that stays is cleared by a later
 * dt.
 */
export function tryUnlink(path: string): void {
  try {
    descend(path, unlinkSync);
  } catch {
    // stays
  }
}

export function writeJson(path: string, value: unknown): void {
  writeWhole(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Removes a file; a missing one is fine. */
export function removeFile(path: string): void {
  remove(path, unlinkSync);
}

function remove(path: string, work: (at: string) => void): void {
  try {
    descend(path, work);
  } catch (error) {
    if (error instanceof DtError) throw error;
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return;
    // A read-only file system reports EROFS before it checks that the file exists.
    if (code === "EROFS" && !existsSync(path)) return;
    throw writeError(path, error);
  }
}

const WRITE_HINTS: Record<string, string> = {
  ENOSPC: "The disk is full: free some space and run it again.",
  EDQUOT: "Your disk quota is used up: free some space and run it again.",
  EROFS: "The file system is read-only: set VARIABLE to a writable directory.",
  EACCES: "Check who owns the directory and its mode, or set VARIABLE to a writable directory.",
  EPERM: "Check who owns the directory and its mode, or set VARIABLE to a writable directory.",
};

/**
 * The error of a failed write, as a sentence that names the path and the system's reason. A DtError is returned
 * unchanged. `variable`: the environment variable that moves the path elsewhere.
 */
export function writeError(
  path: string,
  cause: unknown,
  variable: "DIALTONE_RUN_DIR" | "DIALTONE_HOME" = "DIALTONE_RUN_DIR",
): DtError {
  if (cause instanceof DtError) return cause;
  const code = errnoOf(cause) ?? "unknown";
  const hint = WRITE_HINTS[code]?.replace("VARIABLE", variable);
  return new DtError("cannot-write", `Cannot write ${path}: ${messageOf(cause)}.`, {
    ...(hint === undefined ? {} : { hint }),
    details: { path, errno: code },
    cause,
  });
}
