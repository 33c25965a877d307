/**
 * A clock that all processes of this boot share and nobody can set: two times of different processes can be compared.
 * It counts while the machine sleeps. Good for nothing after a reboot.
 */
import { lazy } from "../base/lazy.ts";
import { libc, openFirst, ptr } from "../ffi/libc.ts";
import { readOffset } from "../process/timens.linux.ts";

const SYS_CLOCK_GETTIME = process.arch === "x64" ? 228 : 113;
/** From <time.h>: Linux, and macOS, where it counts during sleep too. */
const CLOCK_BOOTTIME = 7;
const CLOCK_MONOTONIC_DARWIN = 6;
const NANOSECONDS_PER_MS = 1e6;

/** In milliseconds, with a fraction. In a time namespace, too, it is the machine's own. */
export function bootClock(): number {
  return process.platform === "darwin" ? readDarwin() : readLinux();
}

/** When this process began to run its program, on the same clock: never later than anything that the program did. */
export function programBegan(): number {
  return bootClock() - performance.now();
}

function readLinux(): number {
  const time = new BigInt64Array(2);
  if (Number(libc().syscall(SYS_CLOCK_GETTIME, CLOCK_BOOTTIME, ptr(time), 0, 0, 0)) !== 0)
    throw new Error("the kernel has no clock since its boot (CLOCK_BOOTTIME)");
  return Number(time[0]) * 1000 + Number(time[1]) / NANOSECONDS_PER_MS - offset();
}

const offset = lazy(() => {
  const { seconds, nanoseconds } = readOffset();
  return seconds * 1000 + nanoseconds / NANOSECONDS_PER_MS;
});

const darwin = lazy(() => openFirst({ clock_gettime_nsec_np: { args: ["i32"], returns: "u64" } } as const));

function readDarwin(): number {
  return Number(darwin().clock_gettime_nsec_np(CLOCK_MONOTONIC_DARWIN)) / NANOSECONDS_PER_MS;
}
