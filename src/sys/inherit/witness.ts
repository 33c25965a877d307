/** What a parent process shows of how dt was started, since Bun has changed dt's own process by then. Linux only. */
import { readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

/**
 * The first word after a line's name; null when there is no such line. Searched by hand, because compiling a pattern
 * takes longer than the whole call.
 */
export function wordAfter(name: string, text: string): string | null {
  const at = text.indexOf(`\n${name}`);
  if (at < 0) return null;
  const line = text.slice(at + 1 + name.length, text.indexOf("\n", at + 1));
  return line.trim().split(" ", 1)[0] ?? null;
}

/**
 * Shells pass on the signals they ignore. Other parents are no witnesses: Python, Node, Bun and every Rust program
 * ignore SIGPIPE for themselves and give their children the default.
 */
const SHELL = /^(?:[bd]?ash|[mlo]?ksh|ksh93|pdksh|posh|sh|yash|zsh|fish|t?csh|busybox|toybox)(?:-[\d.]+)?$/;

/** A mask of signals; empty when the parent, as its directory in /proc, is no shell. */
export function ignoredByShell(parent: string): bigint {
  try {
    const mask = wordAfter("SigIgn:", readFileSync(`${parent}/status`, "latin1"));
    const ignored = BigInt(`0x${mask ?? "0"}`);
    return ignored !== 0n && SHELL.test(basename(readlinkSync(`${parent}/exe`))) ? ignored : 0n;
  } catch {
    return 0n;
  }
}
