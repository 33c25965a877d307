/** The paths of the run directory, the cache and DIALTONE_HOME. Nothing here follows a link out of the root. */
import { chmodSync, lstatSync, mkdirSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { sha256 } from "../base/digest.ts";
import { DtError, EXIT, errnoOf, messageOf } from "../base/error.ts";
import { notTextError } from "../base/here.ts";
import { linkStatOf, statOf } from "../base/stat.ts";
import { descend, descendInto, isProjectState, statThere } from "../files/descend.ts";
import { checkOwn, handToOwner, isOwner, readOwn } from "../files/door.ts";
import { createFile, makeDirectories, writeError, writeWhole } from "../files/files.ts";
import { ownUid } from "./ownplace.ts";
import { isSet } from "./root.ts";

/**
 * The error when a root is needed and there is none. `passed`: the folders that were skipped on the way up, and why.
 */
export function noRootError(cwd: string, passed: readonly string[] = []): DtError {
  if (cwd.includes("\uFFFD") || !cwd.isWellFormed()) return notTextError(cwd);
  return new DtError(
    "no-root",
    `No project here: neither ${cwd} nor a directory above it has a \`manifests/\` folder of dt's.${passed.map((text) => ` ${text}.`).join("")}`,
    {
      status: EXIT.usage,
      hint: "Go to your project, name it with -C DIR, or start one here with `dt init`.",
    },
  );
}

/** A short, stable name for a root, in places that many roots share. */
export function rootSlug(root: string): string {
  const hash = sha256(root).slice(0, 12);
  return `${basename(root)
    .replace(/[^A-Za-z0-9_.-]/g, "_")
    .slice(0, 32)}-${hash}`;
}

/**
 * The path of the run directory; nothing is made. A relative DIALTONE_RUN_DIR is below the root, so that it means the
 * same place from everywhere.
 */
export function runDirectoryOf(root: string, env: Record<string, string | undefined>): string {
  return env.DIALTONE_RUN_DIR
    ? join(resolve(root, env.DIALTONE_RUN_DIR), rootSlug(root))
    : join(root, ".dialtone", "run");
}

export function cacheDirectoryOf(root: string, env: Record<string, string | undefined>): string {
  return env.DIALTONE_RUN_DIR
    ? join(resolve(root, env.DIALTONE_RUN_DIR), `${rootSlug(root)}.cache`)
    : join(root, ".dialtone", "cache");
}

/**
 * `DIALTONE_HOME`, else `~/.dialtone`, with the home from HOME or the user database; null when there is none. Throws
 * `unsafe-directory` when another user made it, as any user can when HOME is `/tmp`: what the user trusts, and the
 * user's own manifests, are read from it.
 */
export function homeDirectory(env: Record<string, string | undefined>): string | null {
  const home = homePath(env);
  if (home !== null) refuseOthers(home, env);
  return home;
}

/** Both a link and its target are judged. A path that cannot be looked at cannot be read from either. */
function refuseOthers(home: string, env: Record<string, string | undefined>): void {
  for (const stat of [linkStatOf(home), statOf(home)]) {
    if (stat === undefined) continue;
    const refuse = (why: string) => {
      throw new DtError("unsafe-directory", `${home} ${why}, so dt trusts nothing in it.`, {
        hint: "Set DIALTONE_HOME to a directory of yours. If you are root in a container and mean another user's home, set DIALTONE_TRUST_OWNER=1.",
      });
    };
    if (stat.uid !== 0 && !(isOwner(home, stat.uid) && isPersons(stat.uid, env)))
      refuse(`belongs to uid ${stat.uid}, not to you (uid ${ownUid()})`);
    if (stat.isDirectory() && (stat.mode & 0o1002) === 0o002)
      refuse(`may be changed by every user of this machine (mode ${(stat.mode & 0o7777).toString(8)})`);
  }
}

/**
 * Root with another user's home (`sudo -E`, `su -m`, a container) would act on what that user trusts. That is right
 * only if both are the same person, or the user says so.
 */
function isPersons(uid: number, env: Record<string, string | undefined>): boolean {
  return uid === ownUid() || env.SUDO_UID === String(uid) || env.DIALTONE_TRUST_OWNER === "1" || isSet(env.CI);
}

function homePath(env: Record<string, string | undefined>): string | null {
  if (env.DIALTONE_HOME) return resolve(env.DIALTONE_HOME);
  if (env.HOME) return join(env.HOME, ".dialtone");
  try {
    const { homedir } = (require("node:os") as typeof import("node:os")).userInfo();
    return homedir && homedir !== "/" ? join(homedir, ".dialtone") : null;
  } catch {
    return null; // a uid without an entry
  }
}

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
    if (errnoOf(error) !== "EEXIST") throw writeError(above, error);
  }
}

function makeOne(path: string): void {
  try {
    descend(path, (at) => {
      mkdirSync(at, { mode: 0o700 });
      handToOwner(at);
    });
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw writeError(path, error);
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
      if ((stat.mode & 0o022) !== 0) throw writeError(path, error);
    }
  }
  return true;
}

/**
 * Changes the directory that was judged, not another one that took its name, as far as it can be held (sys/files/descend.ts).
 * Works for one that cannot be read, too.
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
    if (there === undefined) createFile(file, IGNORE_ALL, { durable: false });
    else if (there.size !== IGNORE_ALL.length || readOwn(file).toString() !== IGNORE_ALL)
      writeWhole(file, IGNORE_ALL, { durable: false });
  } catch {
    // read-only, or another process was faster: hiding it from git is a convenience
  }
}
