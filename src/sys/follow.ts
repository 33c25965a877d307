/**
 * Where a directory is by now, though it was moved: the kernel names it by the descriptor that is held. Known limit: Linux; elsewhere it is
 * taken to be where it was.
 */
import { constants, existsSync, fstatSync, openSync, readlinkSync } from "node:fs";
import { statOf } from "./stat.ts";

/**
 * Holds the directory open as long as this process lives. The path it had while it is there, and when there is no other to tell: it was removed.
 * What others put there meanwhile is another directory.
 */
export function followDirectory(path: string): () => string {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch {
    return () => path;
  }
  const held = fstatSync(fd);
  return () => {
    const there = statOf(path);
    if (there?.ino === held.ino && there.dev === held.dev) return path;
    try {
      const now = readlinkSync(`/proc/self/fd/${fd}`);
      return existsSync(now) ? now : path; // "… (deleted)"
    } catch {
      return path;
    }
  };
}
