/**
 * The process table of macOS, from libproc and sysctl. There is no pidfd: from macOS 14.2 on, a signal goes to a pid
 * together with the pid's version, which the kernel compares as it sends, and the version is read before the start time
 * is compared; so the process that was compared is the one that gets the signal.
 *
 * Known limits: before macOS 14.2 the identity is compared right before kill(2), and in those microseconds the process
 * could end, be reaped and have its pid reused. The kernel withholds the environments of Apple's own protected programs
 * (/bin/sh, /bin/sleep, …): they answer undefined. There is no subreaper: orphans go to launchd.
 */
import { lazy } from "../base/lazy.ts";
import { isOver, type ProcessEntry, type ProcessIdentity, type ProcessTable, type SignalOutcome } from "./identity.ts";
import {
  BSDINFO_SIZE,
  decodeArguments,
  decodeBsdInfo,
  decodeDescriptors,
  decodeKinfoProcs,
  decodeOpenFile,
  decodePidVersion,
  decodeUid,
  FDINFO_SIZE,
  findVariable,
  PROX_FDTYPE_VNODE,
  type ProcessArguments,
  textAt,
  UNIQIDENTIFIERINFO_SIZE,
  VNODE_FDINFO_SIZE,
} from "./layout.darwin.ts";
import {
  descriptorInfo,
  EPERM,
  ESRCH,
  kill,
  killVersion,
  listPids,
  PROC_ALL_PIDS,
  PROC_PPID_ONLY,
  pidInfo,
  pidInfoList,
  sessionOf,
  sysctl,
  sysctlByName,
} from "./libproc.darwin.ts";
import { listenersOn, listeningPorts } from "./ports.darwin.ts";

/** XNU bsd/sys/proc_info.h and proc_info_private.h */
const PROC_PIDLISTFDS = 1;
const PROC_PIDTBSDINFO = 3;
const PROC_PIDUNIQIDENTIFIERINFO = 17;
const PROC_PIDFDVNODEINFO = 1;
const FIND_ZOMBIES = 1;

/** XNU bsd/sys/sysctl.h; ARG_MAX, bsd/sys/syslimits.h, and the four bytes of argc before it */
const CTL_KERN = 1;
const KERN_PROC = 14;
const KERN_PROC_ALL = 0;
const KERN_PROC_PID = 1;
const KERN_PROCARGS2 = 49;
const PROCARGS_MAX = 1024 * 1024 + 4;

/** An exec between reading the version and signalling makes the version stale: look again, but not forever. */
const VERSION_ATTEMPTS = 3;

const NO_NAMESPACE = "";

export function makeProcessTable(): ProcessTable {
  const bootId = lazy(readBootId);

  function signal(identity: ProcessIdentity, number: number): SignalOutcome {
    if (identity.bootId !== bootId()) return "gone";
    if (identity.pidNamespace !== NO_NAMESPACE) return "unknown";
    for (let attempt = 0; number > 0 && attempt < VERSION_ATTEMPTS; attempt++) {
      const info = pidInfo(identity.pid, PROC_PIDUNIQIDENTIFIERINFO, 0, UNIQIDENTIFIERINFO_SIZE);
      if (!isCurrent(identity)) return "gone";
      if (typeof info === "number") break;
      const errno = killVersion(identity.pid, decodePidVersion(info), number);
      if (errno === 0) return "sent";
      if (errno === EPERM) return "denied";
      if (errno !== ESRCH) break; // the system cannot
    }
    if (!isCurrent(identity)) return "gone";
    const errno = kill(identity.pid, number);
    if (errno === 0) return "sent";
    if (errno === ESRCH) return "gone";
    return errno === EPERM ? "denied" : "unknown";
  }

  return {
    bootId,
    pidNamespace: () => NO_NAMESPACE,
    list,
    pids: () => listPids(PROC_ALL_PIDS),
    entry: (pid) => readEntry(pid, readForeignEntry),
    environmentOf: (pid, name) => findVariable(readArguments(pid)?.strings ?? [], name),
    commandLineOf,
    lineageOf: () => undefined,
    isWriting,
    shareDescription: () => undefined,
    listeningPorts,
    listenersOn,
    // A user's own processes hide nothing from each other here, and other users' sockets are never shown.
    hidingProcessesOf: () => [],
    signal,
    signalGroup: () => null,
    becomeSubreaper: () => false,
    childrenOf: (pid) => listPids(PROC_PPID_ONLY, pid),
    // Orphans leave their host here.
    forestOf: () => null,
    isOwn,
    locate: () => undefined,
    directoriesOf: () => [],
  };
}

