/**
 * Open files beyond the standard three that a caller hands to the command: `3<file`, `<(…)` (`/dev/fd/63`), a make
 * jobserver, the sockets of socket activation. Bun marks all of them close-on-exec at its start, so dt removes the
 * mark.
 *
 * Known limits: Linux only. Files that the kernel calls anonymous (an eventfd, an epoll set) cannot be told from Bun's
 * own.
 */
import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { libc } from "../ffi/libc.ts";

const FIRST_BEYOND_STANDARD = 3;
/** From <fcntl.h>, fcntl(2). */
const F_SETFD = 2;

/** The descriptors open now. Call before dt opens any that it keeps. */
export function inheritedDescriptors(): number[] {
  if (process.platform !== "linux") return [];
  try {
    return readdirSync("/proc/self/fd").map(Number).filter(isHandedOver);
  } catch {
    return []; // no /proc: nothing to go by
  }
}

function isHandedOver(fd: number): boolean {
  if (fd < FIRST_BEYOND_STANDARD) return false;
  const path = `/proc/self/fd/${fd}`;
  // Look at the link only: its target may be on a file system that reacts to being looked at. The descriptor of the
  // listing itself is closed by now.
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return false;
  try {
    return !readlinkSync(path).startsWith("anon_inode:");
  } catch {
    return false;
  }
}

/** Call right before `execve`. */
export function handOver(descriptors: readonly number[]): void {
  for (const fd of descriptors) libc().fcntl(fd, F_SETFD, 0);
}
