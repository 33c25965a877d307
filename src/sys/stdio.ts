/**
 * The one way dt writes to its own standard streams: whole, in order, with plain `write(2)`.
 * `process.stdout` is never touched: its getter costs 7 ms and leaves a shared pipe non-blocking.
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { errnoOf } from "./error.ts";

export type WriteOutcome = "written" | "closed" | "failed";

/** Writes all of it. `closed`: the reader has gone (EPIPE) or there is no such stream; `failed`: e.g. a full disk. */
export function writeAll(fd: number, data: string | Uint8Array): WriteOutcome {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  let offset = 0;
  while (offset < bytes.length) {
    try {
      offset += writeSync(fd, bytes, offset, bytes.length - offset);
    } catch (error) {
      const code = errnoOf(error);
      if (code === "EAGAIN" || code === "EINTR") Bun.sleepSync(1);
      else return code === "EPIPE" || code === "EBADF" || code === "EIO" ? "closed" : "failed";
    }
  }
  return "written";
}

/** Whether this process has a controlling terminal, whatever its streams are. */
export function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", constants.O_RDWR | constants.O_NOCTTY));
    return true;
  } catch {
    return false;
  }
}

/** Whether a file descriptor is a terminal, without touching `process.stdout`. */
export function isTerminal(fd: number): boolean {
  try {
    if (!fstatSync(fd).isCharacterDevice()) return false;
  } catch {
    return false;
  }
  // Loaded only for a character device: node:tty costs 2 ms.
  return (require("node:tty") as typeof import("node:tty")).isatty(fd);
}
