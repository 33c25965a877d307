/**
 * Writes to a terminal or pipe that takes nothing for now (stopped output, a hung terminal program), while dt goes on
 * handling signals and keys: each write sends what there is room for, and the rest waits. The stream is opened again
 * for that, because non-blocking mode on dt's own descriptor would be shared with the process that started dt.
 *
 * Known limit: where it cannot be opened again (a socket, another user's terminal, no /proc), a write blocks as in any
 * program.
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { errnoOf } from "../base/error.ts";
import { type WriteOutcome, writeBytes } from "./stdio.ts";

export interface PatientOutput {
  /**
   * Resolves when everything is written. Once `signal` is aborted and nothing was taken for half a second, the rest is
   * dropped: `closed`.
   */
  write(bytes: Uint8Array, signal: AbortSignal): WriteOutcome | Promise<WriteOutcome>;
  /** Writes what there is room for now. */
  offer(bytes: Uint8Array): void;
  close(): void;
}

const LOOK_EVERY_MS = 10;
const STUCK_MS = 500;

export function openPatiently(fd: 1 | 2): PatientOutput {
  const own = reopen(fd);
  if (own === null)
    return {
      write: (bytes) => writeBytes(fd, bytes),
      offer: (bytes) => void writeBytes(fd, bytes),
      close: () => {},
    };
  /** How many bytes were written; an outcome when no more can be. */
  const writeSome = (bytes: Uint8Array): number | WriteOutcome => {
    let at = 0;
    try {
      while (at < bytes.length) at += writeSync(own, bytes, at, bytes.length - at);
      return at;
    } catch (error) {
      const code = errnoOf(error);
      if (code === "EAGAIN" || code === "EINTR") return at;
      return code === "EPIPE" || code === "EBADF" || code === "EIO" ? "closed" : "failed";
    }
  };
  const writeRest = async (rest: Uint8Array, signal: AbortSignal): Promise<WriteOutcome> => {
    let left = rest;
    for (let waited = 0; !(signal.aborted && waited >= STUCK_MS); waited += LOOK_EVERY_MS) {
      await Bun.sleep(LOOK_EVERY_MS);
      const wrote = writeSome(left);
      if (typeof wrote === "string") return wrote;
      left = left.subarray(wrote);
      if (left.length === 0) return "written";
      if (wrote > 0) waited = 0;
    }
    return "closed";
  };
  return {
    write(bytes, signal) {
      const wrote = writeSome(bytes);
      if (typeof wrote === "string") return wrote;
      // The caller may use this memory again.
      return wrote === bytes.length ? "written" : writeRest(bytes.slice(wrote), signal);
    },
    offer: (bytes) => void writeSome(bytes),
    close: () => closeSync(own),
  };
}

function reopen(fd: number): number | null {
  try {
    const is = fstatSync(fd);
    if (!is.isCharacterDevice() && !is.isFIFO()) return null;
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return null;
  }
}
