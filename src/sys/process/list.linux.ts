/**
 * The list of processes on Linux. A pid that was not given away since the last look has the same start time, so what is
 * known to be too old is not read again.
 */
import { readFileSync, statSync } from "node:fs";
import { lazy } from "../base/lazy.ts";
import { type ProcessEntry, type ProcessTable, startOf } from "./identity.ts";
import { numericNames } from "./proc.linux.ts";

/**
 * Known limit: a process that takes the pid of an old one while a look goes on is seen by the next look.
 */
export function makeList(entryOf: (pid: number) => ProcessEntry | null): ProcessTable["list"] {
  let last: GivenPids | null = null;
  let starts = new Map<number, number>();
  const kernel = lazy(readKernel);
  return (since) => {
    const now = since === undefined ? null : kernel().given();
    const isNew = makeIsNew({ before: last, now, most: kernel().mostPids });
    const found: ProcessEntry[] = [];
    const next = new Map<number, number>();
    for (const pid of numericNames("/proc")) {
      const start = isNew(pid) ? undefined : starts.get(pid);
      if (start !== undefined && since !== undefined && start < since) {
        next.set(pid, start);
        continue;
      }
      const entry = entryOf(pid);
      if (entry === null) continue;
      next.set(pid, startOf(entry));
      found.push(entry);
    }
    last = now;
    starts = next;
    return found;
  };
}

/** What the kernel tells at one instant. */
interface GivenPids {
  /** The pid that was given away last, in this pid namespace: proc_loadavg(5). */
  last: number;
  /** Processes and threads that were made since the machine started, in all namespaces: proc_stat(5). */
  made: number;
}

interface Kernel {
  /** Null where the kernel is not asked itself: a container may have these files from elsewhere (lxcfs). */
  given(): GivenPids | null;
  /** How many pids there are before they are given away again. */
  mostPids: number;
}

function readKernel(): Kernel {
  try {
    const { dev } = statSync("/proc");
    const isOwn = ["/proc/loadavg", "/proc/stat"].every((path) => statSync(path).dev === dev);
    if (isOwn) return { given: readGiven, mostPids: Number(readFileSync("/proc/sys/kernel/pid_max", "latin1")) };
  } catch {
    // not there
  }
  return { given: () => null, mostPids: 0 };
}

function readGiven(): GivenPids | null {
  try {
    const last = Number(readFileSync("/proc/loadavg", "latin1").trim().split(" ").at(-1));
    const made = Number(/^processes (\d+)$/m.exec(readFileSync("/proc/stat", "latin1"))?.[1]);
    return Number.isInteger(last) && Number.isInteger(made) ? { last, made } : null;
  } catch {
    return null;
  }
}

/** Whether a pid may have been given away between the two. Every pid may, where that cannot be told. */
export function makeIsNew({
  before,
  now,
  most,
}: {
  before: GivenPids | null;
  now: GivenPids | null;
  most: number;
}): (pid: number) => boolean {
  // Half a circle: no pid can have been passed twice.
  if (before === null || now === null || now.made - before.made > most / 2) return () => true;
  const { last: from } = before;
  const { last: to } = now;
  return (pid) => (from <= to ? pid > from && pid <= to : pid > from || pid <= to);
}
