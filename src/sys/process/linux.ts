/**
 * The process table of Linux, from /proc, with signals through pidfds: the descriptor is opened first and the start
 * time compared after, so the process that was compared is the one that gets the signal, whatever happens to its pid.
 *
 * When a main thread ends while others run, the kernel shows the process as a zombie; it is alive, and counts as alive
 * here. What the kernel then no longer keeps with the main thread (environment, files) is read from another thread.
 *
 * Known limit: under `hidepid` other users' processes are absent; dt never signals those anyway.
 */
import { closeSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { DtError, EXIT, errnoOf, messageOf } from "../base/error.ts";
import { lazy } from "../base/lazy.ts";
import { lastErrno, libc } from "../ffi/libc.ts";
import { trimEnd } from "../text/trim.ts";
import {
  type FileIdentity,
  isOver,
  type ProcessEntry,
  type ProcessIdentity,
  type ProcessTable,
  type SignalOutcome,
} from "./identity.ts";
import { readLineage } from "./lineage.ts";
import { hidingProcessesOf, listenersOn, listeningPorts } from "./ports.linux.ts";
import { bootClockOffset } from "./timens.linux.ts";

const SYS_PIDFD_SEND_SIGNAL = 424;
const SYS_PIDFD_OPEN = 434;
/** Linux 6.9 and later; older kernels answer EINVAL. */
const PIDFD_SIGNAL_PROCESS_GROUP = 4;
const PR_SET_CHILD_SUBREAPER = 36;
const KCMP_FILE = 0;
/** The kernel's fixed number for the namespace that it booted in, which sees every process. */
const INITIAL_PID_NAMESPACE = "pid:[4026531836]";
/** One number on x64, another on arm64 and everything newer. */
const SYS_KCMP = process.arch === "x64" ? 312 : 272;
const ESRCH = 3;
const EPERM = 1;
const EINVAL = 22;
const ENOSYS = 38;

export function makeProcessTable(): ProcessTable {
  refuseProcOfOthers();
  const bootId = lazy(() => needed("/proc/sys/kernel/random/boot_id", (path) => readFileSync(path, "latin1").trim()));
  const pidNamespace = lazy(() => needed("/proc/self/ns/pid", (path) => readlinkSync(path)));

  const offset = lazy(bootClockOffset);

  function entryOf(pid: number): ProcessEntry | null {
    const entry = readEntry(pid);
    if (entry === null || offset() === 0) return entry;
    return { ...entry, startTime: String(Number(entry.startTime) - offset()) };
  }

  function locate(identity: ProcessIdentity): ProcessIdentity | null | undefined {
    if (identity.bootId !== bootId()) return null;
    let isWhole = pidNamespace() === INITIAL_PID_NAMESPACE;
    let isBelow = false;
    for (const pid of numericNames("/proc")) {
      const namespace = namespaceOf(pid);
      if (namespace === undefined) isWhole = false;
      if (namespace !== identity.pidNamespace) continue;
      isBelow = true;
      const entry = innermostPid(pid) === identity.pid ? entryOf(pid) : null;
      if (entry?.startTime === identity.startTime) return { ...identity, pid, pidNamespace: pidNamespace() };
    }
    return isBelow || isWhole ? null : undefined;
  }

  function openVerified(identity: ProcessIdentity): { fd: number } | { outcome: SignalOutcome } {
    if (identity.bootId !== bootId()) return { outcome: "gone" };
    if (identity.pidNamespace !== pidNamespace()) return { outcome: "unknown" };
    const fd = Number(libc().syscall(SYS_PIDFD_OPEN, identity.pid, 0, 0, 0, 0));
    if (fd < 0) return { outcome: lastErrno() === ESRCH ? "gone" : "unknown" };
    const entry = entryOf(identity.pid);
    if (entry !== null && !isOver(entry) && entry.startTime === identity.startTime) return { fd };
    closeSync(fd);
    return { outcome: "gone" };
  }

  function sendThroughPidfd(identity: ProcessIdentity, signal: number, flags: number): SignalOutcome | null {
    const opened = openVerified(identity);
    if ("outcome" in opened) return opened.outcome;
    try {
      if (Number(libc().syscall(SYS_PIDFD_SEND_SIGNAL, opened.fd, signal, 0, flags, 0)) === 0) return "sent";
      const errno = lastErrno();
      if (errno === ESRCH) return "gone";
      if (errno === EPERM) return "denied";
      return errno === EINVAL || errno === ENOSYS ? null : "unknown";
    } finally {
      closeSync(opened.fd);
    }
  }

  return {
    bootId,
    pidNamespace,
    list: () => numericNames("/proc").flatMap((pid) => entryOf(pid) ?? []),
    pids: () => numericNames("/proc"),
    entry: entryOf,
    environmentOf,
    commandLineOf,
    lineageOf,
    isWriting,
    shareDescription,
    listeningPorts,
    listenersOn,
    hidingProcessesOf,
    signal: (identity, signal) => sendThroughPidfd(identity, signal, 0) ?? "unknown",
    signalGroup: (leader, signal) => sendThroughPidfd(leader, signal, PIDFD_SIGNAL_PROCESS_GROUP),
    becomeSubreaper: () => libc().prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) === 0,
    childrenOf,
    isOwn,
    locate,
    directoriesOf,
  };
}

