/**
 * What Bun changed for itself and a command must not inherit: the soft limit of open files (raised at start), the signal mask
 * (passed on as found), and, across `execve`, the ignored SIGPIPE and SIGXFSZ. What the user's shell set stays: it is read
 * from the parent process, the nearest witness of what dt was started with.
 */
import { readFileSync } from "node:fs";
import { libc, ptr } from "./libc.ts";

const DARWIN = process.platform === "darwin";
const RLIMIT_NOFILE = DARWIN ? 8 : 7;
const SIG_SETMASK = DARWIN ? 3 : 2;
const SIGPIPE = 13;
const SIGXFSZ = 25;
const SIG_DFL = 0;
/** The soft limit of open files that dt was started with, as its parent still has it; null when it cannot be known. */
export function inheritedOpenFiles(): bigint | null {
  if (DARWIN) return null; // macOS does not tell another process's limits, and a guess could lower a user's own
  try {
    const text = readFileSync(`/proc/${process.ppid}/limits`, "latin1");
    const soft = /^Max open files\s+(\d+)/m.exec(text)?.[1];
    return soft === undefined ? null : BigInt(soft);
  } catch {
    return null;
  }
}

function setOpenFiles(soft: bigint): bigint {
  const limits = new BigUint64Array(2);
  libc().getrlimit(RLIMIT_NOFILE, ptr(limits));
  const before = limits[0] as bigint;
  if (soft <= (limits[1] as bigint)) {
    limits[0] = soft;
    libc().setrlimit(RLIMIT_NOFILE, ptr(limits));
  }
  return before;
}

/** Runs `spawn` with an empty signal mask and this soft limit of open files, then takes the own limit back. */
export function withCleanLimits<T>(openFiles: bigint | null, spawn: () => T): T {
  libc().pthread_sigmask(SIG_SETMASK, ptr(new Uint8Array(128)), null);
  const before = openFiles === null ? null : setOpenFiles(openFiles);
  try {
    return spawn();
  } finally {
    if (before !== null) setOpenFiles(before);
  }
}

/** To be called right before `execve`: the new image finds limits and dispositions as dt found them. */
export function restoreForExec(): void {
  const openFiles = inheritedOpenFiles();
  if (openFiles !== null) setOpenFiles(openFiles);
  const ignored = ignoredByParent();
  for (const signal of [SIGPIPE, SIGXFSZ]) {
    if (((ignored >> BigInt(signal - 1)) & 1n) === 0n) libc().signal(signal, SIG_DFL);
  }
}

function ignoredByParent(): bigint {
  try {
    const mask = /^SigIgn:\s*([0-9a-f]+)/m.exec(readFileSync(`/proc/${process.ppid}/status`, "latin1"))?.[1];
    return BigInt(`0x${mask ?? "0"}`);
  } catch {
    return 0n;
  }
}
