/** Makes directories, and leaves none of root's in the directory of another user. */
import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { handToOwner } from "../door/fileowner.ts";

/**
 * Makes a directory and the missing ones above it, for this user alone. As root, hands what it makes in another user's
 * directory to that user.
 */
export function makeDirectories(path: string, mode = 0o700): void {
  const first = mkdirSync(path, { recursive: true, mode });
  if (first === undefined) return;
  const made: string[] = [];
  for (let directory = resolve(path); directory.length >= first.length; directory = dirname(directory))
    made.unshift(directory);
  for (const directory of made) handToOwner(directory);
}
