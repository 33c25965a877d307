/**
 * Which folder stands at a path, so that another one put in its place (removed and cloned again, say) is told apart from it. Where the file
 * system says when a folder was made, inode and that time decide: device numbers change when a machine boots. Elsewhere device and inode do.
 *
 * Known limit: where there is no time of birth, a folder made again may get the inode of the one before.
 */
import { statOf } from "./stat.ts";

export interface FolderIdentity {
  dev: number;
  ino: number;
  /** Milliseconds since 1970; 0: the file system does not say. */
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
