/**
 * The user's roots: one small file each, named after the root, so that two dt at once never overwrite each other's. Each has a seal, and the
 * identity of the folder: another folder that is put in its place is another root, in which nothing was started.
 */
import { readdirSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { makeDirectories } from "../sys/files.ts";
import { type FolderIdentity, identifyFolder, isSameFolder } from "../sys/folder.ts";
import { rootSlug } from "../sys/paths.ts";
import { makeSeal } from "../sys/seal.ts";
import { readOwnText, readSealed, writeSealed } from "../sys/sealed.ts";

interface Remembered {
  version: 1;
  root: string;
  folder: FolderIdentity;
}

/** Remembers a root; false when it was remembered before. Where the home cannot be written this is left out, since nothing but convenience needs it. */
export function rememberRootIn(directory: string, root: string): boolean {
  if (isRemembered(directory, root)) return false;
  const file = join(directory, rootSlug(root));
  try {
    const folder = identifyFolder(root);
    if (folder === null) return false;
    makeDirectories(directory);
    writeSealed(file, sealOf(directory), { version: 1, root, folder } satisfies Remembered);
  } catch {
    // a read-only or full home
  }
  return true;
}

export function isRemembered(directory: string, root: string): boolean {
  const there = readRemembered(directory, rootSlug(root));
  return there !== null && isSame(there);
}

/** Of the home that the directory is in. */
function sealOf(directory: string) {
  return makeSeal(directory, dirname(directory));
}

function readRemembered(directory: string, name: string): Remembered | null {
  const read = readSealed(join(directory, name), sealOf(directory), (value) => value as Remembered);
  return read.is === "there" && typeof read.value.root === "string" ? read.value : null;
}

/** Also one that is gone: what ran in it may run still. */
function isSame({ root, folder }: Remembered): boolean {
  const there = identifyFolder(root);
  return there === null || isSameFolder(folder, there);
}

/** The roots that were remembered, each with the file that does. A file that cannot be read, or is of another folder, is left out. */
export function listRootsIn(directory: string): { file: string; root: string }[] {
  return namesIn(directory).flatMap((name) => {
    const file = join(directory, name);
    const there = readRemembered(directory, name);
    return there !== null && isSame(there) ? [{ file, root: there.root }] : [];
  });
}

/** The paths under which this very folder was remembered before it was moved to `root`. */
export function formerPathsOf(directory: string, root: string): string[] {
  const folder = identifyFolder(root);
  if (folder === null) return [];
  return namesIn(directory).flatMap((name) => {
    const there = readRemembered(directory, name);
    if (there === null || there.root === root || !isSameFolder(there.folder, folder)) return [];
    return isStillAt(there) ? [] : [there.root];
  });
}

/** A folder may be at two paths, by a bind mount. A link at the old path that leads to the new one is no folder. */
function isStillAt({ root, folder }: Remembered): boolean {
  const there = identifyFolder(root);
  return there !== null && isSameFolder(folder, there) && realpathSync(root) === root;
}

/** What a dt that knew no seals remembered: the path alone in each file. Nothing but this user writes to his home of dt. */
function unsealedRootsIn(directory: string): string[] {
  return namesIn(directory).flatMap((name) => {
    const text = readOwnText(join(directory, name));
    const root = text.is === "there" ? text.value.replace(/\n$/, "") : "";
    return isAbsolute(root) && !root.includes("\n") ? [root] : [];
  });
}

/** Files in the place of remembered roots that this user's dt did not write, as of an earlier one: the roots, or the files where they do not say. */
export function foreignRootsIn(directory: string): string[] {
  const seal = sealOf(directory);
  const foreign = namesIn(directory).filter(
    (name) => readSealed(join(directory, name), seal, () => null).is === "unreadable",
  );
  const before = new Map(unsealedRootsIn(directory).map((root) => [rootSlug(root), root]));
  return foreign.map((name) => before.get(name) ?? join(directory, name));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => !name.startsWith("."))
      .sort();
  } catch {
    return []; // nothing was ever started, or the home is not ours to read
  }
}
