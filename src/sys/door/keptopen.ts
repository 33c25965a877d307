/**
 * Directories that stay open from one use to the next. Finding and judging one takes five system calls; asking the
 * kernel where an open one is takes one.
 *
 *   the open directory, at its next use           then
 *   -------------------------------------------   -----------------------------------------------------------------
 *   has the path that was asked for               it is used, and in the rest of this stretch without asking
 *   has another path by now, or was removed       it is closed when no use is in it, and the directory at the path
 *                                                 is looked up
 *   is one more than may be kept                  the oldest kept directory that no use is in is closed
 *
 * All are closed at the next turn of the event loop, so a waiting process blocks no `umount`. A *stretch* is code that
 * waits for nothing. Known limits: within one turn, dt does not see a file system mounted over such a directory. Within
 * one stretch it does not see that the directory was moved, and goes on in the one that it holds.
 */
import { closeSync, fstatSync, readlinkSync } from "node:fs";

/** A call uses four of a project's state directories. */
export const MOST = 8;

export interface OpenDirectory {
  readonly fd: number;
  readonly path: string;
  /** Whether the kernel names it by this very path, so no link led to it. */
  readonly isNamed: boolean;
  /** An open directory never changes its identity, so it is looked up once. */
  identity: { dev: number; ino: number } | null;
  /** How many uses are in it right now: one use may lead to another. */
  users: number;
  /** The stretch in which the kernel last named it by its path. */
  seenIn: number;
}

const kept = new Map<string, OpenDirectory>();
/** Whether they are about to be closed at the next turn. */
const closing = { is: false };

const stretch = { number: 0, isEnding: false };

/** Differs between two calls when something was waited for between them. */
export function currentStretch(): number {
  if (!stretch.isEnding) {
    stretch.isEnding = true;
    queueMicrotask(() => {
      stretch.isEnding = false;
      stretch.number++;
    });
  }
  return stretch.number;
}

/** The kernel's path for an open directory; null when it does not say. */
export function pathOfOpen(fd: number): string | null {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return null;
  }
}

/**
 * Give the directory back with `leave` after use. `find` opens the directory and judges it; its errors are rethrown.
 * The directory is kept when the kernel names it by this very path.
 */
export function enter(path: string, find: () => number): OpenDirectory {
  const now = currentStretch();
  let one = kept.get(path);
  if (one !== undefined && one.seenIn !== now && pathOfOpen(one.fd) !== path) {
    forget(one);
    one = undefined;
  }
  if (one === undefined) {
    const fd = find();
    one = { fd, path, isNamed: pathOfOpen(fd) === path, identity: null, users: 0, seenIn: now };
    if (one.isNamed) keep(one);
  }
  one.seenIn = now;
  one.users++;
  return one;
}

export function leave(one: OpenDirectory): void {
  one.users--;
  if (one.users === 0 && kept.get(one.path) !== one) closeSync(one.fd);
}

export function openIdentityOf(one: OpenDirectory): { dev: number; ino: number } {
  if (one.identity === null) {
    const { dev, ino } = fstatSync(one.fd);
    one.identity = { dev, ino };
  }
  return one.identity;
}

/** Call it when the directory at a path was removed: another may be made there before anything is waited for. */
export function forgetKept(path: string): void {
  const one = kept.get(path);
  if (one !== undefined) forget(one);
}

function keep(one: OpenDirectory): void {
  if (kept.size >= MOST) {
    const oldest = kept.values().find(({ users }) => users === 0);
    if (oldest !== undefined) forget(oldest);
  }
  kept.set(one.path, one);
  closeSoon();
}

function forget(one: OpenDirectory): void {
  kept.delete(one.path);
  if (one.users === 0) closeSync(one.fd);
}

function closeSoon(): void {
  if (closing.is) return;
  closing.is = true;
  setImmediate(() => {
    closing.is = false;
    for (const one of [...kept.values()]) forget(one);
  });
}
