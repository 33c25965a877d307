/**
 * Names of files that are not the user's work: left out wherever they lie, unless a pattern names the very file or
 * directory.
 */
import { readdirSync } from "node:fs";
import { dirname } from "node:path";

/** Never looked into: installed packages, git's own files. */
const DIRECTORIES = new Set(["node_modules", ".git"]);

/** dt's own; left out even when it is named, because each job writes there. */
const OWN = ".dialtone";

/**
 * Files that an editor or a desktop keeps beside an edited file while it is open or being saved: swap and undo files,
 * backups, locks, partial saves. The save itself, by rename or in place, is a change of the edited file.
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

/** Vim makes and removes this file to see whether it may write here. */
const PROBE = "4913";

/**
 * `below`: the path relative to a pattern's base, since the parts of the base itself were named. `path`: the same,
 * absolute.
 */
export function isLeftOut(below: string, { path, isDirectory }: { path: string; isDirectory: boolean }): boolean {
  if (below === "") return false;
  const parts = below.split("/");
  if (parts.some((part) => DIRECTORIES.has(part))) return true;
  const name = parts.at(-1) as string;
  return !isDirectory && (EDITORS.some((one) => one.test(name)) || (name === PROBE && !isNumbered(path)));
}

/** Whether the file is one of several whose names are numbers. */
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
