/**
 * Undoes what Bun changed for itself and a command must not inherit: the soft limit of open files (raised at start),
 * and the ignored SIGPIPE and SIGXFSZ. What the user's shell set stays. Bun does not record what it found, so dt asks
 * the parent process, the nearest witness of how dt was started.
 *
 * Known limits: dt does not see a change made by a program that then became dt (`prlimit --nofile=…`,
 * `sh -c 'trap "" PIPE; exec dt …'`). On macOS, where other processes' limits are unreadable, the raised limit stays.
 */
import { readFileSync } from "node:fs";
import { lazy } from "../base/lazy.ts";
import { libc, ptr } from "../ffi/libc.ts";
import { canReadInherited } from "../inherit/inherited.ts";
import { ignoredByShell, wordAfter } from "../inherit/witness.ts";

const DARWIN = process.platform === "darwin";
/** From <sys/resource.h> and <signal.h>; XNU bsd/sys/resource.h and bsd/sys/signal.h. */
const RLIMIT_NOFILE = DARWIN ? 8 : 7;
const SIGPIPE = 13;
const SIGXFSZ = 25;
const SIGCHLD = DARWIN ? 20 : 17;
const SIG_DFL = 0;
const SIG_IGN = 1n;
/** Room for a `struct sigaction` of any system. Its first word is the handler. */
const SIGACTION_BYTES = 160;

/** The current soft limit of open files, which a child of this process inherits. */
export function currentOpenFiles(): bigint {
  const limits = new BigUint64Array(2);
  libc().getrlimit(RLIMIT_NOFILE, ptr(limits));
  return limits[0] as bigint;
}

/** The soft limit of open files that dt was started with, as its parent still has it; null when it cannot be known. */
export function inheritedOpenFiles(): bigint | null {
  if (DARWIN) return null; // another process's limits cannot be read, and a guess could lower a user's own
  try {
    const soft = wordAfter("Max open files", readFileSync(`/proc/${process.ppid}/limits`, "latin1"));
    return soft === null || soft === "unlimited" ? null : BigInt(soft);
  } catch {
    return null;
  }
}

export function setOpenFiles(soft: bigint): bigint {
  const limits = new BigUint64Array(2);
  libc().getrlimit(RLIMIT_NOFILE, ptr(limits));
  const before = limits[0] as bigint;
  if (soft <= (limits[1] as bigint)) {
    limits[0] = soft;
    libc().setrlimit(RLIMIT_NOFILE, ptr(limits));
  }
  return before;
}

/** RLIMIT_CPU, FSIZE, DATA, RSS, NPROC, MEMLOCK and AS of <asm-generic/resource.h>, getrlimit(2). */
const OF_HOST = [0, 1, 2, 5, 6, 8, 9];

/**
 * Raises the soft limits of a process that works for others to its hard limits, before it looks at what it inherited:
 * those of its first asker are no limits of the others. A launch is given its own asker's. Linux only.
 */
export function raiseSoftLimits(): void {
  if (!canReadInherited) return;
  const limits = new BigUint64Array(2);
  for (const resource of OF_HOST) {
    if (libc().getrlimit(resource, ptr(limits)) !== 0 || limits[0] === limits[1]) continue;
    limits[0] = limits[1] as bigint;
    libc().setrlimit(resource, ptr(limits));
  }
}

/**
 * Call before starting a child that dt waits for. A parent that ignores SIGCHLD (a shell's `trap '' CHLD`, some
 * supervisors) passes that on through `execve`, and the kernel then keeps no exit status. Returns whether it was
 * ignored.
 */
export const keepChildren = lazy((): boolean => {
  const ignored = isIgnored(SIGCHLD);
  if (ignored) libc().signal(SIGCHLD, SIG_DFL);
  return ignored;
});

/**
 * Call right before `execve`, so that the new image gets limits and dispositions as dt found them. The signal mask is
 * unchanged since dt's start, and so is every other signal, unless dt listened to one that was ignored: see
 * `isIgnored`.
 */
export function restoreForExec(): void {
  restoreForChild();
  if (keepChildren()) libc().signal(SIGCHLD, Number(SIG_IGN));
}

/**
 * The same for a child while dt stays its parent. SIGCHLD is left alone: if it were ignored for the child, dt would
 * ignore it too.
 */
export function restoreForChild(): void {
  const openFiles = inheritedOpenFiles();
  if (openFiles !== null) setOpenFiles(openFiles);
  const ignored = ignoredByShell(`/proc/${process.ppid}`);
  for (const signal of [SIGPIPE, SIGXFSZ]) {
    if (((ignored >> BigInt(signal - 1)) & 1n) === 0n) libc().signal(signal, SIG_DFL);
  }
}

/**
 * Whether this process ignores the signal, as under `nohup`. Listening to such a signal ends that for good, because Bun
 * sets the default when a listener is removed.
 */
export function isIgnored(signal: number): boolean {
  const action = new BigUint64Array(SIGACTION_BYTES / 8);
  return libc().sigaction(signal, null, ptr(action)) === 0 && action[0] === SIG_IGN;
}
