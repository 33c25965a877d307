/**
 * Opens the directory at the end of a way (stateway.ts), or checks the directories on it. It follows no link below the
 * project's folder, and accepts no directory of another user.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../base/error.ts";
import { withPath } from "./errorpath.ts";
import { pathOfOpen } from "./keptopen.ts";
import type { StateWay } from "./stateway.ts";
import { unsafe } from "./unsafe.ts";

/** From Linux's fcntl.h: holds a directory and nothing more. Needs no right to read it. */
const O_PATH = 0o10000000;
const DIRECTORY = O_PATH | constants.O_DIRECTORY;

/** In one call where the kernel confirms that no link led there, otherwise step by step. */
export function openDirectory(way: StateWay, path: string): number {
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

function openSteps({ folder, steps }: StateWay, path: string): number {
  let fd = open(folder, { flags: DIRECTORY, path });
  let directory = folder;
  for (const step of steps) {
    const above = fd;
    directory = join(directory, step);
    try {
      fd = openStep(`/proc/self/fd/${above}/${step}`, { directory, path });
    } finally {
      closeSync(above);
    }
  }
  return fd;
}

function openStep(at: string, { directory, path }: { directory: string; path: string }): number {
  try {
    return open(at, { flags: DIRECTORY | constants.O_NOFOLLOW, path });
  } catch (error) {
    if (errnoOf(error) === "ENOTDIR" || errnoOf(error) === "ELOOP") throw noDirectory(directory, at);
    throw error;
  }
}

/** Root works in other users' folders, where the state belongs to the folder's owner. */
function refuseOthers(fd: number, { folder, directory }: StateWay): void {
  const { uid } = fstatSync(fd);
  const own = process.geteuid?.() ?? uid;
  if (uid === own || (own === 0 && uid === statSync(folder).uid)) return;
  throw unsafe(directory, `belongs to uid ${uid}`);
}

/** The error names the file the caller asked for. */
function open(at: string, { flags, path }: { flags: number; path: string }): number {
  try {
    return openSync(at, flags);
  } catch (error) {
    throw withPath(error, { held: at, name: path });
  }
}

/**
 * Throws when something on the way is not a directory. A missing one is left to the call that follows, which reports
 * it.
 */
export function lookAlong({ folder, steps }: StateWay): void {
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
