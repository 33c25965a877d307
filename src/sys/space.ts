/** How much room a file system has left, and what kind it is. */
import { statfsSync } from "node:fs";

export interface Space {
  /** Bytes that this user may still write. */
  freeBytes: number;
  /** Files that may still be made; null where the file system has no such limit. */
  freeFiles: number | null;
  /** The kernel's number of the kind of file system. */
  type: number;
}

/** Null when the path, or the answer, is not there. */
export function readSpace(path: string): Space | null {
  try {
    const { bavail, bsize, files, ffree, type } = statfsSync(path);
    return { freeBytes: bavail * bsize, freeFiles: files === 0 ? null : ffree, type };
  } catch {
    return null;
  }
}
