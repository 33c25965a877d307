/**
 * Undoes what Bun changed for itself and a command must not inherit: the soft limit of open files (raised at start),
 * and the ignored SIGPIPE and SIGXFSZ. What the user's shell set stays. Bun does not record what it found, so dt asks
 * the parent process, the nearest witness of how dt was started.
 *
 * Known limits: dt does not see a change made by a program that then became dt (`prlimit --nofile=…`,
 * `sh -c 'trap "" PIPE; exec dt …'`). On macOS, where other processes' limits are unreadable, the raised limit stays.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import { lazy } from "../base/lazy.ts";
import { libc, ptr } from "../ffi/libc.ts";
import { isLineage, RLIMIT_LOCKS } from "../process/lineage.ts";

const DARWIN = process.platform === "darwin";
/** From <sys/resource.h> and <signal.h>; XNU bsd/sys/resource.h and bsd/sys/signal.h. */
const RLIMIT_NOFILE = DARWIN ? 8 : 7;
const SIG_SETMASK = DARWIN ? 3 : 2;
const SIGPIPE = 13;
const SIGXFSZ = 25;
const SIGCHLD = DARWIN ? 20 : 17;
const SIG_DFL = 0;
const SIG_IGN = 1n;
/** RLIM_INFINITY of Linux, <sys/resource.h>. */
const UNLIMITED = 2n ** 64n - 1n;
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

/**
 * The first word after a line's name; null when there is no such line. Searched by hand, because compiling a pattern
 * takes longer than the whole call.
 */
function wordAfter(name: string, text: string): string | null {
  const at = text.indexOf(`\n${name}`);
  if (at < 0) return null;
  const line = text.slice(at + 1 + name.length, text.indexOf("\n", at + 1));
  return line.trim().split(" ", 1)[0] ?? null;
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

/**
 * Sets the lineage, or removes the inherited one (null). Returns the previous soft limit, or null when nothing was
 * changed. A limit that an administrator set (a finite hard limit) stays.
 */
function setLineage(lineage: bigint | null): bigint | null {
  if (DARWIN) return null;
  const limits = new BigUint64Array(2);
  if (libc().getrlimit(RLIMIT_LOCKS, ptr(limits)) !== 0) return null;
  const [before, most] = limits as unknown as [bigint, bigint];
  if (most !== UNLIMITED || (lineage === null && !isLineage(before))) return null;
  limits[0] = lineage ?? UNLIMITED;
  return libc().setrlimit(RLIMIT_LOCKS, ptr(limits)) === 0 ? before : null;
}

function restoreLineage(soft: bigint): void {
  libc().setrlimit(RLIMIT_LOCKS, ptr(new BigUint64Array([soft, UNLIMITED])));
}

/**
 * Runs `spawn` with an empty signal mask, this soft limit of open files and this lineage (null: none; default: dt's
 * own), then restores dt's own limits.
 */
export function withCleanLimits<T>(
  { openFiles, lineage }: { openFiles: bigint | null; lineage?: bigint | null | undefined },
  spawn: () => T,
): T {
  libc().pthread_sigmask(SIG_SETMASK, ptr(new Uint8Array(128)), null);
  const before = openFiles === null ? null : setOpenFiles(openFiles);
  const inherited = lineage === undefined ? null : setLineage(lineage);
  try {
    return spawn();
  } finally {
    if (before !== null) setOpenFiles(before);
    if (inherited !== null) restoreLineage(inherited);
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
  const ignored = ignoredByShell();
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

/**
 * Shells pass on the signals they ignore. Other parents are no witnesses: Python, Node, Bun and every Rust program
 * ignore SIGPIPE for themselves and give their children the default.
 */
const SHELL = /^(?:[bd]?ash|[mlo]?ksh|ksh93|pdksh|posh|sh|yash|zsh|fish|t?csh|busybox|toybox)(?:-[\d.]+)?$/;

function ignoredByShell(): bigint {
  try {
    const parent = `/proc/${process.ppid}`;
    const mask = wordAfter("SigIgn:", readFileSync(`${parent}/status`, "latin1"));
    const ignored = BigInt(`0x${mask ?? "0"}`);
    return ignored !== 0n && SHELL.test(basename(readlinkSync(`${parent}/exe`))) ? ignored : 0n;
  } catch {
    return 0n;
  }
}
