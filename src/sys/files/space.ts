/** How much room a file system has left, and of what type it is. */
import { statfsSync } from "node:fs";

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
