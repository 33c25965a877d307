/**
 * The last lines of a file, found backwards and delivered in chunks, so the file's size does not matter.
 * A hole at its head is skipped.
 */
import { closeSync, constants, fstatSync, readSync } from "node:fs";
import { openOwn } from "../sys/door/door.ts";
import { dataStart } from "../sys/files/holes.ts";

const CHUNK = 64 * 1024;
const NEWLINE = 10;

/** Where the last `lines` lines begin and where the file ends now; null when there is no such file. */
export function findTail(path: string, lines: number): { from: number; to: number } | null {
  let fd: number;
  try {
    fd = openOwn(path, { flags: constants.O_RDONLY });
  } catch {
    return null;
  }
  try {
    const { size } = fstatSync(fd);
    const hole = Math.min(dataStart(fd), size);
    const from = lines === Number.POSITIVE_INFINITY ? hole : findStart(fd, { from: hole, to: size, lines });
    if (hole === 0 || from > hole) return { from, to: size };
    const chunk = Buffer.alloc(CHUNK);
    return { from: hole + leadingZeros(chunk.subarray(0, readSync(fd, chunk, 0, CHUNK, hole))), to: size };
  } finally {
    closeSync(fd);
  }
}

interface TailRequest {
  lines: number;
  onBytes: (bytes: Uint8Array) => boolean;
  maxBytes?: number | undefined;
}

/**
 * Passes the last `lines` lines (all with `Infinity`), but at most `maxBytes`, to `onBytes` until that returns false;
 * the bytes are valid only within the call. Returns the offset of the file's end, or null when there is no such file.
 */
export function readTail(
  path: string,
  { lines, onBytes, maxBytes = Number.POSITIVE_INFINITY }: TailRequest,
): number | null {
  let fd: number;
  try {
    fd = openOwn(path, { flags: constants.O_RDONLY });
  } catch {
    return null;
  }
  try {
    const { size } = fstatSync(fd);
    const hole = Math.min(dataStart(fd), size);
    const start = Math.max(hole, size - maxBytes);
    let at = lines === Number.POSITIVE_INFINITY ? start : findStart(fd, { from: start, to: size, lines });
    const chunk = Buffer.alloc(CHUNK);
    let begun = hole === 0 || at > hole;
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

/** A hole ends at a whole block; the rest of the released head reads as zeros within the block after it. */
function leadingZeros(bytes: Uint8Array): number {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? bytes.length : first;
}

/** Where the last `lines` lines between two offsets begin. */
export function findStart(fd: number, { from, to, lines }: { from: number; to: number; lines: number }): number {
  if (lines <= 0) return to;
  const chunk = Buffer.alloc(CHUNK);
  let left = lines;
  for (let end = to; end > from; ) {
    const begin = Math.max(from, end - CHUNK);
    const length = readSync(fd, chunk, 0, end - begin, begin);
    for (
      let at = chunk.lastIndexOf(NEWLINE, length - 1);
      at >= 0;
      at = at === 0 ? -1 : chunk.lastIndexOf(NEWLINE, at - 1)
    ) {
      // The newline that ends the file ends the last line; it does not begin another.
      if (at >= length || begin + at === to - 1) continue;
      left--;
      if (left === 0) return begin + at + 1;
    }
    end = begin;
  }
  return from;
}

/** The most that a record keeps of the last lines: a program may write gigabytes without ending a line. */
const LAST_BYTES = 32 * 1024;

/** The last lines as text, without line ends; only the end of very long ones. */
export function readLastLines(
  path: string,
  { lines, maxBytes = LAST_BYTES }: { lines: number; maxBytes?: number | undefined },
): string[] {
  const chunks: Uint8Array[] = [];
  readTail(path, {
    lines,
    onBytes: (bytes) => {
      chunks.push(new Uint8Array(bytes)); // a copy, which a Buffer's `slice` is not
      return true;
    },
    maxBytes,
  });
  const last = Buffer.concat(chunks);
  if (last.length === 0) return [];
  // The cut may fall within a character: its continuation bytes are dropped.
  const begin = last.length < maxBytes ? 0 : last.findIndex((byte) => (byte & 0xc0) !== 0x80);
  const text = last.toString("utf8", Math.max(0, begin));
  return text.replace(/\r?\n$/, "").split(/\r?\n/);
}
