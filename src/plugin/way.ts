/**
 * Goes to a file below a folder step by step: each directory is opened from the one above it without following a link,
 * so one that is swapped for a link meanwhile leads nowhere. A link is read, and followed only if its target stays
 * inside.
 *
 * Known limit: without /proc (macOS) the steps are paths. The system itself then refuses to open through a link, but a
 * rename may meet a directory that was swapped in the instant before it.
 */
import { closeSync, constants, existsSync, lstatSync, mkdirSync, openSync, readlinkSync, type Stats } from "node:fs";
import { isAbsolute, join, relative } from "node:path";

/** A name in an open directory. */
export interface Place {
  fd: number;
  /** The directory's path, for messages and for systems without /proc. */
  directory: string;
  name: string;
  /** What has the name, a link only if it is not to be followed; null: nothing. */
  there: Stats | null;
}

export interface Manner {
  /** Whether the last name is followed if it is a link. */
  follow: boolean;
  /** The mode for making missing directories on the way; null: none are made. */
  make: number | null;
}

export interface Way {
  /**
   * Goes to the directory of the last part and calls `work` with that place. Null: a directory on the way is missing.
   */
  go<T>(path: string, manner: Manner, work: (place: Place) => T): T | null;
  /** The path of a name in an open directory; the default is the directory itself. */
  pathOf(place: Pick<Place, "fd" | "directory">, name?: string): string;
  openDirectory(path: string): number;
  /** For each opening: follow no link. */
  flags: number;
}

/** Links on one way; more count as a loop. */
const LINKS = 8;
/** macOS: no link anywhere on the way. Elsewhere the bit means nothing. */
const NOFOLLOW_ANY = 0x2000_0000;
const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** `base` is a real path. `hasProc`: whether /proc gives a descriptor a path by which its names are reached. */
export function makeWay(base: string, hasProc = existsSync("/proc/self/fd")): Way {
  const flags = O_NOFOLLOW | (hasProc ? 0 : NOFOLLOW_ANY);
  const pathOf: Way["pathOf"] = ({ fd, directory }, name = "") =>
    join(hasProc ? `/proc/self/fd/${fd}` : directory, name);
  const openDirectory = (path: string) => openSync(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK | flags);

  /** Throws if a directory above was swapped for a link since the folder was looked up. */
  function openBase(): number {
    const fd = openDirectory(base);
    if (!hasProc || readlinkSync(`/proc/self/fd/${fd}`) === base) return fd;
    closeSync(fd);
    throw refused(base, "a directory above it was moved, or is a link now");
  }

  function walk<T>(
    parts: readonly string[],
    { manner: { follow, make }, work }: { manner: Manner; work: (place: Place) => T },
  ): Walked<T> {
    let here = { fd: openBase(), directory: base };
    try {
      for (const [index, name] of parts.entries()) {
        const isLast = index === parts.length - 1;
        let there = lstatSync(pathOf(here, name), { throwIfNoEntry: false }) ?? null;
        if (there?.isSymbolicLink() && (follow || !isLast)) {
          const way = resolveLink(base, { above: parts.slice(0, index), target: readlinkSync(pathOf(here, name)) });
          if (way === null) throw refused(join(here.directory, name), `it is a link that leads out of ${base}`);
          return { is: "elsewhere", parts: [...way, ...parts.slice(index + 1)] };
        }
        if (isLast) return { is: "there", result: work({ ...here, name, there }) };
        if (there === null) {
          if (make === null) return { is: "absent" };
          mkdirSync(pathOf(here, name), make);
          there = lstatSync(pathOf(here, name));
        }
        if (!there.isDirectory()) {
          if (make !== null) throw refused(join(here.directory, name), `it is ${kindOf(there)}, not a directory`);
          return { is: "absent" };
        }
        const next = openDirectory(pathOf(here, name));
        closeSync(here.fd);
        here = { fd: next, directory: join(here.directory, name) };
      }
      throw refused(base, "expected a file in it, found the folder itself");
    } finally {
      closeSync(here.fd);
    }
  }

  return {
    pathOf,
    openDirectory,
    flags,
    go(path, manner, work) {
      let parts = partsOf(base, path);
      try {
        for (let links = 0; links <= LINKS; links++) {
          const walked = walk(parts, { manner, work });
          if (walked.is === "absent") return null;
          if (walked.is === "there") return walked.result;
          parts = walked.parts;
        }
      } catch (error) {
        throw asSentence(error, join(base, path));
      }
      throw refused(join(base, path), "its links form a loop");
    },
  };
}

type Walked<T> = { is: "there"; result: T } | { is: "elsewhere"; parts: string[] } | { is: "absent" };

/** The parts of a path that is relative to the folder, or absolute and in it. */
export function partsOf(base: string, path: string): string[] {
  const parts = (isAbsolute(path) ? relative(base, path) : path)
    .split("/")
    .filter((part) => part !== "" && part !== ".");
  if (parts.includes("..") || path.includes("\0")) throw refused(JSON.stringify(path), `it is not within ${base}`);
  return parts;
}

/** Where a link in the directory `above` leads, relative to the folder; null: out of it. */
function resolveLink(base: string, { above, target }: { above: readonly string[]; target: string }): string[] | null {
  const isWhole = isAbsolute(target);
  if (isWhole && target !== base && !target.startsWith(base === "/" ? base : `${base}/`)) return null;
  const way = isWhole ? [] : [...above];
  for (const part of (isWhole ? target.slice(base.length) : target).split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") way.push(part);
    else if (way.pop() === undefined) return null;
  }
  return way;
}

export function kindOf(stat: Stats): string {
  if (stat.isDirectory()) return "a directory";
  if (stat.isSymbolicLink()) return "a link";
  if (stat.isFIFO()) return "a pipe";
  return stat.isSocket() ? "a socket" : "a device";
}

export function refused(path: string, why: string): Error {
  return Object.assign(new Error(`${path} is left alone: ${why}`), { code: "REFUSED" });
}

/** Turns the system's error codes for a path that was swapped between two steps into a sentence. */
function asSentence(error: unknown, path: string): unknown {
  const { code, syscall } = (error ?? {}) as { code?: string; syscall?: string };
  const isSwapped = code === "ELOOP" || code === "ENOTDIR" || (code === "EINVAL" && syscall === "readlink");
  return isSwapped ? refused(path, "part of its path became a link, or stopped being one, meanwhile") : error;
}
