/**
 * Writes files whole: temporary name, fsync, rename. A file that exists is never written in place, except by
 * `appendLine`.
 */
import { closeSync, constants, fsync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { DtError, errnoOf } from "../base/error.ts";
import { descend } from "../door/descend.ts";
import { checkOwnAt, openOwn } from "../door/door.ts";
import { handToOwner } from "../door/fileowner.ts";
import { temporaryName } from "../door/temporaryname.ts";
import { linkBeside } from "./beside.ts";
import { tryUnlink } from "./removal.ts";
import { writeError } from "./writeerror.ts";

export interface WriteOptions {
  /** Default 0600. */
  mode?: number;
  /**
   * Whether the file must survive a power cut, at the cost of an fsync. Default true; false for data that means nothing
   * after a reboot. `soon`: it is in place at once, and its fsync goes on beside the caller.
   */
  durable?: boolean | "soon";
}

/**
 * Creates a file that does not exist yet. On failure (EEXIST, a full disk) it leaves none and throws the system's own
 * error.
 */
export function createFile(
  path: string,
  { text, mode = 0o600, durable = true }: { text: string } & WriteOptions,
): void {
  descend(path, (at) => createAt(at, { text, mode, durable }));
}

function createAt(at: string, { text, mode, durable }: { text: string } & Required<WriteOptions>): void {
  const fd = openSync(at, "wx", mode);
  try {
    handToOwner(at, fd);
    const bytes = new TextEncoder().encode(text);
    let offset = 0;
    while (offset < bytes.length) offset += writeSync(fd, bytes, offset);
    if (durable === true) fsyncSync(fd);
  } catch (error) {
    tryUnlink(at);
    closeSync(fd);
    throw error;
  }
  if (durable === "soon") fsync(fd, () => closeSync(fd));
  else closeSync(fd);
}

/**
 * Creates a file that does not exist yet, whole under its name or not at all. Throws the system's own error, EEXIST
 * when the file exists.
 */
export function createWhole(path: string, { text, ...options }: { text: string } & WriteOptions): void {
  const temporary = temporaryName(path);
  createFile(temporary, { text, ...options });
  try {
    linkBeside(temporary, path);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") throw error;
    createFile(path, { text, ...options }); // no hard links here
  } finally {
    tryUnlink(temporary);
  }
}

/**
 * Appends in one write. A kill or a full disk may cut it, so this is for files whose readers skip an incomplete last
 * line.
 */
export function appendLine(path: string, line: string): void {
  const fd = openOwn(path, { flags: constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT });
  try {
    writeSync(fd, line);
  } finally {
    closeSync(fd);
  }
}

/** Writes a file whole, or leaves the old one and throws a DtError that names file and cause. */
export function writeWhole(path: string, { text, ...options }: { text: string } & WriteOptions): void {
  writeThere(path, { text, ...options, check: () => {} });
}

/** `writeWhole` for dt's own state: refuses, and changes nothing, where something stands that dt did not make. */
export function writeOwn(path: string, { text, ...options }: { text: string } & WriteOptions): void {
  writeThere(path, { text, ...options, check: (at) => checkOwnAt(at, path) });
}

/** Does everything in the directory, which is looked up once. */
function writeThere(
  path: string,
  { text, mode = 0o600, durable = true, check }: { text: string; check: (at: string) => void } & WriteOptions,
): void {
  try {
    descend(path, (at) => {
      check(at);
      const temporary = temporaryName(at);
      createAt(temporary, { text, mode, durable });
      try {
        renameSync(temporary, at);
      } catch (error) {
        tryUnlink(temporary);
        throw error;
      }
    });
  } catch (error) {
    throw error instanceof DtError ? error : writeError(path, { cause: error });
  }
}

export function writeJson(path: string, value: unknown): void {
  writeWhole(path, { text: `${JSON.stringify(value, null, 2)}\n` });
}
