/** The user's roots: one small file each, named after the root, so that two dt at once never overwrite each other's. */
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readText, writeWhole } from "../sys/files.ts";
import { rootSlug } from "../sys/paths.ts";

/** Remembers a root; where the home cannot be written this is left out, since nothing but convenience needs it. */
export function rememberRootIn(directory: string, root: string): void {
  const file = join(directory, rootSlug(root));
  if (existsSync(file)) return;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeWhole(file, `${root}\n`);
  } catch {
    // a read-only or full home
  }
}

/** The roots that were remembered, each with the file that does. A file that cannot be read is left out. */
export function listRootsIn(directory: string): { file: string; root: string }[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return []; // nothing was ever started, or the home is not ours to read
  }
  return names.sort().flatMap((name) => {
    const file = join(directory, name);
    const text = name.startsWith(".") ? null : readText(file);
    return text?.is === "there" ? [{ file, root: text.value.replace(/\n$/, "") }] : [];
  });
}
