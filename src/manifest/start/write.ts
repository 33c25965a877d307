/**
 * Writes new files, all or none. Each appears complete under its name, never replaces another and is in a real
 * directory; if one cannot be created, those created before it are removed again. Known limit: after a SIGKILL the
 * first files may exist without the last.
 */
import { lstatSync, mkdirSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { DtError, EXIT, errnoOf, messageOf } from "../../sys/base/error.ts";
import { handToOwner } from "../../sys/door/fileowner.ts";
import { createWhole } from "../../sys/files/filewrite.ts";
import { tryUnlink } from "../../sys/files/removal.ts";
import { checkDirectory } from "./places.ts";
import type { Environment, NewFile } from "./types.ts";

/** The owner may write and everyone may read, minus the umask; dt refuses a manifest that everyone may write to. */
const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;

export function writeNewFiles(root: string, { files, env }: { files: readonly NewFile[]; env: Environment }): void {
  const made: Made[] = [];
  for (const { path, text, shared } of files) {
    const file = join(root, path);
    try {
      makeDirectories(dirname(file), { made, env });
      createWhole(file, { text, mode: FILE_MODE });
      made.push({ path: file, remove: tryUnlink });
    } catch (error) {
      if (shared && errnoOf(error) === "EEXIST") continue;
      throw failure(file, { cause: error, left: undo(made) });
    }
  }
}

/** Creates the folder that makes a directory a project; an existing one is fine. */
export function makeManifests(root: string, env: Environment): void {
  const folder = join(root, "manifests");
  try {
    mkdirSync(folder, { mode: DIRECTORY_MODE });
    handToOwner(folder);
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw failure(folder, { cause: error, left: [] });
    checkDirectory(folder, env);
  }
}

interface Made {
  path: string;
  remove(path: string): void;
}

/** Adds each directory that it creates to `made`. Checks again a directory that appeared since all were checked. */
function makeDirectories(directory: string, { made, env }: { made: Made[]; env: Environment }): void {
  try {
    mkdirSync(directory, { mode: DIRECTORY_MODE });
    made.push({ path: directory, remove: removeEmpty });
    handToOwner(directory);
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT" && dirname(directory) !== directory) {
      makeDirectories(dirname(directory), { made, env });
      makeDirectories(directory, { made, env });
    } else if (code !== "EEXIST") throw error;
    else checkDirectory(directory, env);
  }
}

/** Removes what was made, last first, and returns what is left. */
function undo(made: readonly Made[]): string[] {
  for (const { path, remove } of made.toReversed()) remove(path);
  return made.map(({ path }) => path).filter((path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined);
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // another process has put something into it
  }
}

function failure(file: string, { cause, left }: { cause: unknown; left: string[] }): DtError {
  if (cause instanceof DtError && left.length === 0) return cause; // for a directory that is not this user's
  const code = errnoOf(cause) ?? "unknown";
  const after = left.length === 0 ? "Nothing was written." : `Left behind: ${left.join(", ")}`;
  const details = { path: file, errno: code, left };
  if (code === "EEXIST") {
    const message = `${file} already exists. ${after}`;
    return new DtError("exists", message, { status: EXIT.usage, hint: "Move it away, or use another name.", details });
  }
  return new DtError("cannot-write", `Cannot write ${file}: ${messageOf(cause)}. ${after}`, {
    hint: HINTS[code] ?? "Check who owns the directory and its mode.",
    details,
    cause,
  });
}

const HINTS: Record<string, string> = {
  ENOSPC: "The disk is full: free some space and run it again.",
  EDQUOT: "Your disk quota is used up: free some space and run it again.",
  EROFS: "The file system is read-only.",
  ENOTDIR: "A file is where a directory should be: move it away.",
};
