/**
 * Holes in files: gives the disk space of a file's head back while its offsets stay the same. Linux only (`fallocate`).
 * Where it does not work, on another system or file system, the result says so and nothing has changed.
 */
import { lazy } from "../base/lazy.ts";
import { libc } from "../ffi/libc.ts";

/** From <linux/falloc.h>, fallocate(2). */
const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
/** From <unistd.h>, lseek(2); XNU bsd/sys/_types/_seek_set.h. */
const SEEK_DATA = process.platform === "darwin" ? 4 : 3;
/** Only whole blocks can be given back. */
const BLOCK = 4096;

const supported = lazy(() => process.platform === "linux");

/**
 * Releases the bytes before `offset`, rounded down to a whole block. Returns the offset reached, or null where it does
 * not work.
 */
export function releaseHead(fd: number, offset: number): number | null {
  const end = Math.floor(offset / BLOCK) * BLOCK;
  if (end <= 0) return 0;
  if (!supported()) return null;
  return libc().fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, end) === 0 ? end : null;
}

/** Where a file's data begins: 0, or the end of the hole at its head. */
export function dataStart(fd: number): number {
  return Math.max(0, Number(libc().lseek(fd, 0, SEEK_DATA)));
}
