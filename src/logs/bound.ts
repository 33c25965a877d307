/**
 * Keeps the disk space of a run's log below a bound, by giving back the blocks of its head. Offsets never move, so no line of the
 * tail can be lost; the file keeps its full length, and what was given back reads as zeros. Done by the host: no host, no bound.
 */
import { closeSync, constants, fstatSync } from "node:fs";
import { releaseHead } from "../sys/holes.ts";
import { reopenRun } from "./reopen.ts";

export interface Bound {
  /** Looks once; false when this file system cannot do it, and the bound is off. */
  check(): boolean;
  close(): void;
}

const BLOCK_BYTES = 512;
/** What a check leaves free below the bound, so that not every line is a system call. */
const SLACK = 0.1;

/** Null when the file at this path is not to be had, or is not the run's own any more: another's head is not to be released. */
export function boundLog(path: string, file: { dev: number; ino: number }, maxBytes: number): Bound | null {
  const fd = reopenRun(path, file, constants.O_RDWR);
  if (fd === null) return null;
  return {
    check() {
      const { size, blocks } = fstatSync(fd);
      if (blocks * BLOCK_BYTES <= maxBytes) return true;
      return releaseHead(fd, size - Math.floor(maxBytes * (1 - SLACK))) !== null;
    },
    close: () => closeSync(fd),
  };
}
