/**
 * One stream of a command on its way to dt's own output. Each piece is read, kept and passed on before the next is
 * read. When the reader goes away, what the command has already written is still kept.
 */
import { closeSync, fstatSync, readSync, writeSync } from "node:fs";
import { errnoOf } from "../base/error.ts";
import { bytesWaiting } from "../ffi/posix.ts";

export interface RelaySource {
  /** Closed at the end. */
  from: number;
  /** dt's own standard output or error. */
  to: number;
}

export interface StreamHandlers {
  keep(bytes: Uint8Array): void;
  /** The reader has gone. */
  lost(source: RelaySource): void;
}

export interface Stream extends RelaySource {
  readonly handlers: StreamHandlers;
  readonly buffer: Buffer;
  /** Bytes read and not passed on yet: from here … */
  at: number;
  /** … to here. */
  end: number;
  open: boolean;
  /** Never blocks: a file. */
  readonly instant: boolean;
  /** How many bytes were still unread when the command ended. */
  owed: number;
}

/** A pipe takes this many bytes without blocking once `poll` says that there is room. */
const PIECE = 4096;
const CHUNK = 64 * 1024;

export function openStream(source: RelaySource, handlers: StreamHandlers): Stream {
  return {
    ...source,
    handlers,
    buffer: Buffer.alloc(CHUNK),
    at: 0,
    end: 0,
    open: true,
    instant: isFile(source.to),
    owed: 0,
  };
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}

/** Notes what is still to be read when the command has ended. */
export function noteOwed(stream: Stream): void {
  stream.owed = stream.open ? bytesWaiting(stream.from) : 0;
}

/** Whether nothing is left of it. `late`: other processes that hold it open have had their time. */
export function isStreamOver({ open, owed, at, end }: Stream, late: boolean): boolean {
  return !open || (late && owed <= 0 && at === end);
}

/** Whether a piece waits for the reader. */
export function isPending({ at, end }: Stream): boolean {
  return at < end;
}

/** Reads the next piece, or the end. */
export function fill(stream: Stream): void {
  const length = read(stream);
  if (length < 0) closeStream(stream);
  else [stream.at, stream.end] = [0, length];
  // A file never blocks, so it need not wait.
  if (length > 0 && stream.instant) pass(stream);
}

/** Bytes read; 0: none now; -1: the end. */
function read(stream: Stream): number {
  try {
    const length = readSync(stream.from, stream.buffer, 0, CHUNK, null);
    if (length === 0) return -1;
    stream.handlers.keep(stream.buffer.subarray(0, length));
    stream.owed -= length;
    return length;
  } catch (error) {
    return errnoOf(error) === "EAGAIN" ? 0 : -1; // EIO: the last process has closed the terminal
  }
}

/** Passes on what was read, as far as the reader takes it. */
export function pass(stream: Stream): void {
  try {
    const length = stream.instant ? stream.end - stream.at : Math.min(PIECE, stream.end - stream.at);
    stream.at += writeSync(stream.to, stream.buffer, stream.at, length);
  } catch (error) {
    if (errnoOf(error) !== "EAGAIN") lose(stream);
  }
}

/** The reader has gone: `keep` still gets what the command has already written. */
export function lose(stream: Stream): void {
  for (let left = bytesWaiting(stream.from); stream.open && left > 0; ) {
    const length = read(stream);
    if (length <= 0) break;
    left -= length;
  }
  closeStream(stream);
  stream.handlers.lost(stream);
}

export function closeStream(stream: Stream): void {
  if (stream.open) closeSync(stream.from);
  stream.open = false;
  stream.at = stream.end = 0;
}
