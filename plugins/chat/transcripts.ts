/**
 * Finds and opens transcripts. A file in a configured folder may come from an agent or a clone, so it is read only if
 * it is a regular file below that folder, whatever links exist. The folder itself may be a link, since the user named
 * it.
 */
import { globSync, lstatSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { within } from "@dialtone/dt";
import type { Settings } from "./settings.ts";

/**
 * The real paths of all existing transcripts, each once. Excludes links, their targets and matches outside the folders.
 */
export function findTranscripts({ folders, include }: Settings): string[] {
  const found = realFolders(folders).flatMap((folder) =>
    globSync(include, { cwd: folder })
      .map((path) => join(folder, path))
      .filter((path) => isBelow(folder, path) && realPath(path) === path && lstatSync(path).isFile()),
  );
  return [...new Set(found)].sort();
}

/**
 * Opens a transcript by its real path and returns a descriptor; null if it does not exist. It is reached from the one
 * of `folders` that contains it, or, if the user named the file (null), from its own folder. Throws an Error with the
 * code REFUSED if it must not be read.
 */
export function openTranscript(path: string, folders: readonly string[] | null): number | null {
  if (folders === null) return realPath(dirname(path)) === null ? null : within(dirname(path)).open(basename(path));
  const folder = realFolders(folders).find((one) => isBelow(one, path));
  if (folder !== undefined) return within(folder).open(path);
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return null;
  throw Object.assign(new Error("it is left alone: it is outside the configured folders"), {
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
