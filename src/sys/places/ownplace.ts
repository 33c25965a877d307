/**
 * Directories in which only this user decides what a name refers to. A name is as safe as every directory above it, so
 * all of them are judged: each must belong to this user or to root, and no other user may write to it. Where every user
 * may write, as in `/tmp`, the sticky bit must be set: then only its owner can rename or remove a file.
 *
 * Known limits: root is trusted, and so is the owner of `/`, which in a user namespace may be an unmapped user. An ACL
 * counts as far as the mode shows it.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  realpathSync,
  type Stats,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { DtError, errnoOf } from "../base/error.ts";
import { linkStatOf } from "../base/stat.ts";

const WRITABLE_BY_OTHERS = 0o022;
const ACCESSIBLE_TO_OTHERS = 0o077;
const STICKY = 0o1000;

export function ownUid(): number {
  return process.geteuid?.() ?? 0;
}

/** Why another user could replace a name in this directory, as a sentence without its period; null when none could. */
export function whoMaySwap(directory: string): string | null {
  const trusted = new Set([ownUid(), 0, statSync("/").uid]);
  for (let place = realpathSync(directory); ; place = dirname(place)) {
    const { uid, mode } = statSync(place);
    if (!trusted.has(uid)) return `${place} belongs to uid ${uid}`;
    if ((mode & WRITABLE_BY_OTHERS) !== 0 && (mode & STICKY) === 0)
      return `other users may write to ${place} (mode ${modeOf(mode)})`;
    if (place === dirname(place)) return null;
  }
}

/**
 * Makes a directory for this user alone (0700), or takes an existing one. A link, another user's directory and one that
 * others may write to are refused. The last may hold what they put there, so a `chmod` would come too late.
 */
export function takePrivate(path: string): string {
  try {
    if (linkStatOf(path) === undefined) mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
  }
  return checkedPrivate(path);
}

/**
 * `dialtone-<uid>` in a directory that users share. If another user has taken that name, a directory with a random
 * name; the next dt finds it by its owner, which cannot be forged.
 */
export function privateBelow(parent: string): string {
  const swapper = whoMaySwap(parent);
  if (swapper !== null) throw refusal(parent, swapper);
  const name = `dialtone-${ownUid()}`;
  try {
    return takePrivate(join(parent, name));
  } catch {
    const earlier = readdirSync(parent)
      .filter((entry) => entry.startsWith(`${name}-`))
      .sort();
    for (const entry of earlier) {
      try {
        return checkedPrivate(join(parent, entry));
      } catch {
        // another user's, with a name like this user's
      }
    }
    return mkdtempSync(join(parent, `${name}-`));
  }
}

/** The descriptor holds one directory, whatever takes its name between the check and the `chmod`. */
function checkedPrivate(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    throw whatIsThere(path) ?? error;
  }
  try {
    const stat = fstatSync(fd);
    const wrong = whatIsWrong(stat);
    if (wrong !== null) throw refusal(path, wrong);
    if ((stat.mode & ACCESSIBLE_TO_OTHERS) !== 0) fchmodSync(fd, 0o700);
    return path;
  } finally {
    closeSync(fd);
  }
}

function whatIsThere(path: string): DtError | null {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  const wrong = stat === undefined ? null : whatIsWrong(stat);
  return wrong === null ? null : refusal(path, wrong);
}

function whatIsWrong(stat: Stats): string | null {
  if (stat.isSymbolicLink()) return "it is a link";
  if (!stat.isDirectory()) return "it is not a directory";
  if (stat.uid !== ownUid()) return `it belongs to uid ${stat.uid}`;
  return (stat.mode & WRITABLE_BY_OTHERS) === 0 ? null : `other users may write to it (mode ${modeOf(stat.mode)})`;
}

function refusal(path: string, wrong: string): DtError {
  return new DtError("unsafe-directory", `${path} is not private to you (uid ${ownUid()}): ${wrong}.`);
}

function modeOf(mode: number): string {
  return (mode & 0o7777).toString(8);
}
