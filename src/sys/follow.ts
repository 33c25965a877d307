/**
 * Where a directory is by now, though it was moved: the kernel names it by the descriptor that is held. Known limit: Linux; elsewhere it is
 * taken to be where it was.
 */
import { constants, existsSync, fstatSync, openSync } from "node:fs";
import { pathOfOpen } from "./keptopen.ts";
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
    const now = pathOfOpen(fd);
    if (now === path) return path; // asked dozens of times at a start
    const there = statOf(path);
    if (there?.ino === held.ino && there.dev === held.dev) return path;
    return now !== null && existsSync(now) ? now : path; // "… (deleted)"
  };
}
