/** How much room a file system has left, and of what type it is. */
import { closeSync, constants, openSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../base/error.ts";
import { descendInto } from "../door/descend.ts";
import { writeWhole } from "./filewrite.ts";
import { removeFile } from "./removal.ts";
import { writeError } from "./writeerror.ts";

export interface Space {
  /** Bytes that this user may still write. */
  freeBytes: number;
  /** Files that may still be made; null where the file system has no such limit. */
  freeFiles: number | null;
  /** The kernel's number for the type of the file system. */
  type: number;
}

/**
 * Types that give no notice of changes made elsewhere: NFS, SMB, 9P (WSL's `/mnt`), FUSE, VirtualBox and Parallels
 * shares. From <linux/magic.h>; the last two from stat.c of GNU coreutils.
 */
const REMOTE = new Set([0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x65735546, 0x786f4256, 0x7c7c6673]);

export function isRemote(path: string): boolean {
  const space = readSpace(path);
  return space !== null && REMOTE.has(space.type >>> 0);
}

/** Null when the path is missing or the system gives no answer. */
export function readSpace(path: string): Space | null {
  try {
    const { bavail, bsize, files, ffree, type } = statfsSync(path);
    return { freeBytes: bavail * bsize, freeFiles: files === 0 ? null : ffree, type };
  } catch {
    return null;
  }
}

/** From <asm-generic/fcntl.h>: a file without a name, open(2). */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;
/** Where a file cannot be without a name: the file system or the kernel has no such files. */
const NEEDS_NAME = ["EOPNOTSUPP", "ENOTSUP", "EISDIR", "EINVAL", "ENOENT"];

/**
 * Throws what a write of so many bytes in the directory would throw: the disk is full, a quota is used up, nothing may
 * be written. Leaves nothing behind.
 */
export function checkRoom(directory: string, bytes: number): void {
  const text = " ".repeat(bytes);
  const scratch = join(directory, ".space");
  try {
    if (writeNameless(directory, text)) return;
  } catch (error) {
    throw writeError(scratch, { cause: error });
  }
  writeWhole(scratch, { text, durable: false });
  removeFile(scratch);
}

/** False where there are no files without a name. */
function writeNameless(directory: string, text: string): boolean {
  if (process.platform !== "linux") return false;
  let fd: number;
  try {
    fd = descendInto(directory, (at) => openSync(at, O_TMPFILE | constants.O_WRONLY, 0o600));
  } catch (error) {
    if (NEEDS_NAME.includes(errnoOf(error) ?? "")) return false;
    throw error;
  }
  try {
    for (let rest = text; rest !== ""; ) rest = rest.slice(writeSync(fd, rest));
    return true;
  } finally {
    closeSync(fd);
  }
}
