/**
 * The user's roots: one small file each, named after the root, so that two dt at once never overwrite each
 * other's. Each file has a seal and the identity of the folder: another folder put in its place is another
 * root, in which nothing was started.
 */
import { readdirSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { type FolderIdentity, identifyFolder, isSameFolder } from "../sys/base/folder.ts";
import { makeDirectories } from "../sys/files/makedirectories.ts";
import { rootSlug } from "../sys/places/paths.ts";
import { makeSeal } from "../sys/seal/seal.ts";
import { readOwnText, readSealed, writeSealed } from "../sys/seal/sealed.ts";

interface Remembered {
  version: 1;
  root: string;
  folder: FolderIdentity;
}

/**
 * Remembers a root; false when it was remembered already, or its folder is gone. A home that cannot be written is
 * passed over, since only convenience needs this.
 */
export function rememberRootIn(directory: string, root: string): boolean {
  if (isRemembered(directory, root)) return false;
  const file = join(directory, rootSlug(root));
  try {
    const folder = identifyFolder(root);
    if (folder === null) return false;
    makeDirectories(directory);
    writeSealed(file, { seal: sealOf(directory), value: { version: 1, root, folder } satisfies Remembered });
  } catch {
    // a read-only or full home
  }
  return true;
}

export function isRemembered(directory: string, root: string): boolean {
  const there = readRemembered(directory, rootSlug(root));
  return there !== null && isSame(there);
}

/** The seal of the home that contains the directory. */
function sealOf(directory: string) {
  return makeSeal(directory, dirname(directory));
}

function readRemembered(directory: string, name: string): Remembered | null {
  const read = readSealed(join(directory, name), { seal: sealOf(directory), check: (value) => value as Remembered });
  return read.is === "there" && typeof read.value.root === "string" ? read.value : null;
}

/**
 * Whether the folder at the path is the remembered one. A folder that is gone counts, since what ran in it may still
 * run.
 */
function isSame({ root, folder }: Remembered): boolean {
  const there = identifyFolder(root);
  return there === null || isSameFolder(folder, there);
}

/** The remembered roots, each with its file. A file that is unreadable, or is about another folder, is left out. */
export function listRootsIn(directory: string): { file: string; root: string }[] {
  return namesIn(directory).flatMap((name) => {
    const file = join(directory, name);
    const there = readRemembered(directory, name);
    return there !== null && isSame(there) ? [{ file, root: there.root }] : [];
  });
}

/** The paths at which this very folder was remembered before it was moved to `root`. */
export function formerPathsOf(directory: string, root: string): string[] {
  const folder = identifyFolder(root);
  if (folder === null) return [];
  return namesIn(directory).flatMap((name) => {
    const there = readRemembered(directory, name);
    if (there === null || there.root === root || !isSameFolder(there.folder, folder)) return [];
    return isStillAt(there) ? [] : [there.root];
  });
}

/**
 * Whether the folder is still at its remembered path: with a bind mount it may be at two. A link at the old path that
 * leads to the new one does not count.
 */
function isStillAt({ root, folder }: Remembered): boolean {
  const there = identifyFolder(root);
  return there !== null && isSameFolder(folder, there) && realpathSync(root) === root;
}

/**
 * What a dt from before seals remembered: each file holds the path alone. Only this user
 * writes to the user's home of dt.
 */
function unsealedRootsIn(directory: string): string[] {
  return namesIn(directory).flatMap((name) => {
    const text = readOwnText(join(directory, name));
    const root = text.is === "there" ? text.value.replace(/\n$/, "") : "";
    return isAbsolute(root) && !root.includes("\n") ? [root] : [];
  });
}

/**
 * Files among the remembered roots that this user's dt did not write, such as an earlier dt's: gives the root, or the
 * file where it does not name one.
 */
export function foreignRootsIn(directory: string): string[] {
  const seal = sealOf(directory);
  const foreign = namesIn(directory).filter(
    (name) => readSealed(join(directory, name), { seal, check: () => null }).is === "unreadable",
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
