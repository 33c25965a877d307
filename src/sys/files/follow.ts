/**
 * Finds a directory after it was moved: the kernel names it by a descriptor that dt holds open. Known limit: Linux
 * only; elsewhere the directory is assumed to be where it was.
 */
import { constants, existsSync, fstatSync, openSync } from "node:fs";
import { statOf } from "../base/stat.ts";
import { pathOfOpen } from "../door/keptopen.ts";

/**
 * Holds the directory open for the life of this process. The returned function gives its current path, or the original
 * path when that is still this directory or the kernel names no existing path (it was removed). A directory that took
 * its place meanwhile is another one.
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
