/**
 * What /proc shows of one process. When a main thread ends while others run, the kernel keeps some of it with the other
 * threads only: it is read from one of them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { errnoOf } from "../base/error.ts";
import { trimEnd } from "../text/trim.ts";
import type { ProcessEntry } from "./identity.ts";
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

/** A child, or an adopted orphan, belongs to the thread that made or adopted it, so every thread is asked. */
export function childrenOf(parent: number): number[] {
  let threads: number[];
  try {
    threads = numericNames(`/proc/${parent}/task`);
  } catch {
    return []; // gone
  }
  try {
    return threads.flatMap((thread) =>
      readFileSync(`/proc/${parent}/task/${thread}/children`, "latin1").trim().split(" ").filter(Boolean).map(Number),
    );
  } catch {
    // A thread has just ended, or CONFIG_PROC_CHILDREN is missing: ask each process for its parent.
    return numericNames("/proc").filter((pid) => readEntry(pid)?.ppid === parent);
  }
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
