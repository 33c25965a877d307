/**
 * C functions that only captured one-shots and terminals need: loaded on first use, so that other calls do not pay for
 * them. Linux only.
 */
import { FFIType } from "bun:ffi";
import { lazy } from "../base/lazy.ts";
import { openFirst, ptr } from "./libc.ts";

const { i16, i32, u64, pointer } = FFIType;

export const posix = lazy(() =>
  openFirst({
    pipe2: { args: [pointer, i32], returns: i32 },
    signalfd: { args: [i32, pointer, i32], returns: i32 },
    ioctl: { args: [i32, u64, u64], returns: i32 },
    dup2: { args: [i32, i32], returns: i32 },
    kill: { args: [i32, i32], returns: i32 },
    getsid: { args: [i32], returns: i32 },
    getpgid: { args: [i32], returns: i32 },
    tcgetpgrp: { args: [i32], returns: i32 },
    tcsetpgrp: { args: [i32, i32], returns: i32 },
    tcgetattr: { args: [i32, pointer], returns: i32 },
    tcsetattr: { args: [i32, i32, pointer], returns: i32 },
    cfmakeraw: { args: [pointer], returns: FFIType.void },
    waitid: { args: [i32, i32, pointer, i32], returns: i32 },
    posix_spawn: { args: [pointer, pointer, pointer, pointer, pointer, pointer], returns: i32 },
    posix_spawn_file_actions_init: { args: [pointer], returns: i32 },
    posix_spawn_file_actions_adddup2: { args: [pointer, i32, i32], returns: i32 },
    posix_spawnattr_init: { args: [pointer], returns: i32 },
    posix_spawnattr_setflags: { args: [pointer, i16], returns: i32 },
    posix_spawnattr_setsigmask: { args: [pointer, pointer], returns: i32 },
  } as const),
);

/** From <asm-generic/ioctls.h>; on a terminal ioctl_tty(2), on a pipe pipe(7). */
const FIONREAD = 0x541b;

/** Null when the C library lacks it: glibc before 2.35, musl. */
export const addForegroundAction = lazy(() => {
  const name = "posix_spawn_file_actions_addtcsetpgrp_np";
  try {
    return openFirst({ [name]: { args: [pointer, i32], returns: i32 } } as const)[name];
  } catch {
    return null;
  }
});

/** How many bytes can be read from a pipe or terminal now. */
export function bytesWaiting(fd: number): number {
  const count = new Int32Array(1);
  return posix().ioctl(fd, FIONREAD, ptr(count)) === 0 ? (count[0] as number) : 0;
}