/** Throws `other-proc` when /proc is another pid namespace's: its pids would not be those that signals are sent to. */
function refuseProcOfOthers(): void {
  let self: string;
  try {
    self = readlinkSync("/proc/self");
  } catch {
    return; // there is no /proc, which is reported where it is needed
  }
  if (self === String(process.pid)) return;
  throw new DtError("other-proc", "/proc shows the processes of another pid namespace, so dt cannot find its own.", {
    hint: "Mount one for this namespace: unshare --mount-proc, or mount -t proc proc /proc",
  });
}

/** Null when the process is gone, undefined when it cannot be looked at. */
function namespaceOf(pid: number): string | null | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch (error) {
    return ["ENOENT", "ESRCH"].includes(errnoOf(error) ?? "") ? null : undefined;
  }
}

/** The pid of a process in its own namespace. */
function innermostPid(pid: number): number | null {
  try {
    const line = /^NSpid:\s*(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
    return Number(line?.split(/\s+/).at(-1)) || null;
  } catch {
    return null;
  }
}

function isOwn(pid: number): boolean {
  try {
    if (statSync(`/proc/${pid}`).uid !== process.geteuid?.()) return false;
    return ["pid", "mnt"].every(
      (kind) => readlinkSync(`/proc/${pid}/ns/${kind}`) === readlinkSync(`/proc/self/ns/${kind}`),
    );
  } catch {
    return false; // gone, or hidden
  }
}

/** Without these a process cannot be told from another that had its pid. */
function needed(path: string, read: (path: string) => string): string {
  try {
    return read(path);
  } catch (error) {
    throw new DtError(
      "no-proc",
      `dt tells processes apart by what the kernel shows in /proc, but ${path} cannot be read: ${messageOf(error)}.`,
      {
        status: EXIT.internal,
        hint: "Mount it: mount -t proc proc /proc. If a sandbox hides parts of it, allow them in the sandbox's settings.",
        cause: error,
      },
    );
  }
}

function numericNames(directory: string): number[] {
  return readdirSync(directory)
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid > 0);
}

