/** The last lines of a file, found backwards in chunks and given in chunks: the size of the file does not matter. A hole at its head is skipped. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { dataStart } from "../sys/holes.ts";

const CHUNK = 64 * 1024;
const NEWLINE = 10;

/**
 * Gives the last `lines` lines (all of it with `Infinity`) to `onBytes`, until that says false. Returns the offset of their end, or
 * null when there is no such file.
 */
export function readTail(path: string, lines: number, onBytes: (bytes: Uint8Array) => boolean): number | null {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return null;
  }
  try {
    const { size } = fstatSync(fd);
    const start = Math.min(dataStart(fd), size);
    let at = lines === Number.POSITIVE_INFINITY ? start : findStart(fd, start, size, lines);
    const chunk = Buffer.alloc(CHUNK);
    let begun = start === 0;
    while (at < size) {
      const length = readSync(fd, chunk, 0, Math.min(CHUNK, size - at), at);
      if (length === 0) break;
      const zeros = begun ? 0 : leadingZeros(chunk.subarray(0, length));
      begun = begun || zeros < length;
      if (zeros < length && !onBytes(chunk.subarray(zeros, length))) break;
      at += length;
    }
    return size;
  } finally {
    closeSync(fd);
  }
}

/** A hole ends at a whole block, within which the released part of the head reads as zeros. */
function leadingZeros(bytes: Uint8Array): number {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? bytes.length : first;
}

function findStart(fd: number, start: number, size: number, lines: number): number {
  if (lines <= 0) return size;
  const chunk = Buffer.alloc(CHUNK);
  let left = lines;
  for (let end = size; end > start; ) {
    const from = Math.max(start, end - CHUNK);
    const length = readSync(fd, chunk, 0, end - from, from);
    for (
      let at = chunk.lastIndexOf(NEWLINE, length - 1);
      at >= 0;
      at = at === 0 ? -1 : chunk.lastIndexOf(NEWLINE, at - 1)
    ) {
      // The newline that ends the file ends the last line; it does not begin another.
      if (at >= length || from + at === size - 1) continue;
      left--;
      if (left === 0) return from + at + 1;
    }
    end = from;
  }
  return start;
}

/** What the last lines may take at the most: a program can write a line of any length. */
const LAST_LINES_BYTES = 64 * 1024;

/** The last lines as text, without line ends; of a very long one its end. */
export function readLastLines(path: string, lines: number): string[] {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(fd);
    const from = Math.max(Math.min(dataStart(fd), size), size - LAST_LINES_BYTES);
    const bytes = Buffer.alloc(size - from);
    const end = bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, from));
    const text = end
      .subarray(from === 0 ? 0 : leadingZeros(end))
      .toString("utf8")
      .replace(/\r?\n$/, "");
    const all = text === "" ? [] : text.split(/\r?\n/);
    if (from > 0 && all.length > 1) all.shift(); // very likely the rest of a line
    return all.slice(-lines);
  } finally {
    closeSync(fd);
  }
}
