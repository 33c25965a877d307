/**
 * Advisory `flock` on a file that is never unlinked. The kernel drops the lock when the last descriptor is closed, so a
 * holder killed at any moment leaves nothing behind. Descriptors are close-on-exec: a child keeps the lock from its
 * fork to its exec and no longer. The launch's fence is built on that.
 */
import { closeSync, constants, fstatSync, ftruncateSync, statSync, writeSync } from "node:fs";
import { DtError, errnoOf } from "../base/error.ts";
import { openOwn } from "../door/door.ts";
import { lastErrno, libc } from "../ffi/libc.ts";
import { readAtMost } from "./readatmost.ts";
import { writeError } from "./writeerror.ts";

/** From <sys/file.h>, flock(2). */
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;
/** From <errno.h>. */
const EINTR = 4;
/** EAGAIN is 11 on Linux and 35 on macOS, where flock answers EWOULDBLOCK with the same number. */
const EAGAIN = process.platform === "darwin" ? 35 : 11;

/** In bytes. */
const LONGEST_NOTE = 1024;

export interface FileLock {
  /**
   * Whether the locked file is still the one at its path. Once it has been replaced, other processes lock another file.
   */
  isInPlace(): boolean;
  /** Writes into the file what others may know of the holder, for `noteIn`. Throws the system's error. */
  note(text: string): void;
  /** Releases the lock. Safe to call twice. */
  release(): void;
}

export type FileLockAttempt = { is: "held"; lock: FileLock } | { is: "busy" } | { is: "unsupported" };

/** Tries once. `unsupported`: this file system has no flock (some network mounts). */
export function tryFlock(path: string): FileLockAttempt {
  for (;;) {
    const fd = openGuard(path);
    const errno = flock(fd, LOCK_EX | LOCK_NB);
    if (errno !== 0) {
      closeSync(fd);
      return errno === EAGAIN ? { is: "busy" } : { is: "unsupported" };
    }
    // The directory may have been removed and made again since the open: then this descriptor guards nothing.
    if (isStillAt(fd, path)) return { is: "held", lock: makeLock(fd, path) };
    closeSync(fd);
  }
}

/**
 * Locks an open file for as long as its descriptor is open. False when another process has the lock or the file system
 * has no flock.
 */
export function flockOpen(fd: number): boolean {
  return flock(fd, LOCK_EX | LOCK_NB) === 0;
}

/** Whether another descriptor has the open file locked. Undefined when the file system has no flock. */
export function isFlocked(fd: number): boolean | undefined {
  const errno = flock(fd, LOCK_SH | LOCK_NB);
  if (errno !== 0) return errno === EAGAIN ? true : undefined;
  flock(fd, LOCK_UN);
  return false;
}

/**
 * Whether a process holds the lock on the file. The check takes a shared lock for an instant, so checks do not hinder
 * each other. A process that takes the lock at that very instant finds it busy once.
 */
export function isLocked(path: string): boolean {
  const fd = openOrNull(path);
  if (fd === null) return false;
  try {
    return isFlocked(fd) === true;
  } finally {
    closeSync(fd);
  }
}

/** What the last holder that noted something noted; null when there is no file. Nothing seals it. */
export function noteIn(path: string): string | null {
  const fd = openOrNull(path);
  if (fd === null) return null;
  try {
    return readAtMost(fd, { size: 0, most: LONGEST_NOTE })?.toString() ?? null;
  } finally {
    closeSync(fd);
  }
}

function openGuard(path: string): number {
  try {
    return openOwn(path, { flags: constants.O_RDWR | constants.O_CREAT });
  } catch (error) {
    if (error instanceof DtError) throw error;
    // On a file system that became read-only, an existing guard still guards.
    const there = errnoOf(error) === "EROFS" ? openOrNull(path) : null;
    if (there === null) throw writeError(path, { cause: error });
    return there;
  }
}

function openOrNull(path: string): number | null {
  try {
    return openOwn(path, { flags: constants.O_RDONLY });
  } catch {
    return null;
  }
}

function flock(fd: number, operation: number): number {
  for (;;) {
    if (libc().flock(fd, operation) === 0) return 0;
    const errno = lastErrno();
    if (errno !== EINTR) return errno;
  }
}

function isStillAt(fd: number, path: string): boolean {
  const opened = fstatSync(fd);
  try {
    const there = statSync(path);
    return opened.ino === there.ino && opened.dev === there.dev;
  } catch {
    return false;
  }
}

function makeLock(fd: number, path: string): FileLock {
  let open = true;
  return {
    isInPlace: () => open && isStillAt(fd, path),
    note(text) {
      ftruncateSync(fd);
      writeSync(fd, text, 0);
    },
    release() {
      if (!open) return;
      open = false;
      flock(fd, LOCK_UN);
      closeSync(fd);
    },
  };
}
