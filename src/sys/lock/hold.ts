/**
 * A hold: the kernel's word on whether a process lives, for processes that cannot see it, such as those of another
 * container that shares a directory. For as long as it lives, a launch's host keeps one byte of a file locked (an
 * open-file-description lock), at an offset derived from the launch's token. The kernel drops the lock with the
 * process, however it ends. It does not conflict with `flock`, so the file keeps its other use.
 *
 * Known limits: Linux only. A hold says nothing where the file system cannot lock, or where the file was replaced
 * meanwhile.
 */
import { closeSync, constants } from "node:fs";
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

/** Creates the file when it is missing. Null when the kernel or the file system has no such locks. */
export function takeHold(path: string, token: string): Hold | null {
  const offset = offsetOf(token);
  if (process.platform !== "linux" || offset === null) return null;
  let fd: number;
  try {
    fd = openOwn(path, { flags: constants.O_RDWR | constants.O_CREAT });
  } catch {
    return null;
  }
  if (fcntl(fd, F_OFD_SETLK, describe(offset)) === 0) return { release: () => closeSync(fd) };
  closeSync(fd);
  return null;
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
    const lock = describe(offset);
    if (fcntl(fd, F_OFD_GETLK, lock) !== 0) return undefined;
    return lock.getInt16(0, true) !== F_UNLCK;
  } finally {
    closeSync(fd);
  }
}

function describe(offset: bigint): DataView {
  const lock = new DataView(new ArrayBuffer(FLOCK_BYTES));
  lock.setInt16(0, F_WRLCK, true);
  lock.setBigInt64(START_AT, offset, true);
  lock.setBigInt64(LENGTH_AT, 1n, true);
  return lock;
}

function fcntl(fd: number, command: number, lock: DataView): number {
  return libc().fcntl(fd, command, ptr(lock));
}
