/**
 * The way down to a file of dt's state in a project. Another user of the project's folder can replace a directory with
 * a link at any time, even between two calls of dt. So dt opens the directory without following a link and works
 * through the descriptor. It opens it in one call where the kernel then reports this very path; otherwise step by step
 * from the project's folder, each directory inside the one above (`openat`). The work happens in that directory,
 * whatever takes its name meanwhile.
 *
 *   Linux                             the directory is held open, and all work goes through
 *                                     `/proc/self/fd/<directory>/<name>`
 *   no /proc (macOS)                  each directory is checked, then all work goes by the path; opening goes by the
 *                                     real path and follows no link at all (`O_NOFOLLOW_ANY`)
 *   a directory of the user's own     by the path: the user chose what leads there
 *   (home, a declared log, what
 *   DIALTONE_RUN_DIR names)
 *
 * Links above the project's folder are the user's choice too. Known limit: on macOS a file may be made, renamed or
 * removed in a directory that was swapped in the instant before.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  realpathSync,
  type Stats,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { errnoOf } from "../base/error.ts";
import { lazy } from "../base/lazy.ts";
import { enter, identityOf, leave, pathOfOpen } from "./keptopen.ts";
import { unsafe } from "./unsafe.ts";

const STATE_AT = "/.dialtone";
/** From Linux's fcntl.h: holds a directory and nothing more. Needs no right to read it. */
const O_PATH = 0o10000000;
/** From macOS's fcntl.h: no link anywhere in the path. Elsewhere the bit means nothing. */
const O_NOFOLLOW_ANY = 0x2000_0000;
const DIRECTORY = O_PATH | constants.O_DIRECTORY;

interface Way {
  /** The project's folder. */
  folder: string;
  /** The directory that holds the name. */
  directory: string;
  /** The names that lead from the project's folder to that directory. */
  steps: string[];
}

/** Whether a name in an open directory has a path (`/proc/self/fd`). */
const hasProc = lazy(() => existsSync("/proc/self/fd"));

/**
 * Gives `work` a path for the name that leads only into the directory found on the way. The path is valid until `work`
 * returns. Throws `unsafe-file` when something on the way is not a directory, or belongs to another user. Rethrows what
 * `work` throws, with the name's own path in it.
 */
export function descend<T>(path: string, work: (at: string) => T, throughProc = hasProc()): T {
  const way = wayOf(path);
  if (way === null) return work(path);
  if (!throughProc) {
    lookAlong(way);
    return work(path);
  }
  const opened = enter(way.directory, () => openDirectory(way, path));
  try {
    return work(`/proc/self/fd/${opened.fd}/${nameIn(path)}`);
  } catch (error) {
    throw named(error, `/proc/self/fd/${opened.fd}`, dirname(path));
  } finally {
    leave(opened);
  }
}

/** The same for a directory: `work` gets a path for it. Throws as `descend` does. */
export function descendInto<T>(directory: string, work: (at: string) => T, throughProc = hasProc()): T {
  try {
    return descend(`${directory}/.`, work, throughProc);
  } catch (error) {
    throw named(error, `${directory}/.`, directory);
  }
}

/**
 * Opens an existing file; `flags` must not create one. `O_NOFOLLOW` is added. Throws the system's own error, and
 * `unsafe-file` as `descend` does.
 */
export function openThere(path: string, flags: number, throughProc = hasProc()): number {
  const asked = flags | constants.O_NOFOLLOW;
  const way = wayOf(path);
  if (way === null || throughProc) return descend(path, (at) => openSync(at, asked), throughProc);
  lookAlong(way);
  return openSync(join(realpathSync(way.folder), ...way.steps, nameIn(path)), asked | O_NOFOLLOW_ANY);
}

/**
 * A directory's real path, device and inode. `known`: the real path, when it was found before. Throws as `descendInto`
 * does.
 */
export function identifyDirectory(directory: string, known?: string): { path: string; dev: number; ino: number } {
  const way = wayOf(`${directory}/.`);
  if (way === null || !hasProc())
    return descendInto(directory, (at) => {
      const { dev, ino } = statSync(at);
      return { path: known ?? realpathSync(at), dev, ino };
    });
  const opened = enter(way.directory, () => openDirectory(way, directory));
  try {
    const path = opened.isNamed ? way.directory : (known ?? realpathSync(`/proc/self/fd/${opened.fd}`));
    return { path, ...identityOf(opened) };
  } finally {
    leave(opened);
  }
}

/** The stat of what is at a path; a link at the name itself is followed. Undefined when it cannot be seen. */
export function statThere(path: string): Stats | undefined {
  try {
    return descend(path, (at) => statSync(at));
  } catch {
    return undefined;
  }
}

