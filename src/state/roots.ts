/**
 * The user's roots: one small file each, named after the root, so that two dt at once never overwrite each other's. Each has a seal, and the
 * inode of the folder: another folder that is put in its place is another root, in which nothing was started.
 */

import { readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeDirectories } from "../sys/files.ts";
import { rootSlug } from "../sys/paths.ts";
import { makeSeal } from "../sys/seal.ts";
import { readSealed, writeSealed } from "../sys/sealed.ts";
import { statOf } from "../sys/stat.ts";

interface Remembered {
  version: 1;
  root: string;
  ino: number;
}

/** Remembers a root; false when it was remembered before. Where the home cannot be written this is left out, since nothing but convenience needs it. */
export function rememberRootIn(directory: string, root: string): boolean {
  if (isRemembered(directory, root)) return false;
  const file = join(directory, rootSlug(root));
  try {
    makeDirectories(directory);
    writeSealed(file, sealOf(directory), { version: 1, root, ino: statSync(root).ino } satisfies Remembered);
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
function isSame({ root, ino }: Remembered): boolean {
  const stat = statOf(root);
  return stat === undefined || stat.ino === ino;
}

/** The roots that were remembered, each with the file that does. A file that cannot be read, or is of another folder, is left out. */
export function listRootsIn(directory: string): { file: string; root: string }[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return []; // nothing was ever started, or the home is not ours to read
  }
  return names.sort().flatMap((name) => {
    const file = join(directory, name);
    const there = name.startsWith(".") ? null : readRemembered(directory, name);
    return there !== null && isSame(there) ? [{ file, root: there.root }] : [];
  });
}
