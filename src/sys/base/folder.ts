/**
 * Identifies the folder at a path, so that another one put in its place (say, removed and cloned again) is recognised
 * as another. Where the file system reports when a folder was made, inode and birth time decide, because device numbers
 * change when a machine boots. Elsewhere device and inode decide.
 *
 * Known limit: where there is no birth time, a folder made again may get the inode of the one before.
 */
import { statOf } from "./stat.ts";

export interface FolderIdentity {
  dev: number;
  ino: number;
  /** Birth time in milliseconds since 1970; 0 when the file system does not report it. */
  born: number;
}

/** Null when no folder is there. */
export function identifyFolder(path: string): FolderIdentity | null {
  const stat = statOf(path);
  if (stat === undefined || !stat.isDirectory()) return null;
  return { dev: stat.dev, ino: stat.ino, born: stat.birthtimeMs };
}

export function isSameFolder(one: FolderIdentity, other: FolderIdentity): boolean {
  if (one.ino !== other.ino) return false;
  return one.born > 0 && other.born > 0 ? one.born === other.born : one.dev === other.dev;
}
