/**
 * Directories that stay open from one use to the next: to find and judge one takes five system calls, to ask the kernel where an open one is takes one.
 *
 *   the open directory, at its next use           then
 *   -------------------------------------------   ------------------------------------------------------------
 *   has the path that is asked for                used
 *   has another path by now, or was removed       closed when nobody is in it, and the one at the path is found
 *   is one of more than are kept                  the one that was first kept, and that nobody is in, is closed
 *
 * All are closed when the event loop has a turn, so that a process that waits holds up no `umount`. Known limit: within a turn, what is mounted over
 * such a directory is not seen.
 */
import { closeSync, fstatSync, readlinkSync } from "node:fs";

/** Of a project's state a call uses four. */
export const MOST = 8;

export interface OpenDirectory {
  readonly fd: number;
  readonly path: string;
  /** Whether the kernel names it by this very path, so that no link led to it. */
  readonly isNamed: boolean;
  /** An open one never changes it, so it is looked at once. */
  identity: { dev: number; ino: number } | null;
  /** How many are in it right now: one use may lead to another. */
  users: number;
}

const kept = new Map<string, OpenDirectory>();
/** Whether they will be closed at the next turn. */
const closing = { is: false };

/** The path that the kernel has for an open directory; null where it does not say. */
export function pathOfOpen(fd: number): string | null {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return null;
  }
}

/**
 * To be given back by `leave` when it was used. `find` opens the directory and judges it; throws what `find` throws. It is kept where the kernel names
 * it by this very path.
 */
export function enter(path: string, find: () => number): OpenDirectory {
  let one = kept.get(path);
  if (one !== undefined && pathOfOpen(one.fd) !== path) {
    forget(one);
    one = undefined;
  }
  if (one === undefined) {
    const fd = find();
    one = { fd, path, isNamed: pathOfOpen(fd) === path, identity: null, users: 0 };
    if (one.isNamed) keep(one);
  }
  one.users++;
  return one;
}

export function leave(one: OpenDirectory): void {
  one.users--;
  if (one.users === 0 && kept.get(one.path) !== one) closeSync(one.fd);
}

export function identityOf(one: OpenDirectory): { dev: number; ino: number } {
  if (one.identity === null) {
    const { dev, ino } = fstatSync(one.fd);
    one.identity = { dev, ino };
  }
  return one.identity;
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
  }).unref();
}
