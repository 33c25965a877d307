/** What is no work of anybody's: names that are left out wherever they lie, unless a pattern names the very file or directory. */
import { readdirSync } from "node:fs";
import { dirname } from "node:path";

/** Never looked into: what is installed, what is git's. */
const DIRECTORIES = new Set(["node_modules", ".git"]);

/** dt's own; not even when it is named, for each job writes there. */
const OWN = ".dialtone";

/**
 * Files that an editor or a desktop keeps beside the one that is edited, as long as it is open or while it is saved: swap and undo files, backups,
 * locks, halves of a save. The save itself, by rename or in place, is a change of the file.
 */
const EDITORS: readonly RegExp[] = [
  /~$/, // backups of most; vim's undo, name.un~
  /^\..*\.sw[a-z]x?$/, // vim, nano
  /^#.*#$/, // emacs, unsaved
  /^\.#/, // emacs, a lock
  /\.kate-swp$/,
  /___jb_(?:tmp|old|bak)___$/, // JetBrains
  /^\.goutputstream-/, // gedit and the like
  /^sed[A-Za-z0-9]{6}$/, // sed -i
  /^\.~lock\..*#$/, // LibreOffice
  /^~\$/, // Office
  /^\.subl[0-9a-z]{3}\.tmp$/, // Sublime Text
  /^\.(?:nfs[0-9a-f]{8,}|fuse_hidden[0-9a-f]{8,})$/, // removed and still open
  /^\.DS_Store$/,
];

/** Vim makes and removes it, to see whether it may write here. */
const PROBE = "4913";

/** `below` the base of a pattern: what the base itself is made of was named. `path` is the same, absolute. */
export function isLeftOut(below: string, path: string, isDirectory: boolean): boolean {
  if (below === "") return false;
  const parts = below.split("/");
  if (parts.some((part) => DIRECTORIES.has(part))) return true;
  const name = parts.at(-1) as string;
  return !isDirectory && (EDITORS.some((one) => one.test(name)) || (name === PROBE && !isNumbered(path)));
}

/** Whether it is one of files whose names are numbers. */
function isNumbered(path: string): boolean {
  try {
    return readdirSync(dirname(path)).some((name) => name !== PROBE && /^\d+$/.test(name));
  } catch {
    return false;
  }
}

export function isOwn(path: string): boolean {
  return path === OWN || path.startsWith(`${OWN}/`) || path.endsWith(`/${OWN}`) || path.includes(`/${OWN}/`);
}
