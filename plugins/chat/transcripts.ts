/**
 * Where transcripts are, and how one is opened. What lies in a configured folder may have been put there by an agent or by a clone: it is read
 * only where it is a regular file below that folder, whatever links there are. The folder itself may be a link, since a person named it.
 */
import { globSync, lstatSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { within } from "@dialtone/dt";
import type { Settings } from "./settings.ts";

/** The real paths of all transcripts that there are now, each once. Links are left out, and what they lead to, and what a pattern finds elsewhere. */
export function findTranscripts({ folders, include }: Settings): string[] {
  const found = realFolders(folders).flatMap((folder) =>
    globSync(include, { cwd: folder })
      .map((path) => join(folder, path))
      .filter((path) => isBelow(folder, path) && realPath(path) === path && lstatSync(path).isFile()),
  );
  return [...new Set(found)].sort();
}

/**
 * A descriptor of a transcript, by its real path; null: it is not there. It is reached from the one of `folders` that it lies in, or, where a
 * person named the file (null), from the folder that it is in. Throws a sentence with the code REFUSED where it is not to be read.
 */
export function openTranscript(path: string, folders: readonly string[] | null): number | null {
  if (folders === null) return realPath(dirname(path)) === null ? null : within(dirname(path)).open(basename(path));
  const folder = realFolders(folders).find((one) => isBelow(one, path));
  if (folder !== undefined) return within(folder).open(path);
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return null;
  throw Object.assign(new Error("it is left alone: it is outside of the folders"), {
    code: "REFUSED",
  });
}

function isBelow(folder: string, path: string): boolean {
  return path.startsWith(folder === "/" ? folder : `${folder}/`);
}

function realFolders(folders: readonly string[]): string[] {
  return folders.map(realPath).filter((path) => path !== null);
}

function realPath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
