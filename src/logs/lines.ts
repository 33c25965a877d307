/** The lines of a file between two offsets, each with where it begins and ends. A line is never split, however long. */
import { readSync } from "node:fs";
import { dataStart } from "../sys/files/holes.ts";

export interface Line {
  offset: number;
  /** The offset after its newline; for a line without one, the end of the file. */
  end: number;
  /** With its newline, if it has one. Valid until the next line is read. */
  bytes: Uint8Array;
}

const CHUNK = 256 * 1024;
const NEWLINE = 10;

/** `from` must be the beginning of a line. */
export function* readLines(fd: number, { from, to }: { from: number; to: number }): Generator<Line> {
  const chunk = Buffer.alloc(CHUNK);
  let held: Buffer[] = [];
  let begin = from;
  for (let at = from; at < to; ) {
    const length = readSync(fd, chunk, 0, Math.min(CHUNK, to - at), at);
    if (length === 0) break;
    const bytes = chunk.subarray(0, length);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      const part = bytes.subarray(start, end + 1);
      const whole = held.length === 0 ? part : Buffer.concat([...held, part]);
      held = [];
      yield { offset: begin, end: at + end + 1, bytes: whole };
      start = end + 1;
      begin = at + start;
    }
    if (start < length) held.push(Buffer.from(bytes.subarray(start)));
    at += length;
  }
  if (held.length > 0) {
    const rest = Buffer.concat(held);
    yield { offset: begin, end: begin + rest.length, bytes: rest };
  }
}

/** The first whole line after a released head; 0 for a file that is whole. */
export function firstWholeLine(fd: number, size: number): number {
  const data = Math.min(dataStart(fd), size);
  return data === 0 ? 0 : lineAfter(fd, { offset: data, size });
}

/** The beginning of the line after the one that contains `offset`; the end of the file when there is none. */
export function lineAfter(fd: number, { offset, size }: { offset: number; size: number }): number {
  const chunk = Buffer.alloc(CHUNK);
  for (let at = offset; at < size; ) {
    const length = readSync(fd, chunk, 0, Math.min(CHUNK, size - at), at);
    if (length === 0) break;
    const end = chunk.subarray(0, length).indexOf(NEWLINE);
    if (end >= 0) return at + end + 1;
    at += length;
  }
  return size;
}

/** The beginning of the line that contains `offset`, but no earlier than `first`. */
export function lineBegin(fd: number, { offset, first }: { offset: number; first: number }): number {
  const chunk = Buffer.alloc(CHUNK);
  for (let end = offset; end > first; ) {
    const from = Math.max(first, end - CHUNK);
    const length = readSync(fd, chunk, 0, end - from, from);
    const at = length === 0 ? -1 : chunk.lastIndexOf(NEWLINE, length - 1);
    if (at >= 0) return from + at + 1;
    end = from;
  }
  return first;
}
