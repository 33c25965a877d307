/** Opens a run's own log again: the very file that its launch began, or none, whatever has its name by now. */
import { closeSync, constants, fstatSync, readSync } from "node:fs";
import { openOwn } from "../sys/door/door.ts";
import type { ReadBefore } from "./times.ts";

interface LogFile {
  dev: number;
  ino: number;
}

/** `flags` as for `open(2)`. Null when the file cannot be opened, or is another one. */
export function reopenRun(path: string, { file, flags }: { file: LogFile; flags: number }): number | null {
  let fd: number;
  try {
    fd = openOwn(path, { flags });
  } catch {
    return null;
  }
  const { dev, ino } = fstatSync(fd);
  if (dev === file.dev && ino === file.ino) return fd;
  closeSync(fd);
  return null;
}

/**
 * Reads the bytes before an offset. The released head of a log reads as zeros, which prove
 * nothing, so it gives null there.
 */
export function makeReadBefore(path: string, file: LogFile): { readBefore: ReadBefore; close(): void } {
  const fd = reopenRun(path, { file, flags: constants.O_RDONLY });
  return {
    readBefore(offset, length) {
      if (fd === null) return null;
      const bytes = Buffer.alloc(length);
      const read = bytes.subarray(0, readSync(fd, bytes, 0, length, offset - length));
      return read.every((byte) => byte === 0) ? null : read;
    },
    close() {
      if (fd !== null) closeSync(fd);
    },
  };
}
