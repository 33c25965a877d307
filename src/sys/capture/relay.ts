/**
 * Copies a command's output to dt's own output, in one loop over `poll`: nothing runs beside it, nothing is held back.
 * `keep` sees each piece before it is passed on; no more is read until it has been, so a slow reader slows the command
 * down as it would without dt. A reader that goes away is noticed at once, even while nothing is written, and the
 * command's output is closed.
 *
 * After the command has ended, everything it had written is passed on. Other processes that still hold its output open
 * (a server it left in the background) are read from for `GRACE_MS` more.
 *
 * Known limit: each of two streams stays in order; between them, the order is that in which `poll` found them ready.
 */
import { closeSync, fstatSync, readSync, writeSync } from "node:fs";
import { errnoOf } from "../base/error.ts";
import { libc, ptr } from "../ffi/libc.ts";
import { bytesWaiting } from "../ffi/posix.ts";

export interface Source {
  /** Closed at the end. */
  from: number;
  /** dt's own standard output or error. */
  to: number;
}

export interface Watched {
  fd: number;
  /** Asked before each wait: whether to wait for input, for room to write, or for neither. */
  wants(): "input" | "room" | "nothing";
  ready(): void;
}

export interface Relay {
  sources: readonly Source[];
  watched: readonly Watched[];
  keep(bytes: Uint8Array): void;
  /** The reader has gone. */
  lost(source: Source): void;
  /** Whether the command has ended. */
  ended(): boolean;
  /** The longest wait, in milliseconds; -1: no limit. */
  longest(): number;
}

const GRACE_MS = 100;
const SLOW_READER_MS = 1000;
/** A pipe takes this many bytes without blocking once `poll` says that there is room. */
const PIECE = 4096;
const CHUNK = 64 * 1024;
const POLLIN = 1;
const POLLOUT = 4;
const POLLERR = 8;
const POLLHUP = 16;
const POLLNVAL = 32;
const GONE = POLLERR | POLLHUP | POLLNVAL;

interface Stream extends Source {
  buffer: Buffer;
  /** Bytes read and not passed on yet: from here … */
  at: number;
  /** … to here. */
  end: number;
  open: boolean;
  /** Never blocks: a file. */
  instant: boolean;
  /** How many bytes were still unread when the command ended. */
  owed: number;
}

export function relay({ sources, watched, keep, lost, ended, longest }: Relay): void {
  const streams = sources.map(
    (source): Stream => ({
      ...source,
      buffer: Buffer.alloc(CHUNK),
      at: 0,
      end: 0,
      open: true,
      instant: isFile(source.to),
      owed: 0,
    }),
  );
  const polls = new Int32Array(2 * (2 * streams.length + watched.length));
  let deadline = Number.POSITIVE_INFINITY;

  const close = (stream: Stream) => {
    if (stream.open) closeSync(stream.from);
    stream.open = false;
    stream.at = stream.end = 0;
  };
  /** The reader has gone: `keep` still gets what the command has already written. */
  const lose = (stream: Stream) => {
    for (let left = bytesWaiting(stream.from); stream.open && left > 0; ) {
      const length = read(stream);
      if (length <= 0) break;
      left -= length;
    }
    close(stream);
    lost(stream);
  };
  /** Bytes read; 0: none now; -1: the end. */
  const read = (stream: Stream): number => {
    try {
      const length = readSync(stream.from, stream.buffer, 0, CHUNK, null);
      if (length === 0) return -1;
      keep(stream.buffer.subarray(0, length));
      stream.owed -= length;
      return length;
    } catch (error) {
      return errnoOf(error) === "EAGAIN" ? 0 : -1; // EIO: the last process has closed the terminal
    }
  };
  const pass = (stream: Stream): void => {
    try {
      const length = stream.instant ? stream.end - stream.at : Math.min(PIECE, stream.end - stream.at);
      stream.at += writeSync(stream.to, stream.buffer, stream.at, length);
    } catch (error) {
      if (errnoOf(error) !== "EAGAIN") lose(stream);
    }
  };

  for (;;) {
    if (deadline === Number.POSITIVE_INFINITY && ended()) {
      deadline = performance.now() + GRACE_MS;
      for (const stream of streams) stream.owed = stream.open ? bytesWaiting(stream.from) : 0;
    }
    const left = deadline - performance.now();
    const isOver = (stream: Stream) => !stream.open || (left <= 0 && stream.owed <= 0 && stream.at === stream.end);
    if (deadline !== Number.POSITIVE_INFINITY && streams.every(isOver)) break;

    for (const [index, { from, to, at, end, open, instant }] of streams.entries()) {
      const pending = at < end;
      polls[4 * index] = open && !pending ? from : -1;
      polls[4 * index + 1] = POLLIN;
      polls[4 * index + 2] = open && !(instant && !pending) ? to : -1;
      polls[4 * index + 3] = pending ? POLLOUT : 0;
    }
    const others = 4 * streams.length;
    for (const [index, { fd, wants }] of watched.entries()) {
      const what = wants();
      polls[others + 2 * index] = what === "nothing" ? -1 : fd;
      polls[others + 2 * index + 1] = what === "room" ? POLLOUT : POLLIN;
    }
    const limit = deadline === Number.POSITIVE_INFINITY ? longest() : left > 0 ? Math.ceil(left) : SLOW_READER_MS;
    libc().poll(ptr(polls), polls.length / 2, limit);

    for (const [index, one] of watched.entries()) {
      const isReady = polls[others + 2 * index] !== -1 && eventsOf(polls, others + 2 * index) !== 0;
      // The handler before it may have changed what is wanted: keys that come as the command ends or stops are not the
      // command's.
      if (isReady && one.wants() !== "nothing") one.ready();
    }
    for (const [index, stream] of streams.entries()) {
      if (!stream.open) continue;
      const source = polls[4 * index] === -1 ? 0 : eventsOf(polls, 4 * index);
      const sink = polls[4 * index + 2] === -1 ? 0 : eventsOf(polls, 4 * index + 2);
      if ((sink & GONE) !== 0 && !stream.instant) lose(stream);
      else if (stream.at < stream.end) {
        if (sink !== 0) pass(stream);
      } else if (source !== 0) {
        const length = read(stream);
        if (length < 0) close(stream);
        else [stream.at, stream.end] = [0, length];
        // A file never blocks, so it need not wait.
        if (length > 0 && stream.instant) pass(stream);
      } else if (left <= 0) stream.owed = 0; // a terminal whose output was discarded (`tcflush`)
    }
  }
  for (const stream of streams) close(stream);
}

function eventsOf(polls: Int32Array, at: number): number {
  return (polls[at + 1] as number) >>> 16;
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}