/** The boot time in seconds stands in where there is no session id; it changes when the clock is set. */
function readBootId(): string {
  const session = sysctlByName("kern.bootsessionuuid");
  const id = session === null ? "" : textAt(session, { at: 0, size: session.length });
  if (id !== "") return id;
  const time = sysctlByName("kern.boottime");
  if (time === null || time.length < 8) throw new Error("the kernel does not say which boot this is (kern.boottime)");
  return `boottime:${time.readBigInt64LE(0)}`;
}

function isOwn(pid: number): boolean {
  const info = pidInfo(pid, PROC_PIDTBSDINFO, FIND_ZOMBIES, BSDINFO_SIZE);
  return typeof info !== "number" && decodeUid(info) === process.geteuid?.();
}

function isCurrent(identity: ProcessIdentity): boolean {
  const entry = readEntry(identity.pid, readForeignEntry);
  return entry !== null && !isOver(entry) && entry.startTime === identity.startTime;
}

function list(): ProcessEntry[] {
  const foreign = lazy(() => new Map(readForeignEntries(KERN_PROC_ALL).map((entry) => [entry.pid, entry])));
  return listPids(PROC_ALL_PIDS).flatMap((pid) => readEntry(pid, () => foreign().get(pid) ?? null) ?? []);
}

type Unsessioned = Omit<ProcessEntry, "sid">;

/**
 * libproc reports the user's own processes, exiting ones and zombies too; sysctl reports as much about other users'.
 */
function readEntry(pid: number, readForeign: (pid: number) => Unsessioned | null): ProcessEntry | null {
  if (pid <= 0) return null; // the kernel's own
  const info = pidInfo(pid, PROC_PIDTBSDINFO, FIND_ZOMBIES, BSDINFO_SIZE);
  if (info === ESRCH) return null;
  const entry = typeof info === "number" ? readForeign(pid) : decodeBsdInfo(info);
  return entry === null ? null : { ...entry, sid: sessionOf(pid) };
}

function readForeignEntry(pid: number): Unsessioned | null {
  return readForeignEntries(KERN_PROC_PID, pid).find((entry) => entry.pid === pid) ?? null;
}

function readForeignEntries(...filter: number[]): Unsessioned[] {
  const bytes = sysctl([CTL_KERN, KERN_PROC, ...filter]);
  return bytes === null ? [] : decodeKinfoProcs(bytes);
}

function readArguments(pid: number): ProcessArguments | null {
  const bytes = sysctl([CTL_KERN, KERN_PROCARGS2, pid], PROCARGS_MAX);
  return bytes === null ? null : decodeArguments(bytes);
}

function commandLineOf(pid: number): string {
  const text = readArguments(pid)?.argv.join(" ") ?? "";
  return text === "" ? `[${readEntry(pid, readForeignEntry)?.comm ?? "gone"}]` : text;
}

function isWriting(pid: number, file: { dev: number; ino: number }): boolean | undefined {
  const fds = pidInfoList(pid, PROC_PIDLISTFDS, FDINFO_SIZE);
  if (typeof fds === "number") return fds === ESRCH ? false : undefined;
  return decodeDescriptors(fds, PROX_FDTYPE_VNODE).some((fd) => {
    const info = descriptorInfo(pid, fd, PROC_PIDFDVNODEINFO, VNODE_FDINFO_SIZE);
    if (info === null) return false;
    const open = decodeOpenFile(info);
    return open.writable && open.ino === file.ino && open.dev === file.dev >>> 0;
  });
}
