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
import { constants, existsSync, lstatSync, openSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { lazy } from "../base/lazy.ts";
import { withPath } from "./errorpath.ts";
import { enter, leave, openIdentityOf } from "./keptopen.ts";
import { lookAlong, openDirectory } from "./openway.ts";
import { nameIn, wayOf } from "./stateway.ts";

/** From macOS's fcntl.h: no link anywhere in the path. Elsewhere the bit means nothing. */
const O_NOFOLLOW_ANY = 0x2000_0000;

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
    throw withPath(error, { held: `/proc/self/fd/${opened.fd}`, name: dirname(path) });
  } finally {
    leave(opened);
  }
}

/** The same for a directory: `work` gets a path for it. Throws as `descend` does. */
export function descendInto<T>(directory: string, work: (at: string) => T, throughProc = hasProc()): T {
  try {
    return descend(`${directory}/.`, work, throughProc);
  } catch (error) {
    throw withPath(error, { held: `${directory}/.`, name: directory });
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
    return { path, ...openIdentityOf(opened) };
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
