/**
 * Files below a folder with untrusted content. Only regular files are read, and only up to the size they had at the
 * start. Files are written whole, first under a name that cannot be guessed, then renamed. way.ts reaches a file
 * without leaving the folder.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { FileFacts, Within, WithinWriteOptions } from "./types.ts";
import { kindOf, makeWay, type Place, partsOf, refused, type Way } from "./way.ts";

/** In bytes. */
const MOST = 16 * 1024 * 1024;
const LOOK = { follow: false, make: null };
const READ = { follow: true, make: null };

/** The files below a folder, and no others. Throws when there is no such folder. */
export function within(folder: string): Within {
  const base = realpathSync(folder);
  const way = makeWay(base);
  const self: Within = {
    folder: base,
    stat: (path) => way.go(path, LOOK, ({ there }): FileFacts | null => there),
    open: (path) => way.go(path, READ, (place) => openPlace(way, place)),
    bytes(path, most = MOST) {
      const fd = self.open(path);
      if (fd === null) return null;
      try {
        return readAll(fd, { most, path: join(base, path) });
      } finally {
        closeSync(fd);
      }
    },
    read(path, most) {
      const bytes = self.bytes(path, most);
      if (bytes === null) return null;
      try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
      } catch {
        throw refused(join(base, path), "it is not UTF-8 text");
      }
    },
    write(path, content, options = {}) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      const mode = options.mode ?? 0o666 & ~process.umask();
      // A user who may read the file may enter the directory.
      const make = options.directories === true ? mode | ((mode & 0o444) >> 2) : null;
      const isDone = way.go(path, { follow: true, make }, (place) =>
        replace(way, { place, bytes, options: { ...options, mode } }),
      );
      if (isDone === null) throw refused(join(base, path), "its directory does not exist");
    },
    remove(path) {
      const isDone = way.go(path, LOOK, (place) => {
        if (place.there !== null) unlinkSync(way.pathOf(place, place.name));
        return place.there !== null;
      });
      return isDone ?? false;
    },
    names(path = "") {
      if (partsOf(base, path).length === 0) return readdirSync(base).sort();
      return way.go(path, READ, (place) => namesIn(way, place)) ?? [];
    },
  };
  return self;
}

/** Opens only a regular file: opening a pipe would block, and opening a device may have effects. */
function openPlace({ pathOf, flags }: Way, place: Place): number | null {
  if (place.there === null) return null;
  const path = join(place.directory, place.name);
  if (!place.there.isFile()) throw refused(path, `it is ${kindOf(place.there)}, not a regular file`);
  const fd = openSync(
    pathOf(place, place.name),
    constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | flags,
  );
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw refused(path, "it is no longer a regular file");
}

/** Reads up to the end that the file had at the start. */
function readAll(fd: number, { most, path }: { most: number; path: string }): Uint8Array<ArrayBuffer> {
  const { size } = fstatSync(fd);
  if (size > most) throw refused(path, `it has ${size} bytes, and at most ${most} are read`);
  const bytes = new Uint8Array(size);
  let read = 0;
  while (read < size) {
    const got = readSync(fd, bytes, read, size - read, null);
    if (got === 0) break;
    read += got;
  }
  return bytes.subarray(0, read);
}

function replace(
  { pathOf, flags }: Way,
  { place, bytes, options }: { place: Place; bytes: Uint8Array; options: WithinWriteOptions & { mode: number } },
): true {
  const { there } = place;
  const path = join(place.directory, place.name);
  if (there !== null && !there.isFile()) throw refused(path, `it is ${kindOf(there)}, not a regular file`);
  const owner = ownerOf(fstatSync(place.fd), { there, path });
  if (there !== null && there.nlink > 1 && options.linked !== true)
    throw refused(path, `it has ${there.nlink} names (hard links), and another may be outside`);
  const temporary = pathOf(place, `.dt-${randomBytes(12).toString("hex")}.new`);
  const fd = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | flags, 0o600);
  try {
    for (let offset = 0; offset < bytes.length; ) offset += writeSync(fd, bytes, offset);
    if (owner !== null) fchownSync(fd, owner.uid, owner.gid);
    fchmodSync(fd, there === null ? options.mode : there.mode & 0o777);
    renameSync(temporary, pathOf(place, place.name));
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  } finally {
    closeSync(fd);
  }
  return true;
}

/**
 * The owner that a written file gets; null: the user who writes it. Root writes for the owner of the directory, and
 * leaves nothing of its own.
 */
function ownerOf(
  directory: Stats,
  { there, path }: { there: Stats | null; path: string },
): { uid: number; gid: number } | null {
  const own = process.geteuid?.();
  const isOwn = there === null || there.uid === own || (own === 0 && there.uid === directory.uid);
  if (!isOwn) throw refused(path, `it belongs to user ${there.uid}, and this runs as user ${own}`);
  return own === 0 && directory.uid !== 0 ? { uid: directory.uid, gid: directory.gid } : null;
}

function namesIn({ pathOf, openDirectory }: Way, place: Place): string[] {
  if (!place.there?.isDirectory()) return [];
  const fd = openDirectory(pathOf(place, place.name));
  try {
    return readdirSync(pathOf({ fd, directory: join(place.directory, place.name) })).sort();
  } finally {
    closeSync(fd);
  }
}
