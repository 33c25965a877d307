/**
 * A hold: the kernel's word on whether a process lives, for processes that cannot see it, such as those of another
 * container that shares a directory. For as long as it lives, a launch's host keeps one byte of a file locked (an
 * open-file-description lock), at an offset derived from the launch's token. The kernel drops the lock with the
 * process, however it ends. It does not conflict with `flock`, so the file keeps its other use.
 *
 * Known limits: Linux only. A hold says nothing where the file system cannot lock, or where the file was replaced
 * meanwhile.
 */
import { closeSync, constants, fstatSync } from "node:fs";
import { lazy } from "../base/lazy.ts";
import { statOf } from "../base/stat.ts";
import { openOwn } from "../door/door.ts";
import { libc, ptr } from "../ffi/libc.ts";

/** From <fcntl.h>, fcntl(2). */
const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;
const F_WRLCK = 1;
const F_UNLCK = 2;
/** A `struct flock`: type, whence, start and length (64 bits each), pid. */
const FLOCK_BYTES = 32;
const START_AT = 8;
const LENGTH_AT = 16;

export interface Hold {
  release(): void;
}

const TOKEN = /^[0-9a-f]{12}/;

/** The first 48 bits of the token. */
function offsetOf(token: string): bigint | null {
  return TOKEN.test(token) ? BigInt(`0x${token.slice(0, 12)}`) : null;
}

/** The files that this process has holds in, by their paths: one descriptor each, however many holds. */
const files = lazy(() => new Map<string, HeldFile>());

interface HeldFile {
  fd: number;
  holds: number;
}

/** Creates the file when it is missing. Null when the kernel or the file system has no such locks. */
export function takeHold(path: string, token: string): Hold | null {
  const offset = offsetOf(token);
  if (process.platform !== "linux" || offset === null) return null;
  const file = openHeld(path);
  if (file === null) return null;
  file.holds++;
  if (fcntl(file.fd, F_OFD_SETLK, describe(F_WRLCK, offset)) === 0)
    return { release: () => letGoOf(path, { file, offset }) };
  letGoOf(path, { file, offset });
  return null;
}

/** A file that was replaced at its path is another one. */
function openHeld(path: string): HeldFile | null {
  const known = files().get(path);
  const there = statOf(path);
  if (known !== undefined && there !== undefined && isSameFile(fstatSync(known.fd), there)) return known;
  try {
    const file = { fd: openOwn(path, { flags: constants.O_RDWR | constants.O_CREAT }), holds: 0 };
    files().set(path, file);
    return file;
  } catch {
    return null;
  }
}

function letGoOf(path: string, { file, offset }: { file: HeldFile; offset: bigint }): void {
  if (--file.holds > 0) {
    fcntl(file.fd, F_OFD_SETLK, describe(F_UNLCK, offset));
    return;
  }
  if (files().get(path) === file) files().delete(path);
  closeSync(file.fd);
}

function isSameFile(one: { dev: number; ino: number }, other: { dev: number; ino: number }): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

/** Whether a process has the hold. Undefined when that cannot be known. */
export function isHeld(path: string, token: string): boolean | undefined {
  const offset = offsetOf(token);
  if (process.platform !== "linux" || offset === null) return undefined;
  let fd: number;
  try {
    fd = openOwn(path, { flags: constants.O_RDONLY });
  } catch {
    return undefined;
  }
  try {
    const lock = describe(F_WRLCK, offset);
    if (fcntl(fd, F_OFD_GETLK, lock) !== 0) return undefined;
    return lock.getInt16(0, true) !== F_UNLCK;
  } finally {
    closeSync(fd);
  }
}

function describe(type: number, offset: bigint): DataView {
  const lock = new DataView(new ArrayBuffer(FLOCK_BYTES));
  lock.setInt16(0, type, true);
  lock.setBigInt64(START_AT, offset, true);
  lock.setBigInt64(LENGTH_AT, 1n, true);
  return lock;
}

function fcntl(fd: number, command: number, lock: DataView): number {
  return libc().fcntl(fd, command, ptr(lock));
}
