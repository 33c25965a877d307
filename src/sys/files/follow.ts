/**
 * Finds a directory after it was moved: the kernel names it by a descriptor that dt holds open. Known limit: Linux
 * only; elsewhere the directory is assumed to be where it was.
 */
import { constants, existsSync, fstatSync, openSync } from "node:fs";
import { statOf } from "../base/stat.ts";
import { currentStretch, pathOfOpen } from "../door/keptopen.ts";

export interface Followed {
  /**
   * Its current path, or the original path when that is still this directory or the kernel names no existing path (it
   * was removed). A directory that took its place meanwhile is another one.
   */
  now(): string;
  /** Whether this very directory is where it was. */
  isInPlace(): boolean;
}

/** Holds the directory open for the life of this process. */
export function followDirectory(path: string): Followed {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch {
    return { now: () => path, isInPlace: () => false };
  }
  const held = fstatSync(fd);
  let seenIn = -1;
  const isInPlace = () => {
    const now = currentStretch();
    if (seenIn === now) return true; // asked dozens of times at a start
    const there = pathOfOpen(fd) === path ? held : statOf(path);
    if (there?.ino !== held.ino || there.dev !== held.dev) return false;
    seenIn = now;
    return true;
  };
  return {
    isInPlace,
    now() {
      if (isInPlace()) return path;
      const now = pathOfOpen(fd);
      return now !== null && existsSync(now) ? now : path; // "… (deleted)"
    },
  };
}
