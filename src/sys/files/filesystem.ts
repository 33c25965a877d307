/** Finds out what a directory's file system can do by doing it, with files of its own that it removes again. */
import { closeSync, linkSync, openSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../base/error.ts";
import { descendInto } from "../door/descend.ts";
import { temporaryName } from "../door/temporaryname.ts";
import { tryFlock } from "./flock.ts";
import { releaseHead } from "./holes.ts";
import { readSpace } from "./space.ts";

export interface FileSystemFacts {
  /** Null when no file could be made; `problem` says why. */
  links: boolean | null;
  flock: boolean | null;
  holes: boolean | null;
  freeBytes: number | null;
  freeFiles: number | null;
  /** `ext4`, `tmpfs` …, or the kernel's number in hexadecimal. */
  kind: string | null;
  problem: string | null;
}

/** Two blocks, so that the first can be given back. */
const SAMPLE_BYTES = 8192;

export function probeFileSystem(directory: string): FileSystemFacts {
  const space = readSpace(directory);
  const facts = {
    freeBytes: space?.freeBytes ?? null,
    freeFiles: space?.freeFiles ?? null,
    kind: space === null ? null : (KINDS[space.type] ?? `0x${space.type.toString(16)}`),
  };
  try {
    return { ...facts, ...descendInto(directory, tryAll), problem: null };
  } catch (error) {
    return { ...facts, links: null, flock: null, holes: null, problem: messageOf(error) };
  }
}

function tryAll(directory: string): Pick<FileSystemFacts, "links" | "flock" | "holes"> {
  const file = temporaryName(join(directory, "probe"));
  const link = `${file}.link`;
  try {
    const fd = openSync(file, "wx", 0o600);
    try {
      writeSync(fd, new Uint8Array(SAMPLE_BYTES).fill(1));
      return { links: canLink(file, link), flock: canLock(file), holes: releaseHead(fd, SAMPLE_BYTES / 2) !== null };
    } finally {
      closeSync(fd);
    }
  } finally {
    remove(file);
    remove(link);
  }
}

function canLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    unlinkSync(to); // dt does not take a file with two names for its own
    return true;
  } catch {
    return false;
  }
}

function canLock(file: string): boolean {
  const lock = tryFlock(file);
  if (lock.is === "held") lock.lock.release();
  return lock.is !== "unsupported";
}

function remove(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // it was not made
  }
}

/** From statfs(2). A number that is not listed is shown as it is. */
const KINDS: Readonly<Record<number, string>> = {
  61267: "ext4",
  1481003842: "xfs",
  2435016766: "btrfs",
  16914836: "tmpfs",
  26985: "nfs",
  4283649346: "cifs",
  2035054128: "overlay",
  801189825: "zfs",
  4076150800: "f2fs",
  1702057286: "fuse",
  21584: "9p",
  16914839: "9p",
};
