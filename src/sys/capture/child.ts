/**
 * A child started directly by `posix_spawn`. It gets the bytes of arguments and environment that `execve` would pass
 * on, the signal dispositions and limits dt was started with, the open files dt was given and, on request, a group or
 * session of its own. Bun's own spawn does none of this.
 */
import { errnoOf } from "../base/error.ts";
import { bytesOf } from "../base/rawbytes.ts";
import { signalName } from "../base/signals.ts";
import type { EndStatus } from "../base/status.ts";
import { libc, ptr } from "../ffi/libc.ts";
import { addForegroundAction, posix } from "../ffi/posix.ts";
import { handOver } from "../spawn/descriptors.ts";
import { errorOfErrno, layOut } from "../spawn/exec.ts";
import { looksLikeScript } from "../spawn/executable.ts";
import { keepChildren, restoreForChild } from "../spawn/limits.ts";
import type { Mask } from "./signalfd.ts";

export interface ChildPlan {
  file: string;
  words: readonly string[];
  environment: readonly string[];
  /** The descriptors that become 0, 1 and 2 in the child. Each has that number already or is above 2. */
  streams: readonly [number, number, number];
  /** The signals that are blocked in the child. */
  mask: Mask;
  /** Open files beyond the standard three that the child gets. */
  descriptors: readonly number[];
  apart?: "group" | "session";
  /**
   * The terminal that gets the child's new group as its foreground group before the program begins, where the C library
   * can do that.
   */
  terminal?: number;
}

/** Room for `posix_spawnattr_t` and `posix_spawn_file_actions_t` of any C library. */
const ROOM = 1024;
/** From <spawn.h>, posix_spawn(3). */
const SETPGROUP = 0x02;
const SETSIGMASK = 0x08;
const SETSID = 0x80;
/** From <signal.h>. */
const SIGPIPE = 13;
const SIG_IGN = 1;

/** Returns the pid; throws the system's error. */
export function spawnChild(plan: ChildPlan): number {
  keepChildren();
  restoreForChild();
  handOver(plan.descriptors);
  try {
    return spawn(plan);
  } catch (error) {
    // As every shell does with a script that has no `#!` line.
    if (errnoOf(error) !== "ENOEXEC" || !looksLikeScript(plan.file)) throw error;
    return spawn({ ...plan, file: "/bin/sh", words: ["sh", plan.file, ...plan.words.slice(1)] });
  } finally {
    libc().signal(SIGPIPE, SIG_IGN);
  }
}

function spawn({ file, words, environment, streams, mask, apart, terminal }: ChildPlan): number {
  const { posix_spawn, posix_spawn_file_actions_init, posix_spawn_file_actions_adddup2, ...attributes } = posix();
  const [actions, attribute, pid] = [Buffer.alloc(ROOM), Buffer.alloc(ROOM), new Int32Array(1)];
  posix_spawn_file_actions_init(ptr(actions));
  if (terminal !== undefined) addForegroundAction()?.(ptr(actions), terminal);
  for (const [to, from] of streams.entries()) if (from !== to) posix_spawn_file_actions_adddup2(ptr(actions), from, to);
  attributes.posix_spawnattr_init(ptr(attribute));
  const flags = SETSIGMASK | (apart === "group" ? SETPGROUP : apart === "session" ? SETSID : 0);
  attributes.posix_spawnattr_setflags(ptr(attribute), flags);
  attributes.posix_spawnattr_setsigmask(ptr(attribute), ptr(mask));
  const [path, argv, env] = [bytesOf(`${file}\0`), layOut(words), layOut(environment)];
  const errno = posix_spawn(ptr(pid), ptr(path), ptr(actions), ptr(attribute), ptr(argv.pointers), ptr(env.pointers));
  if (errno !== 0) throw errorOfErrno(errno);
  return pid[0] as number;
}

/** From <sys/wait.h>, waitid(2). */
const P_PID = 1;
const WNOHANG = 1;
const WSTOPPED = 2;
const WEXITED = 4;
const WNOWAIT = 0x01000000;
/** A `siginfo_t`, <signal.h>: si_code is at 8, si_pid at 16, si_status at 24. */
const SIGINFO_BYTES = 128;
const CLD_EXITED = 1;
const CLD_STOPPED = 5;

export type ChildState = { is: "stopped"; signal: number } | ({ is: "ended" } & EndStatus);

/**
 * What happened to the child since the last look, or null. An ended child stays visible and keeps its pid until `reap`.
 */
export function lookAtChild(pid: number): ChildState | null {
  const info = Buffer.alloc(SIGINFO_BYTES);
  if (posix().waitid(P_PID, pid, ptr(info), WEXITED | WSTOPPED | WNOHANG | WNOWAIT) !== 0) return null;
  const [code, who, status] = [info.readInt32LE(8), info.readInt32LE(16), info.readInt32LE(24)];
  if (who === 0) return null;
  if (code === CLD_STOPPED) {
    posix().waitid(P_PID, pid, ptr(info), WSTOPPED | WNOHANG);
    return { is: "stopped", signal: status };
  }
  return code === CLD_EXITED
    ? { is: "ended", code: status, signal: null }
    : { is: "ended", code: null, signal: signalName(status) };
}

export function reap(pid: number): void {
  posix().waitid(P_PID, pid, ptr(Buffer.alloc(SIGINFO_BYTES)), WEXITED);
}
