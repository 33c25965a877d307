/**
 * The process table of Linux, from /proc, with signals through pidfds: the descriptor is opened first and the start
 * time compared after, so the process that was compared is the one that gets the signal, whatever happens to its pid.
 *
 * When a main thread ends while others run, the kernel shows the process as a zombie; it is alive, and counts as alive
 * here (`readEntry` in proc.linux.ts).
 *
 * Known limit: under `hidepid` other users' processes are absent; dt never signals those anyway.
 */
import { closeSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { DtError, EXIT, errnoOf, messageOf } from "../base/error.ts";
import { lazy } from "../base/lazy.ts";
import { lastErrno, libc } from "../ffi/libc.ts";
import { isOver, type ProcessEntry, type ProcessIdentity, type ProcessTable, type SignalOutcome } from "./identity.ts";
import { makeList } from "./list.linux.ts";
import { directoriesOf, isWriting, shareDescription } from "./openfiles.linux.ts";
import { hidingProcessesOf, listenersOn, listeningPorts } from "./ports.linux.ts";
import {
  childrenOf,
  commandLineOf,
  environmentOf,
  forestOf,
  lineageOf,
  numericNames,
  readEntry,
} from "./proc.linux.ts";
import { bootClockOffset } from "./timens.linux.ts";

/** From <asm/unistd.h>, the same on every architecture. */
const SYS_PIDFD_SEND_SIGNAL = 424;
const SYS_PIDFD_OPEN = 434;
/** From <linux/pidfd.h>. Linux 6.9 and later; older kernels answer EINVAL. */
const PIDFD_SIGNAL_PROCESS_GROUP = 4;
/** From <linux/prctl.h>. */
const PR_SET_CHILD_SUBREAPER = 36;
/** The namespace that the kernel booted in, which sees every process: PROC_PID_INIT_INO in its proc_ns.h. */
const INITIAL_PID_NAMESPACE = "pid:[4026531836]";
/** From <errno.h>. */
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

  function sendThroughPidfd(
    identity: ProcessIdentity,
    { signal, flags }: { signal: number; flags: number },
  ): SignalOutcome | null {
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
    list: makeList(entryOf),
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
    signal: (identity, signal) => sendThroughPidfd(identity, { signal, flags: 0 }) ?? "unknown",
    signalGroup: (leader, signal) => sendThroughPidfd(leader, { signal, flags: PIDFD_SIGNAL_PROCESS_GROUP }),
    becomeSubreaper: () => libc().prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) === 0,
    childrenOf,
    forestOf,
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