/** The name in /proc/PID/stat may hold spaces and parentheses, so fields are counted from the last `)`. */
function readEntry(pid: number): ProcessEntry | null {
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

/** Directories that show what a process's threads share: the process's own, then one for each other thread. */
function* placesOf(pid: number): Generator<string> {
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
  for (const place of placesOf(pid)) {
    try {
      return readFileSync(`${place}/${name}`);
    } catch (error) {
      if (errnoOf(error) !== "ESRCH") return null;
    }
  }
  return null;
}

function environmentOf(pid: number, name: string): string | null | undefined {
  const bytes = readShared(pid, "environ");
  if (bytes === null) return undefined;
  const wanted = `${name}=`;
  let at = bytes.indexOf(wanted);
  while (at > 0 && bytes[at - 1] !== 0) at = bytes.indexOf(wanted, at + 1);
  if (at < 0) return null;
  const end = bytes.indexOf(0, at);
  return bytes.toString("utf8", at + wanted.length, end < 0 ? bytes.length : end);
}

function commandLineOf(pid: number): string {
  try {
    const place = [...placesOf(pid)].at(-1);
    const text = trimEnd(readFileSync(`${place}/cmdline`, "utf8"), "\0").replaceAll("\0", " ");
    return text === "" ? `[${readEntry(pid)?.comm ?? "gone"}]` : text;
  } catch {
    return "[gone]";
  }
}

function lineageOf(pid: number): bigint | null | undefined {
  try {
    return readLineage(readFileSync(`/proc/${pid}/limits`, "latin1"));
  } catch {
    return undefined;
  }
}

function isWriting(pid: number, file: FileIdentity): boolean | undefined {
  const fds = writingDescriptors(pid, file, 1);
  return fds === undefined ? undefined : fds.length > 0;
}

/** The descriptors by which the process writes the file, at most `most`; undefined when they cannot be seen. */
function writingDescriptors(pid: number, file: FileIdentity, most = Number.POSITIVE_INFINITY): number[] | undefined {
  for (const place of placesOf(pid)) {
    let fds: number[];
    try {
      fds = readdirSync(`${place}/fd`).map(Number);
    } catch (error) {
      return errnoOf(error) === "ENOENT" ? [] : undefined;
    }
    // None at all: a main thread that has ended, or a process that closed them all.
    if (fds.length === 0) continue;
    const found: number[] = [];
    for (const fd of fds) {
      if (isWritingThrough(place, fd, file)) found.push(fd);
      if (found.length >= most) break;
    }
    return found;
  }
  return [];
}

function shareDescription(pid: number, other: number, file: FileIdentity): boolean | undefined {
  const [fds, others] = [writingDescriptors(pid, file), writingDescriptors(other, file)];
  if (fds === undefined || others === undefined) return undefined;
  let seen: boolean | undefined = false;
  for (const fd of fds) {
    for (const otherFd of others) {
      // 0: the same; negative: not permitted, or a kernel without it.
      const order = Number(libc().syscall(SYS_KCMP, pid, other, KCMP_FILE, fd, otherFd));
      if (order === 0) return true;
      if (order < 0) seen = undefined;
    }
  }
  return seen;
}

function isWritingThrough(place: string, fd: number, file: FileIdentity): boolean {
  try {
    const stat = statSync(`${place}/fd/${fd}`);
    if (stat.ino !== file.ino || stat.dev !== file.dev) return false;
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`${place}/fdinfo/${fd}`, "latin1"))?.[1] ?? "0";
    return (Number.parseInt(flags, 8) & 0o3) !== 0;
  } catch {
    return false;
  }
}

function directoriesOf(pid: number): string[] {
  const held = (name: string): string[] => {
    try {
      const path = readlinkSync(`/proc/${pid}/${name}`);
      return statSync(path).isDirectory() ? [path] : [];
    } catch {
      return []; // not a directory, or "… (deleted)"
    }
  };
  try {
    return [...held("cwd"), ...readdirSync(`/proc/${pid}/fd`).flatMap((fd) => held(`fd/${fd}`))];
  } catch {
    return []; // gone, or another user's
  }
}

/** A child, or an adopted orphan, belongs to the thread that made or adopted it, so every thread is asked. */
function childrenOf(parent: number): number[] {
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
