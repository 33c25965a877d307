/**
 * Finds the files that patterns select now, by the same rules as those that are watched. It reports where it could not
 * look, so that no caller takes the result for complete.
 */
import { type Dirent, readdirSync } from "node:fs";
import { join } from "node:path";
import { errnoOf, messageOf } from "../base/error.ts";
import { statOf } from "../base/stat.ts";
import { type Files, groupFiles, type WatchGroup } from "./groups.ts";

export interface Found {
  /** Absolute, sorted. */
  files: string[];
  /** Patterns that name no file. */
  unmatched: string[];
  /** What could not be looked at, each a sentence without its period. */
  unsure: string[];
}

export async function findFiles(request: Files): Promise<Found> {
  const files = new Set<string>();
  const unsure: string[] = [];
  const unmatched: string[] = [];
  for (const group of await groupFiles(request)) {
    const here: string[] = [];
    search(group, { directory: group.from, files: here, unsure });
    for (const pattern of group.selecting)
      if (!here.some((path) => pattern.names(group.nameOf(path)))) unmatched.push(pattern.written);
    for (const path of here) files.add(path);
  }
  return { files: [...files].sort(), unmatched, unsure };
}

function search(
  group: WatchGroup,
  { directory, files, unsure }: { directory: string; files: string[]; unsure: string[] },
): void {
  const { matcher, from } = group;
  let entries: Dirent[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") unsure.push(`${directory} cannot be read: ${messageOf(error)}`);
    return;
  }
  if (directory !== from && entries.some(({ name }) => name === ".git") && !matcher.enters(directory)) return;
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      if (!matcher.skips(path)) search(group, { directory: path, files, unsure });
    } else if (entry.isSymbolicLink()) searchLink(group, { path, files, unsure });
    else if (entry.isFile() && matcher.means(path)) files.push(path);
  }
}

function searchLink(
  group: WatchGroup,
  { path, files, unsure }: { path: string; files: string[]; unsure: string[] },
): void {
  const { matcher } = group;
  const stat = statOf(path);
  if (stat?.isDirectory() === true) {
    if (matcher.follows(path)) search(group, { directory: path, files, unsure });
    else if (!matcher.skips(path))
      unsure.push(
        `${path} is a link to a directory, and such links are not followed: name it, or leave it out with "!"`,
      );
  } else if (matcher.means(path)) {
    if (stat === undefined) unsure.push(`${path} is a link that leads nowhere`);
    else if (stat.isFile()) files.push(path);
  }
}
