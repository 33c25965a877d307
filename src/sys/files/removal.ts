/** Removes files, and the temporaries that a crash left, each in its directory as sys/door/descend.ts finds it. */
import { existsSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { DtError, errnoOf } from "../base/error.ts";
import { statOf } from "../base/stat.ts";
import { descend, descendInto } from "../door/descend.ts";
import { checkOwnAt } from "../door/door.ts";
import { forgetKept } from "../door/keptopen.ts";
import { readTemporaryName } from "../door/temporaryname.ts";
import { writeError } from "./writeerror.ts";

/** Removes a file; a missing one is fine. */
export function removeFile(path: string): void {
  remove(path, unlinkSync);
}

/** Removes one of dt's own files. A missing one is fine; one that dt did not make is refused. */
export function removeOwn(path: string): void {
  remove(path, (at) => {
    checkOwnAt(at, path);
    unlinkSync(at);
  });
}

function remove(path: string, work: (at: string) => void): void {
  try {
    descend(path, work);
  } catch (error) {
    if (error instanceof DtError) throw error;
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return;
    // A read-only file system reports EROFS before it checks that the file exists.
    if (code === "EROFS" && !existsSync(path)) return;
    throw writeError(path, { cause: error });
  }
}

/**
 * Removes a file where a failure must not hide the error that led here. A temporary that stays is cleared by a later
 * dt.
 */
export function tryUnlink(path: string): void {
  try {
    descend(path, unlinkSync);
  } catch {
    // stays
  }
}

/** Throws when the directory is missing or not empty. */
export function removeEmptyDirectory(path: string): void {
  descend(path, (at) => rmdirSync(at));
  forgetKept(path);
}

/**
 * A temporary exists for milliseconds. One whose pid is not seen here may belong to a container on the same directory.
 */
const TEMPORARY_LEFT_MS = 5 * 60_000;
/** How often one process looks for them in one directory: a host asks at each start. */
const CLEAR_EVERY_MS = 60_000;
const MOST_CLEARED = 64;

/** When this process last looked, by directory. */
const cleared = new Map<string, number>();

/**
 * Removes temporaries of processes that are gone. One that cannot be removed is left: nothing depends on it. `now`:
 * milliseconds since 1970.
 */
export function clearTemporaries(directory: string, now: number): void {
  const last = cleared.get(directory);
  if (last !== undefined && now >= last && now - last < CLEAR_EVERY_MS) return;
  if (cleared.size >= MOST_CLEARED) cleared.clear();
  cleared.set(directory, now);
  for (const name of namesIn(directory)) {
    const pid = readTemporaryName(name)?.pid;
    if (pid === undefined || isRunning(pid)) continue;
    const path = join(directory, name);
    const changed = statOf(path)?.mtimeMs ?? now;
    if (now - changed > TEMPORARY_LEFT_MS) tryUnlink(path);
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errnoOf(error) !== "ESRCH";
  }
}

function namesIn(directory: string): string[] {
  try {
    return descendInto(directory, (at) => readdirSync(at));
  } catch {
    return [];
  }
}
