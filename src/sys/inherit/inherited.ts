/**
 * What a process passes on to the programs that it starts, besides their environment and directory, as the kernel shows
 * it in /proc. Linux only: elsewhere another process's cannot be read.
 *
 * Bun changes three things of its own process: the soft limit of open files, and that SIGPIPE and SIGXFSZ are ignored.
 * In their place stands what the process's parent has, the nearest witness (sys/spawn/limits.ts).
 */
import { readFileSync, readlinkSync } from "node:fs";
import { libc } from "../ffi/libc.ts";
import { isLineage, RLIMIT_LOCKS } from "../process/lineage.ts";
import { ignoredByShell } from "./witness.ts";

/** Each value is the kernel's own text or number, so that two can be compared as they are. */
export interface Inherited {
  /** Octal. */
  umask: string;
  /** Soft and hard limit of each resource, by its number in <asm-generic/resource.h>, getrlimit(2). */
  limits: readonly (readonly [soft: string, hard: string])[];
  /** -20 to 19. */
  nice: number;
  /** Scheduling policy and real-time priority. */
  scheduling: string;
  /** Class and level, as ioprio_get(2) gives them. */
  io: number;
  /** CPUs that it may run on: a mask in hexadecimal digits, 32 bits between commas. */
  cpus: string;
  /** Supplementary groups, in the kernel's order. */
  groups: string;
  noNewPrivileges: boolean;
  /** -1000 to 1000. */
  oomScore: number;
  /** Masks in hexadecimal; signal 1 is the lowest bit. */
  ignored: string;
  blocked: string;
  users: string;
  capabilities: string;
  seccomp: string;
  cgroup: string;
  namespaces: string;
  /** The label of SELinux or AppArmor. */
  label: string;
  /** Its root directory, as the reading process sees it. */
  root: string;
}

export const RLIMIT_NOFILE = 7;
const RESOURCES = 16;
/** Columns of /proc/PID/limits. */
const SOFT_AT = 26;
const HARD_AT = 47;
const HARD_END = 67;
const SIGPIPE = 13;
const SIGCHLD = 17;
const SIGXFSZ = 25;
/** The C library keeps these for itself, and lets no program set them: nptl(7). */
const OF_LIBC = [32, 33, 34];
const IOPRIO_WHO_PROCESS = 1;
/** Fields of /proc/PID/stat, counted from the state behind the name: proc_pid_stat(5). */
const PARENT = 1;
const NICE = 16;
const PRIORITY = 37;
const POLICY = 38;
const NAMESPACES = ["cgroup", "ipc", "mnt", "net", "pid_for_children", "time_for_children", "user", "uts"];

/** Whether a child can be given a lineage (lineage.ts): an administrator has not limited file locks. */
export function mayHaveLineage({ limits }: Inherited): boolean {
  return limits[RLIMIT_LOCKS]?.[1] === "unlimited";
}

/** Whether this system shows it of any process. */
export const canReadInherited = process.platform === "linux";

/** Null where it cannot be read: the process is gone, is another user's, or the system is not Linux. */
export function readInherited(pid: number | "self"): Inherited | null {
  if (!canReadInherited) return null;
  const at = `/proc/${pid}`;
  try {
    const status = read(`${at}/status`);
    const stat = read(`${at}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const parent = `/proc/${fields[PARENT]}`;
    const namespaces = NAMESPACES.map((name) => readLink(`${at}/ns/${name}`));
    return {
      umask: word(status, "Umask:"),
      limits: withParents(readLimits(read(`${at}/limits`)), parent),
      nice: Number(fields[NICE]),
      scheduling: `${fields[POLICY]} ${fields[PRIORITY]}`,
      io: ioPriorityOf(pid === "self" ? 0 : pid),
      cpus: word(status, "Cpus_allowed:"),
      groups: rest(status, "Groups:"),
      noNewPrivileges: word(status, "NoNewPrivs:") === "1",
      oomScore: Number(read(`${at}/oom_score_adj`)),
      ignored: withoutLibcs(withParentsIgnored(mask(status, "SigIgn:"), parent)),
      blocked: withoutLibcs(mask(status, "SigBlk:")),
      users: `${rest(status, "Uid:")} ${rest(status, "Gid:")}`,
      capabilities: ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"].map((name) => word(status, name)).join(" "),
      seccomp: `${word(status, "Seccomp:")} ${word(status, "Seccomp_filters:")}`,
      cgroup: readIfThere(`${at}/cgroup`),
      namespaces: namespaces.join(" "),
      label: readIfThere(`${at}/attr/current`),
      root: readlinkSync(`${at}/root`),
    };
  } catch {
    return null;
  }
}

function read(path: string): string {
  return readFileSync(path, "latin1");
}

/** A kernel without it has nothing there to differ in. */
function readIfThere(path: string): string {
  try {
    return read(path);
  } catch {
    return "";
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return "";
    throw error;
  }
}

/** The text behind a name, to the end of its line. */
function rest(text: string, name: string): string {
  const at = text.indexOf(`\n${name}`);
  return at < 0 ? "" : text.slice(at + 1 + name.length, text.indexOf("\n", at + 1)).trim();
}

function word(text: string, name: string): string {
  return rest(text, name).split(/\s/, 1)[0] ?? "";
}

function mask(status: string, name: string): bigint {
  return BigInt(`0x${word(status, name) || "0"}`);
}

/** A mask in hexadecimal, without the signals that the C library keeps for itself. */
export function withoutLibcs(signals: bigint): string {
  return (signals & ~bitsOf(OF_LIBC)).toString(16);
}

function readLimits(text: string): [soft: string, hard: string][] {
  const lines = text.split("\n").slice(1, 1 + RESOURCES);
  return lines.map((line) => [line.slice(SOFT_AT, HARD_AT).trim(), line.slice(HARD_AT, HARD_END).trim()]);
}

/** The lineage is no limit of the user's: each launch has its own. */
function withParents(limits: [string, string][], parent: string): [string, string][] {
  const files = limits[RLIMIT_NOFILE];
  if (files !== undefined) files[0] = lower(parentsFiles(parent) ?? files[0], files[1]);
  const locks = limits[RLIMIT_LOCKS];
  if (locks !== undefined && /^\d+$/.test(locks[0]) && isLineage(BigInt(locks[0]))) locks[0] = locks[1];
  return limits;
}

/** A shell that lowered both limits and then became dt (`exec`) is not dt's parent. */
function lower(soft: string, hard: string): string {
  return hard !== "unlimited" && (soft === "unlimited" || Number(soft) > Number(hard)) ? hard : soft;
}

function parentsFiles(parent: string): string | undefined {
  try {
    return readLimits(read(`${parent}/limits`))[RLIMIT_NOFILE]?.[0];
  } catch {
    return undefined; // it is gone, or another user's
  }
}

function withParentsIgnored(own: bigint, parent: string): bigint {
  const bits = bitsOf([SIGPIPE, SIGXFSZ, SIGCHLD]);
  return (own & ~bits) | (ignoredByShell(parent) & bits);
}

function bitsOf(signals: readonly number[]): bigint {
  return signals.reduce((all, signal) => all | (1n << BigInt(signal - 1)), 0n);
}

/** From <asm/unistd.h>. */
const SYS_IOPRIO_GET = process.arch === "arm64" ? 31 : 252;

function ioPriorityOf(pid: number): number {
  return Number(libc().syscall(SYS_IOPRIO_GET, IOPRIO_WHO_PROCESS, pid, 0, 0, 0));
}
