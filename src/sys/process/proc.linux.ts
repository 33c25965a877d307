/**
 * What /proc shows of one process. When a main thread ends while others run, the kernel keeps some of it with the other
 * threads only: it is read from one of them.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { errnoOf } from "../base/error.ts";
import { trimEnd } from "../text/trim.ts";
import type { Forest, ProcessEntry } from "./identity.ts";
import { readLineage } from "./lineage.ts";

export function numericNames(directory: string): number[] {
  return readdirSync(directory)
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid > 0);
}

/** The name in /proc/PID/stat may hold spaces and parentheses, so fields are counted from the last `)`. */
export function readEntry(pid: number): ProcessEntry | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return null;
  }
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  const fields = text.slice(close + 2).split(" ");
  const threads = Number(fields[17]);
  return {
    pid,
    comm: text.slice(open + 1, close),
    state: fields[0] === "Z" && threads > 1 ? "S" : (fields[0] ?? "X"),
    ppid: Number(fields[1]),
    pgid: Number(fields[2]),
    sid: Number(fields[3]),
    startTime: fields[19] ?? "",
  };
}

export function childrenOf(parent: number): number[] {
  return knownChildren(parent) ?? numericNames("/proc").filter((pid) => readEntry(pid)?.ppid === parent);
}

/** A thread that ends while they are read leaves its children to another thread. */
const LOOKS = 5;

/**
 * A child, or an adopted orphan, belongs to the thread that made or adopted it, so every thread is asked. Null where
 * the kernel does not list children (CONFIG_PROC_CHILDREN).
 */
function knownChildren(parent: number): number[] | null {
  for (let look = 0; look < LOOKS; look++) {
    try {
      return threadsOf(parent).flatMap((thread) => childrenOfThread(parent, thread));
    } catch {
      if (!isThere(`/proc/${parent}`)) return [];
    }
  }
  return null;
}

function childrenOfThread(pid: number, thread: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1");
  return text === "" ? [] : text.trim().split(" ").map(Number);
}

/** The directory of threads has a link from each of them, and two of its own. */
const LINKS_WITH_ONE_THREAD = 3;

/** Most processes have one thread, and then its name is known. */
function threadsOf(pid: number): number[] {
  const directory = `/proc/${pid}/task`;
  return statSync(directory).nlink === LINKS_WITH_ONE_THREAD ? [pid] : numericNames(directory);
}

export function forestOf({ roots, hosts }: Forest): number[] | null {
  const waiting = [...roots];
  for (const host of hosts) {
    try {
      waiting.push(...childrenOfThread(host, host));
    } catch {
      if (isThere(`/proc/${host}`)) return null;
    }
  }
  const found = new Set<number>();
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    if (found.has(pid)) continue;
    found.add(pid);
    const children = knownChildren(pid);
    if (children === null) return null;
    waiting.push(...children);
  }
  for (const host of hosts) found.delete(host);
  return [...found];
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Directories that show what a process's threads share: the process's own, then one for each other thread. */
export function* threadPlacesOf(pid: number): Generator<string> {
  yield `/proc/${pid}`;
  let threads: string[] = [];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    // gone
  }
  for (const thread of threads) if (thread !== String(pid)) yield `/proc/${pid}/task/${thread}`;
}

function readShared(pid: number, name: string): Buffer | null {
  for (const place of threadPlacesOf(pid)) {
    try {
      return readFileSync(`${place}/${name}`);
    } catch (error) {
      if (errnoOf(error) !== "ESRCH") return null;
    }
  }
  return null;
}

export function environmentOf(pid: number, name: string): string | null | undefined {
  const bytes = readShared(pid, "environ");
  if (bytes === null) return undefined;
  const wanted = `${name}=`;
  let at = bytes.indexOf(wanted);
  while (at > 0 && bytes[at - 1] !== 0) at = bytes.indexOf(wanted, at + 1);
  if (at < 0) return null;
  const end = bytes.indexOf(0, at);
  return bytes.toString("utf8", at + wanted.length, end < 0 ? bytes.length : end);
}

export function commandLineOf(pid: number): string {
  try {
    const place = [...threadPlacesOf(pid)].at(-1);
    const text = trimEnd(readFileSync(`${place}/cmdline`, "utf8"), "\0").replaceAll("\0", " ");
    return text === "" ? `[${readEntry(pid)?.comm ?? "gone"}]` : text;
  } catch {
    return "[gone]";
  }
}

export function lineageOf(pid: number): bigint | null | undefined {
  try {
    return readLineage(readFileSync(`/proc/${pid}/limits`, "latin1"));
  } catch {
    return undefined;
  }
}
