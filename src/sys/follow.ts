/**
 * Where a directory is by now, though it was moved: the kernel names it by the descriptor that is held. Known limit: Linux; elsewhere it is
 * taken to be where it was.
 */
import { constants, existsSync, openSync, readlinkSync } from "node:fs";

/** Holds the directory open as long as this process lives. The path it had when there is no other to tell. */
export function followDirectory(path: string): () => string {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch {
    return () => path;
  }
  return () => {
    if (existsSync(path)) return path;
    try {
      const now = readlinkSync(`/proc/self/fd/${fd}`);
      return existsSync(now) ? now : path; // "… (deleted)"
    } catch {
      return path;
    }
  };
}
