/**
 * Sets of this process what a program is to inherit from another one (inheritance.ts), right before `execve`. Linux
 * only.
 */
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { DtError, EXIT } from "../base/error.ts";
import { libc, ptr } from "../ffi/libc.ts";
import { RLIMIT_LOCKS } from "../process/lineage.ts";
import type { Difference } from "./inheritance.ts";
import { RLIMIT_NOFILE } from "./inherited.ts";

const ARM = process.arch === "arm64";
/** From <asm/unistd.h>. Each acts on the calling thread, which `execve` makes the only one. */
const SYS_IOPRIO_SET = ARM ? 30 : 251;
const SYS_SCHED_SETAFFINITY = ARM ? 122 : 203;
const SYS_SETPRIORITY = ARM ? 140 : 141;
const SYS_SETGROUPS = ARM ? 159 : 116;
const IOPRIO_WHO_PROCESS = 1;
const PRIO_PROCESS = 0;
const PR_SET_NO_NEW_PRIVS = 38;
const SIG_SETMASK = 2;
const SIG_IGN = 1;
const UNLIMITED = 2n ** 64n - 1n;
/** RLIMIT_DATA and RLIMIT_AS: with a low one Bun itself gets no more memory. */
const OF_MEMORY = [2, 9];

/** Throws `not-inherited` (exit 126) when the system refuses one. */
export function putOn(asked: Difference): void {
  if (asked.umask !== undefined) process.umask(Number.parseInt(asked.umask, 8));
  if (asked.oomScore !== undefined) setOomScore(asked.oomScore);
  if (asked.cpus !== undefined) {
    const mask = cpuMaskOf(asked.cpus);
    call("the CPU affinity", [SYS_SCHED_SETAFFINITY, 0, mask.length, ptr(mask)]);
  }
  if (asked.io !== undefined) call("the I/O class", [SYS_IOPRIO_SET, IOPRIO_WHO_PROCESS, 0, asked.io]);
  if (asked.nice !== undefined) call("the nice value", [SYS_SETPRIORITY, PRIO_PROCESS, 0, asked.nice]);
  if (asked.groups !== undefined) {
    const groups = new Uint32Array(asked.groups.split(" ").filter(Boolean).map(Number));
    call("the groups", [SYS_SETGROUPS, groups.length, groups.length === 0 ? 0 : ptr(groups), 0]);
  }
  if (asked.ignored !== undefined) for (const signal of signalsIn(asked.ignored)) libc().signal(signal, SIG_IGN);
  if (asked.blocked !== undefined) {
    const mask = new BigUint64Array(16);
    mask[0] = BigInt(`0x${asked.blocked}`);
    libc().pthread_sigmask(SIG_SETMASK, ptr(mask), null);
  }
  if (asked.limits !== undefined) setLimits(asked.limits);
  if (asked.noNewPrivileges === true && libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) !== 0)
    throw refused("no_new_privs");
}

function setOomScore(score: number): void {
  const fd = openSync("/proc/self/oom_score_adj", constants.O_WRONLY);
  try {
    writeSync(fd, String(score));
  } finally {
    closeSync(fd);
  }
}

function setLimits(limits: NonNullable<Difference["limits"]>): void {
  const last = OF_MEMORY.filter((at) => at < limits.length);
  for (const at of [...limits.keys()].filter((one) => !last.includes(one)).concat(last)) {
    const [soft, hard] = limits[at] as readonly [string, string];
    const wanted = new BigUint64Array([amount(soft), amount(hard)]);
    // The lineage of the launch, and the soft limit of open files, are set already.
    if (at === RLIMIT_LOCKS) continue;
    if (at === RLIMIT_NOFILE) {
      const now = new BigUint64Array(2);
      libc().getrlimit(at, ptr(now));
      wanted[0] = min(now[0] as bigint, wanted[1] as bigint);
    }
    if (libc().setrlimit(at, ptr(wanted)) !== 0) throw refused(`the resource limit ${at}`);
  }
}

function amount(limit: string): bigint {
  return limit === "unlimited" ? UNLIMITED : BigInt(limit);
}

function min(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}

function signalsIn(mask: string): number[] {
  const bits = BigInt(`0x${mask}`);
  return Array.from({ length: 64 }, (_, at) => at + 1).filter((signal) => ((bits >> BigInt(signal - 1)) & 1n) === 1n);
}

/** `cpus`: words of 32 bits, the highest first. */
export function cpuMaskOf(cpus: string): Uint8Array {
  const words = cpus.split(",").reverse();
  const mask = new Uint8Array(Math.ceil(words.length / 2) * 8);
  const view = new DataView(mask.buffer);
  for (const [at, word] of words.entries()) view.setUint32(at * 4, Number.parseInt(word, 16), true);
  return mask;
}

function call(what: string, [number, ...given]: [number, number, number, number]): void {
  if (Number(libc().syscall(number, ...given, 0, 0)) < 0) throw refused(what);
}

function refused(what: string): DtError {
  return new DtError("not-inherited", `The system does not let dt set ${what} for this command as its caller has it.`, {
    status: EXIT.cannotExecute,
  });
}