/** The stat of the name itself; a link is not followed. Undefined when it cannot be seen. */
export function linkStatThere(path: string): Stats | undefined {
  try {
    return descend(path, (at) => lstatSync(at));
  } catch {
    return undefined;
  }
}

/**
 * Ways already found, by directory: a launch asks for the same one dozens of times. Null: a directory of the user's
 * own.
 */
const ways = new Map<string, Way | null>();
const MOST_WAYS = 64;

function wayOf(path: string): Way | null {
  const directory = path.slice(0, path.lastIndexOf("/"));
  const known = ways.get(directory);
  if (known !== undefined) return known;
  const way = findWay(path, directory);
  // A file directly in `.dialtone` is dt's by its name, not by its directory.
  if (directory.endsWith(STATE_AT)) return way;
  if (ways.size >= MOST_WAYS) ways.clear();
  ways.set(directory, way);
  return way;
}

/** Whether the path is dt's state: in the `.dialtone` of a project's folder. */
export function isProjectState(path: string): boolean {
  return findState(path) >= 0;
}

function nameIn(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/**
 * Where state begins below a project's folder: at the last `.dialtone` followed by one of dt's names. -1 when no part
 * of the path is state.
 */
function findState(path: string): number {
  for (
    let at = path.lastIndexOf(`${STATE_AT}/`);
    at >= 0;
    at = at === 0 ? -1 : path.lastIndexOf(`${STATE_AT}/`, at - 1)
  ) {
    const from = at + STATE_AT.length + 1;
    const isBelow = (name: string) =>
      path.startsWith(name, from) && ["/", ""].includes(path.charAt(from + name.length));
    // The second is the temporary file of the first.
    const isIgnore = path.startsWith(".gitignore", from) || path.startsWith("..gitignore", from);
    if (isIgnore || isBelow("run") || isBelow("cache")) return at;
  }
  return -1;
}

function findWay(path: string, directory: string): Way | null {
  const at = findState(path);
  if (at < 0) return null;
  const folder = path.slice(0, at) || "/";
  const steps = directory
    .slice(at + 1)
    .split("/")
    .filter((step) => step !== "");
  return { folder, directory: join(folder, ...steps), steps };
}

/** In one call where the kernel confirms that no link led there, otherwise step by step. */
function openDirectory(way: Way, path: string): number {
  const fd = openAtOnce(way.directory) ?? openSteps(way, path);
  try {
    refuseOthers(fd, way);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function openAtOnce(directory: string): number | null {
  let fd: number;
  try {
    fd = openSync(directory, DIRECTORY | constants.O_NOFOLLOW);
  } catch {
    return null; // gone, or swapped at this instant: the steps tell which
  }
  if (pathOfOpen(fd) === directory) return fd;
  closeSync(fd);
  return null;
}

function openSteps({ folder, steps }: Way, path: string): number {
  let fd = open(folder, DIRECTORY, path);
  let directory = folder;
  for (const step of steps) {
    const above = fd;
    directory = join(directory, step);
    try {
      fd = openStep(`/proc/self/fd/${above}/${step}`, directory, path);
    } finally {
      closeSync(above);
    }
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

/** Root works in other users' folders, where the state belongs to the folder's owner. */
function refuseOthers(fd: number, { folder, directory }: Way): void {
  const { uid } = fstatSync(fd);
  const own = process.geteuid?.() ?? uid;
  if (uid === own || (own === 0 && uid === statSync(folder).uid)) return;
  throw unsafe(directory, `belongs to uid ${uid}`);
}

/** The error names the file the caller asked for. */
function open(at: string, flags: number, path: string): number {
  try {
    return openSync(at, flags);
  } catch (error) {
    throw named(error, at, path);
  }
}

/**
 * Throws when something on the way is not a directory. A missing one is left to the call that follows, which reports
 * it.
 */
function lookAlong({ folder, steps }: Way): void {
  let directory = folder;
  for (const step of steps) {
    directory = join(directory, step);
    const stat = lstatSync(directory, { throwIfNoEntry: false });
    if (stat !== undefined && !stat.isDirectory()) throw noDirectory(directory, directory);
  }
}

function noDirectory(directory: string, at: string) {
  const stat = lstatSync(at, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== false) return unsafe(directory, "is replaced with something else again and again");
  return unsafe(directory, stat.isSymbolicLink() ? "is a symbolic link" : "is not a directory");
}

/** A system error names the descriptor, which means nothing to a user. */
function named(error: unknown, held: string, name: string): unknown {
  if (!(error instanceof Error)) return error;
  const rename = (text: string) => text.replaceAll(held, () => name);
  error.message = rename(error.message);
  const { path, dest } = error as NodeJS.ErrnoException & { dest?: string };
  if (path !== undefined) Object.assign(error, { path: rename(path) });
  if (dest !== undefined) Object.assign(error, { dest: rename(dest) });
  return error;
}
