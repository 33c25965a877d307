/** Where things are: the run directory, the cache, the user's home of dt. Nothing here follows a link out of the root. */
import { chmodSync, lstatSync, mkdirSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { descend, descendInto, isProjectState, statThere } from "./descend.ts";
import { sha256 } from "./digest.ts";
import { checkOwn, handToOwner, isOwner, readOwn } from "./door.ts";
import { DtError, EXIT, errnoOf, messageOf } from "./error.ts";
import { createFile, makeDirectories, writeError, writeWhole } from "./files.ts";
import { notTextError } from "./here.ts";
import { ownUid } from "./ownplace.ts";
import { isSet } from "./root.ts";
import { linkStatOf, statOf } from "./stat.ts";

/** The error when a root is needed and there is none. `passed`: what was passed by on the way up, and why. */
export function noRootError(cwd: string, passed: readonly string[] = []): DtError {
  if (cwd.includes("\uFFFD") || !cwd.isWellFormed()) return notTextError(cwd);
  return new DtError(
    "no-root",
    `No project here: neither ${cwd} nor a directory above it holds a folder \`manifests/\` of dt.${passed.map((text) => ` ${text}.`).join("")}`,
    {
      status: EXIT.usage,
      hint: "Go to your project, name it with -C DIR, or start one here with `dt init`.",
    },
  );
}

/** A short stable name of a root, for places that many roots share. */
export function rootSlug(root: string): string {
  const hash = sha256(root).slice(0, 12);
  return `${basename(root)
    .replace(/[^A-Za-z0-9_.-]/g, "_")
    .slice(0, 32)}-${hash}`;
}

/** The run directory's path; nothing is made. A relative DIALTONE_RUN_DIR is below the root, so that it is one place from everywhere. */
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
 * `DIALTONE_HOME`, else `~/.dialtone`, with the home from HOME or the user database. Null when there is none at all. Throws `unsafe-directory` where
 * another user made what is there, as anybody can where HOME is `/tmp`: what is trusted, and what the user's own manifests are, is read from it.
 */
export function homeDirectory(env: Record<string, string | undefined>): string | null {
  const home = homePath(env);
  if (home !== null) refuseOthers(home, env);
  return home;
}

/** A link that is there, and what it leads to, are judged both. What may not be looked at is not read from either. */
function refuseOthers(home: string, env: Record<string, string | undefined>): void {
  for (const stat of [linkStatOf(home), statOf(home)]) {
    if (stat === undefined) continue;
    const refuse = (why: string) => {
      throw new DtError("unsafe-directory", `${home} ${why}, so dt believes nothing that is in it.`, {
        hint: "Set DIALTONE_HOME to a directory of yours; root in a container that has somebody's home says so with DIALTONE_TRUST_OWNER=1.",
      });
    };
    if (stat.uid !== 0 && !(isOwner(home, stat.uid) && isPersons(stat.uid, env)))
      refuse(`belongs to uid ${stat.uid}, not to you (uid ${ownUid()})`);
    if (stat.isDirectory() && (stat.mode & 0o1002) === 0o002)
      refuse(`may be changed by every user of this machine (mode ${(stat.mode & 0o7777).toString(8)})`);
  }
}

/**
 * Root that was given somebody's home (`sudo -E`, `su -m`, a container) would act on what that user says is trusted. That is right where the two are one
 * person, or where it was said.
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
 * Makes a private directory (0700), and of those above it the ones that are dt's own. Refuses one that is a link or another user's: who could
 * replace files there could name what is killed. A project's folder that was removed is never made again: that is an error.
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

/** The directories on the way that dt makes: from the last `.dialtone` down, else this one alone. */
function ownDirectories(path: string): string[] {
  const parts = path.split("/");
  const at = parts.lastIndexOf(".dialtone");
  if (at < 0) return [path];
  return parts.slice(at).map((_, below) => parts.slice(0, at + below + 1).join("/"));
}

/** Throws when the directory exists and is not to be trusted; a missing one is fine. */
export function checkPrivateDirectory(path: string): void {
  for (const directory of ownDirectories(path)) checkOne(directory);
}

/** False where nothing is there. */
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

/** The directory that was looked at, as far as it can be held (descend.ts); also one that may not be read. */
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
 * Makes `.dialtone/` invisible to git without touching the repository's own ignore file; one that came with a clone and says something else is
 * written over. Throws `unsafe-file` where it is a link.
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
    // read-only, or somebody was faster: git's view of it is a convenience
  }
}
