/**
 * The program's own code in memory: about 32 MB of a dt that has just begun, most of it never needed again. Given back,
 * it stays in the kernel's cache of the file, and what is used again is mapped again at the cost of a page fault. Linux
 * only.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { libc } from "../ffi/libc.ts";

/** From <sys/mman.h>, madvise(2). */
const MADV_DONTNEED = 4;
/** Only code: other parts of the file that cannot be written may hold what the loader wrote before. */
const CODE = "r-xp";

/** For a process that will do little for a while. */
export function giveBackProgramText(): void {
  if (process.platform !== "linux") return;
  try {
    const program = readlinkSync("/proc/self/exe");
    for (const line of readFileSync("/proc/self/maps", "latin1").split("\n")) {
      const [range = "", mode] = line.split(" ", 2);
      if (mode !== CODE || !line.endsWith(` ${program}`)) continue;
      const [from = 0n, to = 0n] = range.split("-").map((end) => BigInt(`0x${end}`));
      libc().madvise(from, to - from, MADV_DONTNEED);
    }
  } catch {
    // it stays mapped
  }
}
