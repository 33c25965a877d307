/**
 * The private directories (0700) that dt keeps its state in: made, or judged before anything in them is believed. None
 * is reached through a link below the project's folder (sys/door/descend.ts).
 */
import { chmodSync, lstatSync, mkdirSync, type Stats, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { DtError, errnoOf, messageOf } from "../base/error.ts";
import { descend, descendInto, statThere } from "../door/descend.ts";
import { checkOwn, readOwn } from "../door/door.ts";
import { handToOwner } from "../door/fileowner.ts";
import { isProjectState } from "../door/stateway.ts";
import { createFile, writeWhole } from "../files/filewrite.ts";
import { makeDirectories } from "../files/makedirectories.ts";
import { writeError } from "../files/writeerror.ts";

/**
 * Makes a private directory (0700), and those directories above it that are dt's own. Refuses a link and another user's
 * directory: a user who could replace files there could choose what is killed. A project folder that was removed is
 * never made again: that is an error.
 */
export function makePrivateDirectory(path: string): void {
  for (const [index, directory] of ownDirectories(path).entries()) {
    if (checkOne(directory)) continue;
    if (index === 0 && !isProjectState(path)) makeAbove(directory);
    makeOne(directory);
  }
}

function makeAbove(directory: string): void {
  const above = dirname(directory);
  try {
    makeDirectories(above);
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw writeError(above, { cause: error });
  }
}

function makeOne(path: string): void {
  try {
    descend(path, (at) => {
      mkdirSync(at, { mode: 0o700 });
      handToOwner(at);
    });
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw writeError(path, { cause: error });
  }
  checkOne(path);
}

/** The directories of the path that dt makes: from the last `.dialtone` down, else this one alone. */
function ownDirectories(path: string): string[] {
  const parts = path.split("/");
  const at = parts.lastIndexOf(".dialtone");
  if (at < 0) return [path];
  return parts.slice(at).map((_, below) => parts.slice(0, at + below + 1).join("/"));
}

/** Throws when the directory exists and cannot be trusted; a missing one is fine. */
export function checkPrivateDirectory(path: string): void {
  for (const directory of ownDirectories(path)) checkOne(directory);
}

/** False when nothing is there. */
function checkOne(path: string): boolean {
  const stat = lookAt(path);
  if (stat === null) return false;
  if (stat.isSymbolicLink()) {
    throw new DtError("unsafe-directory", `${path} is a symbolic link; dt keeps its state only in a real directory.`, {
      hint: "Remove the link, or set DIALTONE_RUN_DIR to the directory it points to.",
    });
  }
  if (!stat.isDirectory()) {
    throw new DtError("unsafe-directory", `${path} should be a directory, but is a file.`, {
      hint: `Move it away: mv ${path} ${path}.old`,
    });
  }
  const uid = process.geteuid?.() ?? 0;
  if (stat.uid !== uid && !(uid === 0 && stat.uid === lookAt(dirname(path))?.uid)) {
    throw new DtError("unsafe-directory", `${path} belongs to uid ${stat.uid}, not to you (uid ${uid}).`, {
      hint: "Run dt as that user, or set DIALTONE_RUN_DIR to a directory of yours.",
    });
  }
  if ((stat.mode & 0o077) !== 0) {
    try {
      makePrivate(path, stat);
    } catch (error) {
      if ((stat.mode & 0o022) !== 0) throw writeError(path, { cause: error });
    }
  }
  return true;
}

/**
 * Changes the directory that was judged, not another one that took its name, as far as it can be held. Works for one
 * that cannot be read, too.
 */
function makePrivate(path: string, { dev, ino }: Stats): void {
  descendInto(path, (at) => {
    const held = dirname(at);
    const now = statSync(held);
    if (now.dev === dev && now.ino === ino) chmodSync(held, 0o700);
  });
}

function lookAt(path: string): Stats | null {
  try {
    return descend(path, (at) => lstatSync(at));
  } catch (error) {
    if (error instanceof DtError) throw error;
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw new DtError("unsafe-directory", `${path} cannot be looked at: ${messageOf(error)}.`, {
      hint: "Check who owns the directories above it, or set DIALTONE_RUN_DIR to a directory of yours.",
      cause: error,
    });
  }
}

const IGNORE_ALL = "*\n";

/**
 * Hides `.dialtone/` from git without touching the repository's own ignore file. A `.gitignore` there with another
 * content (from a clone) is overwritten. Throws `unsafe-file` when it is a link.
 */
export function ignoreInGit(directory: string): void {
  const file = join(directory, ".gitignore");
  checkOwn(file);
  try {
    const there = statThere(file);
    if (there === undefined) createFile(file, { text: IGNORE_ALL, durable: false });
    else if (there.size !== IGNORE_ALL.length || readOwn(file).toString() !== IGNORE_ALL)
      writeWhole(file, { text: IGNORE_ALL, durable: false });
  } catch {
    // read-only, or another process was faster: hiding it from git is a convenience
  }
}
