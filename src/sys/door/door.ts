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
import { closeSync, constants, existsSync, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import { errnoOf } from "../base/error.ts";
import { descend, openThere } from "./descend.ts";
import { handToOwner } from "./fileowner.ts";
import { refuseStrange } from "./strange.ts";
import { unsafe } from "./unsafe.ts";

/** State files are kilobytes; one with a long log's last lines or a large stack is still far below this. */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Opens one of dt's own files. Throws the system's own error, or `unsafe-file`. `flags` as for `open(2)`. Never follows
 * a link, never blocks.
 */
export function openOwn(path: string, { flags, mode = 0o600 }: { flags: number; mode?: number | undefined }): number {
  const asked = flags | constants.O_NONBLOCK;
  if ((flags & constants.O_CREAT) === 0) return checkOpened(path, { path, open: () => openThere(path, asked) });
  return descend(path, (at) => {
    const fd = checkOpened(at, { path, open: () => openSync(at, asked | constants.O_NOFOLLOW, mode) });
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
export function openOwnForOthers(
  path: string,
  { flags, mode = 0o600 }: { flags: number; mode?: number | undefined },
): number {
  const known = openOwn(path, { flags, mode });
  try {
    return openAgain(known, { path, flags: flags & ~(constants.O_CREAT | constants.O_EXCL) });
  } finally {
    closeSync(known);
  }
}

/** On Linux the very same file. Without /proc, the file by its name, compared with the first. */
function openAgain(known: number, { path, flags }: { path: string; flags: number }): number {
  const held = `/proc/self/fd/${known}`;
  if (existsSync(held)) return openSync(held, flags);
  const fd = openThere(path, flags);
  const [before, now] = [fstatSync(known), fstatSync(fd)];
  if (before.ino === now.ino && before.dev === now.dev) return fd;
  closeSync(fd);
  throw unsafe(path, "was replaced while it was being opened");
}

/** `at`: the path by which the file at `path` is looked at. */
function checkOpened(at: string, { path, open }: { path: string; open: () => number }): number {
  const fd = openOrName(at, { path, open });
  try {
    refuseStrange(at, { path, stat: fstatSync(fd), again: () => fstatSync(fd) });
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function openOrName(at: string, { path, open }: { path: string; open: () => number }): number {
  try {
    return open();
  } catch (error) {
    // A link gives ELOOP (EMLINK on some systems), a pipe without a reader ENXIO, a directory EISDIR. All are reported
    // the same way.
    if (["ELOOP", "EMLINK", "ENXIO", "EISDIR"].includes(errnoOf(error) ?? ""))
      refuseStrange(at, { path, stat: lstatSync(at), again: () => lstatSync(at) });
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
  const fd = openOwn(path, { flags: constants.O_RDONLY });
  try {
    const { size } = fstatSync(fd);
    if (size > MOST_BYTES) throw unsafe(path, `has ${size} bytes, and dt reads at most ${MOST_BYTES}`);
    if (size > LARGE_BYTES && !isWorthIt(readAll(fd, { size: END_BYTES, from: size - END_BYTES }).toString("utf8")))
      return null;
    return readAll(fd, { size });
  } finally {
    closeSync(fd);
  }
}

/** A file may grow while it is read. Bytes after its first known size belong to another write. */
function readAll(fd: number, { size, from = 0 }: { size: number; from?: number | undefined }): Buffer {
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
  if (stat !== undefined) refuseStrange(at, { path, stat, again: () => lstatSync(at) });
}
