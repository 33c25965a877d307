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
 * Known limit: whoever has this user's rights, or may rename the directories above, can swap them between two calls.
 */
import {
  closeSync,
  constants,
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
import { DtError, errnoOf } from "./error.ts";

/** State files are kilobytes; one with a long log's last lines or a large stack is far below this. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Opens one of dt's own files. Throws the system's own error, or `unsafe-file`. `flags` as for `open(2)`; never follows a link, never waits. */
export function openOwn(path: string, flags: number, mode = 0o600): number {
  const fd = openNoFollow(path, flags, mode);
  try {
    const stat = fstatSync(fd);
    refuseStrange(path, stat, () => fstatSync(fd));
    if ((flags & constants.O_CREAT) !== 0 && stat.size === 0) handToOwner(path, fd);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * The same for a descriptor that another program gets: `O_NONBLOCK`, without which a pipe in the file's place would hold dt up, would be that
 * program's too. So the file is opened again once it is known to be one.
 */
export function openOwnForOthers(path: string, flags: number, mode = 0o600): number {
  const known = openOwn(path, flags, mode);
  try {
    const fd = openSync(path, (flags & ~constants.O_CREAT) | constants.O_NOFOLLOW);
    const [before, now] = [fstatSync(known), fstatSync(fd)];
    if (before.ino === now.ino && before.dev === now.dev) return fd;
    closeSync(fd);
    throw unsafe(path, "was put in another's place while it was opened");
  } finally {
    closeSync(known);
  }
}

function openNoFollow(path: string, flags: number, mode: number): number {
  checkWay(path);
  try {
    return openSync(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, mode);
  } catch (error) {
    // A link answers ELOOP (EMLINK on some systems), a pipe that nobody reads ENXIO, a directory EISDIR: all said in one way.
    if (["ELOOP", "EMLINK", "ENXIO", "EISDIR"].includes(errnoOf(error) ?? ""))
      refuseStrange(path, lstatSync(path), () => lstatSync(path));
    throw error;
  }
}

/** The bytes of one of dt's own files. Throws as `openOwn` does. */
export function readOwn(path: string): Buffer {
  const fd = openOwn(path, constants.O_RDONLY);
  try {
    const { size } = fstatSync(fd);
    if (size > MOST_BYTES) throw unsafe(path, `has ${size} bytes, and dt reads at most ${MOST_BYTES}`);
    return readAll(fd, size);
  } finally {
    closeSync(fd);
  }
}

/** A file may grow while it is read; what comes after the size it had is another write's. */
function readAll(fd: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let offset = 0;
  while (offset < size) {
    const read = readSync(fd, bytes, offset, size - offset, offset);
    if (read === 0) break;
    offset += read;
  }
  return bytes.subarray(0, offset);
}

/** Throws `unsafe-file` where dt would write over, rename over or remove something that it did not make. A missing file is fine. */
export function checkOwn(path: string): void {
  checkWay(path);
  let stat: Stats;
  try {
    stat = lstatSync(path);
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return;
    throw error;
  }
  refuseStrange(path, stat, () => lstatSync(path));
}

/** The directories of a project that hold state, from the first that dt made. */
const STATE = /\/\.dialtone\/(?:run|cache)\//g;

/**
 * Throws where one of them is no real directory: a process that outlives the look at its start, a host, is else led elsewhere by whoever shares
 * the folder with it. What is missing is for the call that follows to say.
 */
export function checkWay(path: string): void {
  const at = [...path.matchAll(STATE)].at(-1)?.index;
  if (at === undefined) return;
  for (let end = path.indexOf("/", at + 1); end > 0; end = path.indexOf("/", end + 1)) {
    const directory = path.slice(0, end);
    const stat = lstatSync(directory, { throwIfNoEntry: false });
    if (stat !== undefined && !stat.isDirectory())
      throw unsafe(directory, stat.isSymbolicLink() ? "is a symbolic link" : "is no directory");
  }
}

function refuseStrange(path: string, stat: Stats, again: () => Stats): void {
  if (stat.isSymbolicLink()) throw unsafe(path, "is a symbolic link");
  if (!stat.isFile()) throw unsafe(path, `is ${KINDS.find(([is]) => is(stat))?.[1] ?? "not a regular file"}`);
  if (stat.nlink > 1 && !isPublished(path, stat, again)) throw unsafe(path, `has ${stat.nlink} names (hard links)`);
  if (!isOwner(path, stat.uid)) throw unsafe(path, `belongs to uid ${stat.uid}`);
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
    return lstatSync(dirname(path)).uid === uid;
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

function unsafe(path: string, what: string): DtError {
  return new DtError("unsafe-file", `${path} ${what}; dt keeps its state only in regular files that it made itself.`, {
    hint: `See what it is (ls -l), and move it away: mv ${quote(path)} ${quote(`${path}.old`)}`,
    details: { path },
  });
}

function quote(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
