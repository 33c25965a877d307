/**
 * The way down to a file of dt's state in a project. Whoever shares the project's folder with this user can put a link in the place of a
 * directory at any time, between two calls of dt too. So each directory from the project's folder down is opened in the one above it, by
 * descriptor (`openat`) and not through a link, and what is done is done in the last of them, whatever is put at its name meanwhile.
 *
 *   what is done                          Linux                                     where there is no /proc (macOS)
 *   -----------------------------------   ---------------------------------------   ----------------------------------------
 *   make, rename, link, remove, look      in the open directory:                    each directory is looked at, then it is
 *                                         `/proc/self/fd/<directory>/<name>`        done by the path
 *   open what is there                    by the path; then the kernel is asked     each directory is looked at, then it is
 *                                         where the opened file is. Elsewhere: as   opened by the real path, through no link
 *                                         above                                     (`O_NOFOLLOW_ANY`)
 *   something in a directory of the       by the path: what leads there is the person's own choice
 *   person's own (home, a declared log)
 *
 * Links above the project's folder are the person's own too. Known limit: on macOS a rename may meet a directory that was swapped in the
 * instant before it.
 */
import { closeSync, constants, existsSync, fstatSync, lstatSync, openSync, readlinkSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { errnoOf } from "./error.ts";
import { lazy } from "./lazy.ts";
import { unsafe } from "./unsafe.ts";

/** Where state begins below a project's folder. */
const STATE = /\/\.dialtone\/(?:(?:run|cache)(?:\/|$)|\.{1,2}gitignore)/g;
/** From Linux's fcntl.h: to hold a directory, and nothing more. No right to read it is needed. */
const O_PATH = 0o10000000;
/** From macOS's fcntl.h: no link anywhere on the way. Elsewhere the bit means nothing. */
const O_NOFOLLOW_ANY = 0x2000_0000;
const DIRECTORY = O_PATH | constants.O_DIRECTORY;

interface Way {
  /** The project's folder. */
  folder: string;
  /** From there to the directory that holds the name. */
  steps: string[];
  name: string;
}

/** Whether a name in an open directory has a path. */
const hasProc = lazy(() => existsSync("/proc/self/fd"));

/**
 * Gives `work` a path for the name that only leads into the directory that was found on the way. It is good until `work` returns. Throws
 * `unsafe-file` where a directory on the way is none, or another user's; what `work` throws, with the name's own path in it.
 */
export function descend<T>(path: string, work: (at: string) => T, throughProc = hasProc()): T {
  const way = wayOf(path);
  if (way === null) return work(path);
  if (!throughProc) {
    lookAlong(way);
    return work(path);
  }
  const fd = openDirectory(way, path);
  const held = `/proc/self/fd/${fd}`;
  try {
    return work(`${held}/${way.name}`);
  } catch (error) {
    throw named(error, held, dirname(path));
  } finally {
    closeSync(fd);
  }
}

/** The names in a directory, found in the same way. Throws as `descend` does. */
export function descendInto<T>(directory: string, work: (at: string) => T, throughProc = hasProc()): T {
  return descend(`${directory}/.`, work, throughProc);
}

/**
 * Opens what is there; `flags` must not make or change anything. `NOFOLLOW` is added. Throws the system's own error, and `unsafe-file` as
 * `descend` does.
 */
export function openThere(path: string, flags: number, throughProc = hasProc()): number {
  const asked = flags | constants.O_NOFOLLOW;
  const way = wayOf(path);
  if (way === null) return openSync(path, asked);
  if (!throughProc) {
    lookAlong(way);
    return openSync(join(realpathSync(way.folder), ...way.steps, way.name), asked | O_NOFOLLOW_ANY);
  }
  const fd = openOrLook(way, path, asked);
  if (isAt(fd, path)) return fd;
  closeSync(fd);
  return descend(path, (at) => openSync(at, asked), throughProc);
}

/** "Not there" is a true answer only of the right directory. */
function openOrLook(way: Way, path: string, flags: number): number {
  try {
    return openSync(path, flags);
  } catch (error) {
    lookAlong(way);
    throw error;
  }
}

function isAt(fd: number, path: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === path;
  } catch {
    return false;
  }
}

function wayOf(path: string): Way | null {
  const at = [...path.matchAll(STATE)].at(-1)?.index;
  if (at === undefined) return null;
  const end = path.lastIndexOf("/");
  const steps = path.slice(at + 1, end).split("/");
  return { folder: path.slice(0, at) || "/", steps: steps.filter((step) => step !== ""), name: path.slice(end + 1) };
}

function openDirectory({ folder, steps }: Way, path: string): number {
  let fd = open(folder, DIRECTORY, path);
  let directory = folder;
  const { uid } = fstatSync(fd);
  for (const step of steps) {
    const above = fd;
    directory = join(directory, step);
    try {
      fd = openStep(`/proc/self/fd/${above}/${step}`, directory, path);
    } finally {
      closeSync(above);
    }
    refuseOthers(fd, directory, uid);
  }
  return fd;
}

function openStep(at: string, directory: string, path: string): number {
  try {
    return open(at, DIRECTORY | constants.O_NOFOLLOW, path);
  } catch (error) {
    if (errnoOf(error) === "ENOTDIR" || errnoOf(error) === "ELOOP") throw noDirectory(directory, at);
    throw error;
  }
}

/** The folder may not be this user's, who is root then; its state is its owner's. */
function refuseOthers(fd: number, directory: string, ofFolder: number): void {
  const { uid } = fstatSync(fd);
  const own = process.geteuid?.() ?? uid;
  if (uid === own || (own === 0 && uid === ofFolder)) return;
  closeSync(fd);
  throw unsafe(directory, `belongs to uid ${uid}`);
}

/** The error names the file that was asked for. */
function open(at: string, flags: number, path: string): number {
  try {
    return openSync(at, flags);
  } catch (error) {
    throw named(error, at, path);
  }
}

/** Throws where a directory on the way is none. What is missing is for the call that follows to say. */
function lookAlong({ folder, steps }: Way): void {
  let directory = folder;
  for (const step of steps) {
    directory = join(directory, step);
    const stat = lstatSync(directory, { throwIfNoEntry: false });
    if (stat !== undefined && !stat.isDirectory()) throw noDirectory(directory, directory);
  }
}

function noDirectory(directory: string, at: string) {
  const isLink = lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  return unsafe(directory, isLink ? "is a symbolic link" : "is no directory");
}

/** A system error speaks of the descriptor, which says nothing to anybody. */
function named(error: unknown, held: string, name: string): unknown {
  if (!(error instanceof Error)) return error;
  error.message = error.message.replaceAll(held, name);
  const { path, dest } = error as NodeJS.ErrnoException & { dest?: string };
  if (path !== undefined) Object.assign(error, { path: path.replace(held, name) });
  if (dest !== undefined) Object.assign(error, { dest: dest.replace(held, name) });
  return error;
}
