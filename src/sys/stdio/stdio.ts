/**
 * The one way dt writes to its own standard streams: whole, in order, with plain `write(2)`. Text is dt's, and hidden
 * characters in it are shown (`sys/text/visible.ts`); bytes are a command's own output, and pass as they are.
 * `test/architecture.test.ts` checks which files may write bytes. `process.stdout` is never touched: its getter costs 7
 * ms and leaves a shared pipe non-blocking.
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { DtError, errnoOf } from "../base/error.ts";
import { libc, ptr } from "../ffi/libc.ts";
import { toTerminal } from "../text/visible.ts";

export type WriteOutcome = "written" | "closed" | "failed";

/**
 * Writes all of these bytes as they are. `closed`: the reader has gone (EPIPE) or there is no such stream; `failed`:
 * e.g. a full disk.
 */
export function writeBytes(fd: number, bytes: Uint8Array): WriteOutcome {
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

/** Writes dt's own text; hidden characters in it are shown. */
export function writeText(fd: number, text: string): WriteOutcome {
  return writeBytes(fd, new TextEncoder().encode(toTerminal(text)));
}

/**
 * Prints a result on standard output. False when the reader has gone, which is no error. Throws `cannot-print` when the
 * disk is full: the answer was not given.
 */
export function print(text: string): boolean {
  return wasWritten(writeText(1, text));
}

/** The same for a command's own output, which passes unchanged. */
export function printBytes(bytes: Uint8Array): boolean {
  return wasWritten(writeBytes(1, bytes));
}

function wasWritten(outcome: WriteOutcome): boolean {
  if (outcome !== "failed") return outcome === "written";
  throw new DtError("cannot-print", "Standard output could not be written (is its disk full?).");
}

/** From <poll.h>, poll(2). */
const POLLOUT = 0x4;
const POLLERR = 0x8;
const POLLHUP = 0x10;
const POLLNVAL = 0x20;

/** Whether this stream has lost its reader (a pipe whose other end is closed), found out without writing to it. */
export function isReaderGone(fd: number): boolean {
  return (eventsOf(fd, 0) & (POLLERR | POLLHUP | POLLNVAL)) !== 0;
}

/** Whether a short message can be written without waiting. */
export function hasRoom(fd: number): boolean {
  return eventsOf(fd, POLLOUT) !== 0;
}

function eventsOf(fd: number, wanted: number): number {
  const request = new Int32Array([fd, wanted]); // struct pollfd: fd, then events and revents in one word
  return libc().poll(ptr(request), 1, 0) <= 0 ? 0 : (request[1] as number) >>> 16;
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

/** The major number of `/dev/null` and its like on Linux; no terminal has it. */
const MEMORY_DEVICES = 1;

/** Whether a file descriptor is a terminal, without touching `process.stdout`. */
export function isTerminal(fd: number): boolean {
  try {
    const stat = fstatSync(fd);
    if (!stat.isCharacterDevice()) return false;
    // Output often goes to /dev/null, and to ask the C library costs 0.2 ms.
    if (process.platform === "linux" && stat.rdev >>> 8 === MEMORY_DEVICES) return false;
  } catch {
    return false;
  }
  try {
    return libc().isatty(fd) === 1;
  } catch {
    // No C function can be called where code may not be compiled at run time (systemd's MemoryDenyWriteExecute).
    // node:tty takes 2 ms to load.
    return (require("node:tty") as typeof import("node:tty")).isatty(fd);
  }
}

/** dt's standard input, in chunks as it arrives. */
export function readInput(): AsyncIterable<Uint8Array> {
  return Bun.stdin.stream();
}
