/**
 * The one way to dt's own files: a regular file of this user under exactly this name. A clone, or another user, may have put anything in
 * the place of one: a link to somebody's file, a pipe that blocks whoever opens it, a device without an end. Such a thing is refused with a
 * sentence before it is read, written, truncated or removed, and nothing of it is changed.
 *
 *   at the path                              reading      writing, appending, removing
 *   --------------------------------------   ----------   ------------------------------------
 *   nothing                                  absent       made (exclusively), nothing to remove
 *   a regular file of this user, one name    read         done
 *   a symbolic link                          refused      refused
 *   a pipe, socket, device, directory        refused      refused
 *   a regular file with another name too     refused      refused (it may be a file of another directory)
 *   one whose other name is its temporary    read         done: it was just published, or its writer was killed right then
 *   a file of another user                   refused      refused; root takes one of the directory's owner
 *   larger than the limit                    refused      -
 *   any, where a directory of a project's    refused      refused
 *   state on the way to it is a link
 *
 * How the directory is reached, whatever is swapped on the way, is in descend.ts. Known limit: whoever has this user's rights can put another
 * regular file there between two calls; its seal is then missing.
 */
import {
  closeSync,
  constants,
  existsSync,
  fchownSync,
  fstatSync,
  lchownSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  type Stats,
  statSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { descend, openThere } from "./descend.ts";
import { errnoOf } from "./error.ts";
import { unsafe } from "./unsafe.ts";

/** State files are kilobytes; one with a long log's last lines or a large stack is far below this. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Opens one of dt's own files. Throws the system's own error, or `unsafe-file`. `flags` as for `open(2)`; never follows a link, never waits. */
export function openOwn(path: string, flags: number, mode = 0o600): number {
  const asked = flags | constants.O_NONBLOCK;
  if ((flags & constants.O_CREAT) === 0) return checkOpened(path, path, () => openThere(path, asked));
  return descend(path, (at) => {
    const fd = checkOpened(at, path, () => openSync(at, asked | constants.O_NOFOLLOW, mode));
    try {
      if (fstatSync(fd).size === 0) handToOwner(at, fd);
      return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  });
}

/**
 * The same for a descriptor that another program gets: `O_NONBLOCK`, without which a pipe in the file's place would hold dt up, would be that
 * program's too. So the file is opened again once it is known to be one.
 */
export function openOwnForOthers(path: string, flags: number, mode = 0o600): number {
  const known = openOwn(path, flags, mode);
  try {
    return openAgain(known, path, flags & ~(constants.O_CREAT | constants.O_EXCL));
  } finally {
    closeSync(known);
  }
}

/** The very file, on Linux; where there is no /proc, what has its name, and is compared. */
function openAgain(known: number, path: string, flags: number): number {
  const held = `/proc/self/fd/${known}`;
  if (existsSync(held)) return openSync(held, flags);
  const fd = openThere(path, flags);
  const [before, now] = [fstatSync(known), fstatSync(fd)];
  if (before.ino === now.ino && before.dev === now.dev) return fd;
  closeSync(fd);
  throw unsafe(path, "was put in another's place while it was opened");
}

/** `at`: where the file at `path` is looked at. */
function checkOpened(at: string, path: string, open: () => number): number {
  const fd = openOrName(at, path, open);
  try {
    refuseStrange(at, path, fstatSync(fd), () => fstatSync(fd));
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function openOrName(at: string, path: string, open: () => number): number {
  try {
    return open();
  } catch (error) {
    // A link answers ELOOP (EMLINK on some systems), a pipe that nobody reads ENXIO, a directory EISDIR: all said in one way.
    if (["ELOOP", "EMLINK", "ENXIO", "EISDIR"].includes(errnoOf(error) ?? ""))
      refuseStrange(at, path, lstatSync(at), () => lstatSync(at));
    throw error;
  }
}

/** The end of a large file, by which can be told whether the rest is worth reading. */
export const END_BYTES = 16 * 1024;
/** Whatever is not longer is read at once. */
const LARGE_BYTES = 64 * 1024;

/** The bytes of one of dt's own files. Throws as `openOwn` does. `isWorthIt`: asked about the end of a large file; null is given where it says no. */
export function readOwn(path: string): Buffer;
export function readOwn(path: string, isWorthIt: (end: string) => boolean): Buffer | null;
export function readOwn(path: string, isWorthIt: (end: string) => boolean = () => true): Buffer | null {
  const fd = openOwn(path, constants.O_RDONLY);
  try {
    const { size } = fstatSync(fd);
    if (size > MOST_BYTES) throw unsafe(path, `has ${size} bytes, and dt reads at most ${MOST_BYTES}`);
    if (size > LARGE_BYTES && !isWorthIt(readAll(fd, END_BYTES, size - END_BYTES).toString("utf8"))) return null;
    return readAll(fd, size);
  } finally {
    closeSync(fd);
  }
}

/** A file may grow while it is read; what comes after the size it had is another write's. */
function readAll(fd: number, size: number, from = 0): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let offset = 0;
  while (offset < size) {
    const read = readSync(fd, bytes, offset, size - offset, from + offset);
    if (read === 0) break;
    offset += read;
  }
  return bytes.subarray(0, offset);
}

/** Throws `unsafe-file` where dt would write over, rename over or remove something that it did not make. A missing file is fine. */
export function checkOwn(path: string): void {
  try {
    descend(path, (at) => checkOwnAt(at, path));
  } catch (error) {
    const code = errnoOf(error);
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
  }
}

/** The same inside of `descend`. `at`: where it is looked at; `path`: what is said of it. */
export function checkOwnAt(at: string, path: string): void {
  const stat = lstatSync(at, { throwIfNoEntry: false });
  if (stat !== undefined) refuseStrange(at, path, stat, () => lstatSync(at));
}

/** `at`: where it is looked at; `path`: what is said of it. */
function refuseStrange(at: string, path: string, stat: Stats, again: () => Stats): void {
  if (stat.isSymbolicLink()) throw unsafe(path, "is a symbolic link");
  if (!stat.isFile()) throw unsafe(path, `is ${KINDS.find(([is]) => is(stat))?.[1] ?? "not a regular file"}`);
  if (stat.nlink > 1 && !isPublished(at, stat, again))
    throw unsafe(path, `has ${stat.nlink} names (hard links, as a copy by \`cp -al\` makes them)`);
  if (!isOwner(at, stat.uid)) throw unsafe(path, `belongs to uid ${stat.uid}`);
}

const KINDS: readonly (readonly [(stat: Stats) => boolean, string])[] = [
  [(stat) => stat.isFIFO(), "a named pipe"],
  [(stat) => stat.isSocket(), "a socket"],
  [(stat) => stat.isCharacterDevice() || stat.isBlockDevice(), "a device"],
  [(stat) => stat.isDirectory(), "a directory"],
];

/** What a name says that a file has while it is written: of which file, by which process. Made by `temporaryName` in files.ts. */
export function readTemporaryName(name: string): { of: string; pid: number } | null {
  const [, of, pid] = TEMPORARY.exec(name) ?? [];
  return of === undefined ? null : { of, pid: Number(pid) };
}

const TEMPORARY = /^\.(.+)\.(\d+)\.[a-z0-9]+\.tmp$/;
/** How often a file that is being published is looked at again; once is enough, unless others publish there all the time. */
const LOOKS = 3;

/**
 * Whether each other name of a file is one of its temporaries beside it: a lock and a secret are published by a link to one, which is then
 * removed. A file of another directory has a name there too, and so one more than is found here.
 */
function isPublished(path: string, stat: Stats, again: () => Stats): boolean {
  const own = basename(path);
  const of = readTemporaryName(own)?.of ?? own;
  for (let seen = stat, look = 0; look < LOOKS; look++) {
    const temporaries = readdirSync(dirname(path)).filter((name) => name !== own && readTemporaryName(name)?.of === of);
    const names = temporaries.filter((name) => {
      const there = lstatSync(join(dirname(path), name), { throwIfNoEntry: false });
      return there?.ino === seen.ino && there.dev === seen.dev;
    });
    if (seen.nlink === 1 + names.length) return true;
    seen = again(); // one may have gone between the two
    if (seen.nlink === 1) return true;
  }
  return false;
}

/** Root works in other people's directories, and what it makes there it gives to their owner. */
export function isOwner(path: string, uid: number): boolean {
  const me = process.geteuid?.();
  if (me === undefined || uid === me) return true;
  if (me !== 0) return false;
  try {
    return statSync(dirname(path)).uid === uid;
  } catch {
    return false;
  }
}

/** Root leaves nothing of its own in a directory of somebody else: what it just made there is given to the directory's owner. */
export function handToOwner(path: string, fd?: number): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(path));
  if (uid === 0) return;
  if (fd === undefined) lchownSync(path, uid, gid);
  else fchownSync(fd, uid, gid);
}
