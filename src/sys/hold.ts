/**
 * A hold: what the kernel says of a process to those who cannot see it, as in another container that shares a directory. While it lives, its host
 * has one byte of a file locked (an open-file-description lock), at an offset that is made of the launch's token; the kernel drops it with the
 * process, however it ends. It meets no `flock`, so the file's other use goes on.
 *
 * Known limits: Linux alone; where the file system cannot lock, or the file was replaced meanwhile, a hold says nothing.
 */
import { closeSync, constants } from "node:fs";
import { openOwn } from "./door.ts";
import { libc, ptr } from "./libc.ts";

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

/** The first 48 bits. */
function offsetOf(token: string): bigint | null {
  return TOKEN.test(token) ? BigInt(`0x${token.slice(0, 12)}`) : null;
}

/** Makes the file where it is missing. Null where the kernel, or the file system, has no such locks. */
export function takeHold(path: string, token: string): Hold | null {
  const offset = offsetOf(token);
  if (process.platform !== "linux" || offset === null) return null;
  let fd: number;
  try {
    fd = openOwn(path, constants.O_RDWR | constants.O_CREAT);
  } catch {
    return null;
  }
  if (fcntl(fd, F_OFD_SETLK, describe(offset)) === 0) return { release: () => closeSync(fd) };
  closeSync(fd);
  return null;
}

/** Whether somebody has it; undefined where that cannot be known. */
export function isHeld(path: string, token: string): boolean | undefined {
  const offset = offsetOf(token);
  if (process.platform !== "linux" || offset === null) return undefined;
  let fd: number;
  try {
    fd = openOwn(path, constants.O_RDONLY);
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
