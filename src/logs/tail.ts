/** The last lines of a file, read backwards in chunks: the size of the file does not matter. Holes (bytes of zero) at its head are skipped. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

export interface Tail {
  /** Whole lines with their line ends; the last one may have none. */
  bytes: Buffer;
  /** Where `bytes` begins and ends in the file. */
  from: number;
  to: number;
}

const CHUNK = 64 * 1024;
const NEWLINE = 10;

/** The last `lines` lines as bytes; all of it with `Infinity`. Null when there is no such file. */
export function readTail(path: string, lines: number): Tail | null {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return null;
  }
  try {
    const size = fstatSync(fd).size;
    const from = lines === Infinity ? 0 : findStart(fd, size, lines);
    const bytes = readRange(fd, from, size);
    const zeros = bytes.findIndex((byte) => byte !== 0);
    return zeros > 0 ? { bytes: bytes.subarray(zeros), from: from + zeros, to: size } : { bytes, from, to: size };
  } finally {
    closeSync(fd);
  }
}

function findStart(fd: number, size: number, lines: number): number {
  if (lines <= 0) return size;
  const chunk = Buffer.alloc(CHUNK);
  let left = lines;
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - CHUNK);
    const length = readSync(fd, chunk, 0, end - start, start);
    for (let at = length - 1; at >= 0; at--) {
      // The newline that ends the file ends the last line; it does not begin another.
      if (chunk[at] !== NEWLINE || start + at === size - 1) continue;
      left--;
      if (left === 0) return start + at + 1;
    }
    if (chunk.subarray(0, length).every((byte) => byte === 0)) return end;
    end = start;
  }
  return 0;
}

function readRange(fd: number, from: number, to: number): Buffer {
  const bytes = Buffer.alloc(to - from);
  let length = 0;
  while (length < bytes.length) {
    const got = readSync(fd, bytes, length, bytes.length - length, from + length);
    if (got === 0) break;
    length += got;
  }
  return bytes.subarray(0, length);
}

/** The last lines as text, without line ends. */
export function readLastLines(path: string, lines: number): string[] {
  const tail = readTail(path, lines);
  if (tail === null || tail.bytes.length === 0) return [];
  return tail.bytes
    .toString("utf8")
    .replace(/\r?\n$/, "")
    .split(/\r?\n/);
}
