/** The user's roots: one small file each, named after the root, so that two dt at once never overwrite each other's. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "../sys/files.ts";
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
