/**
 * The one way to dt's own files: a regular file of this user under exactly this name. A clone or another user may have
 * put anything in its place: a link to another file, a pipe that blocks its opener, a device without an end. dt refuses
 * such a thing with a sentence before it reads, writes, truncates or removes it, and changes nothing of it.
 *
 *   at the path                              reading      writing, appending, removing
 *   --------------------------------------   ----------   -----------------------------------------------
 *   nothing                                  absent       made (exclusively); nothing to remove
 *   a regular file of this user, one name    read         done
 *   a symbolic link                          refused      refused
 *   a pipe, socket, device, directory        refused      refused
 *   a regular file with another name too     refused      refused (it may be a file of another directory)
 *   one whose other name is its temporary    read         done: it was just published, or its writer was
 *                                                         killed at that moment
 *   a file of another user                   refused      refused; root accepts one of the directory's owner
 *   larger than the limit                    refused      -
 *   any of these, where a directory of a     refused      refused
 *   project's state on the way is a link
 *
 * descend.ts says how the directory is reached, whatever is swapped on the way. Known limit: a process with this user's
 * rights can put another regular file there between two calls; the seal is then missing.
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
import { errnoOf } from "../base/error.ts";
import { descend, openThere } from "./descend.ts";
import { unsafe } from "./unsafe.ts";

/** State files are kilobytes; one with a long log's last lines or a large stack is still far below this. */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Opens one of dt's own files. Throws the system's own error, or `unsafe-file`. `flags` as for `open(2)`. Never follows
 * a link, never blocks.
 */
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
 * The same for a descriptor that another program gets. `openOwn` opens with `O_NONBLOCK`, because a pipe in the file's
 * place would block dt, but the other program must not inherit that flag. So the file is opened again once it is known
 * to be a regular file.
 */
export function openOwnForOthers(path: string, flags: number, mode = 0o600): number {
  const known = openOwn(path, flags, mode);
  try {
    return openAgain(known, path, flags & ~(constants.O_CREAT | constants.O_EXCL));
  } finally {
    closeSync(known);
  }
}

/** On Linux the very same file. Without /proc, the file by its name, compared with the first. */
function openAgain(known: number, path: string, flags: number): number {
  const held = `/proc/self/fd/${known}`;
  if (existsSync(held)) return openSync(held, flags);
  const fd = openThere(path, flags);
  const [before, now] = [fstatSync(known), fstatSync(fd)];
  if (before.ino === now.ino && before.dev === now.dev) return fd;
  closeSync(fd);
  throw unsafe(path, "was replaced while it was being opened");
}

/** `at`: the path by which the file at `path` is looked at. */
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
    // A link gives ELOOP (EMLINK on some systems), a pipe without a reader ENXIO, a directory EISDIR. All are reported
    // the same way.
    if (["ELOOP", "EMLINK", "ENXIO", "EISDIR"].includes(errnoOf(error) ?? ""))
      refuseStrange(at, path, lstatSync(at), () => lstatSync(at));
    throw error;
  }
}

/** The size of the end of a large file that is read first, to tell whether the rest is worth reading. */
export const END_BYTES = 16 * 1024;
/** A file up to this size is read whole. */
const LARGE_BYTES = 64 * 1024;

/**
 * The bytes of one of dt's own files. Throws as `openOwn` does. `isWorthIt` gets the end of a large file; where it
 * returns false, the result is null.
 */
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

/** A file may grow while it is read. Bytes after its first known size belong to another write. */
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

/**
 * Throws `unsafe-file` where dt would overwrite, rename over or remove a file that it did not make. A missing file is
 * fine.
 */
export function checkOwn(path: string): void {
  try {
    descend(path, (at) => checkOwnAt(at, path));
  } catch (error) {
    const code = errnoOf(error);
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
  }
}

/** The same inside `descend`. `at`: the path it is looked at by; `path`: the path to name in messages. */
export function checkOwnAt(at: string, path: string): void {
  const stat = lstatSync(at, { throwIfNoEntry: false });
  if (stat !== undefined) refuseStrange(at, path, stat, () => lstatSync(at));
}

/** `at`: the path it is looked at by; `path`: the path to name in messages. */
function refuseStrange(at: string, path: string, stat: Stats, again: () => Stats): void {
  if (stat.isSymbolicLink()) throw unsafe(path, "is a symbolic link");
  if (!stat.isFile()) throw unsafe(path, `is ${KINDS.find(([is]) => is(stat))?.[1] ?? "not a regular file"}`);
  if (stat.nlink > 1 && !isPublished(at, stat, again))
    throw unsafe(path, `has ${stat.nlink} names (hard links, such as \`cp -al\` makes)`);
  if (!isOwner(at, stat.uid)) throw unsafe(path, `belongs to uid ${stat.uid}`);
}

const KINDS: readonly (readonly [(stat: Stats) => boolean, string])[] = [
  [(stat) => stat.isFIFO(), "a named pipe"],
  [(stat) => stat.isSocket(), "a socket"],
  [(stat) => stat.isCharacterDevice() || stat.isBlockDevice(), "a device"],
  [(stat) => stat.isDirectory(), "a directory"],
];

/**
 * Reads the name of a temporary file: which file is being written, and by which process. `temporaryName` in files.ts
 * makes such names.
 */
export function readTemporaryName(name: string): { of: string; pid: number } | null {
  const [, of, pid] = TEMPORARY.exec(name) ?? [];
  return of === undefined ? null : { of, pid: Number(pid) };
}

const TEMPORARY = /^\.(.+)\.(\d+)\.[a-z0-9]+\.tmp$/;
/**
 * How often a file that is being published is looked at again. Once is enough unless other processes publish there all
 * the time.
 */
const LOOKS = 3;

/**
 * Whether every other name of a file is one of its temporaries beside it: a lock or a secret is published by a hard
 * link to a temporary, which is then removed. A file of another directory has a name there too, so it has one more name
 * than is found here.
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
    seen = again(); // a temporary may have gone between the two
    if (seen.nlink === 1) return true;
  }
  return false;
}

/**
 * Whether `uid` counts as dt's own user: this user, or the directory's owner when root runs dt and hands what it makes
 * there to that owner.
 */
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

/**
 * Root leaves nothing of its own in another user's directory: a file it just made there goes to the directory's owner.
 */
export function handToOwner(path: string, fd?: number): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(path));
  if (uid === 0) return;
  if (fd === undefined) lchownSync(path, uid, gid);
  else fchownSync(fd, uid, gid);
}
