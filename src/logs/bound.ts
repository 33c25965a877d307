/**
 * Bounds the disk space of a run's log by releasing the blocks at its head. Offsets never move, so no
 * line of the tail can be lost: the file keeps its full length, and the released part reads as zeros. The
 * host does this: no host, no bound.
 */
import { closeSync, constants, fstatSync } from "node:fs";
import { releaseHead } from "../sys/files/holes.ts";
import { reopenRun } from "./reopen.ts";

export interface Bound {
  /** Looks once; false when this file system cannot do it, and the bound is off. */
  check(): boolean;
  close(): void;
}

const BLOCK_BYTES = 512;
/** The share of the bound that a check frees beyond it, so that not every line costs a system call. */
const SLACK = 0.1;

/** Null when the file cannot be opened, or is no longer the run's own: another file's head must not be released. */
export function boundLog(
  path: string,
  { file, maxBytes }: { file: { dev: number; ino: number }; maxBytes: number },
): Bound | null {
  const fd = reopenRun(path, { file, flags: constants.O_RDWR });
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
