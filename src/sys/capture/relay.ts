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
import { libc, ptr } from "../ffi/libc.ts";
import {
  closeStream,
  fill,
  isPending,
  isStreamOver,
  lose,
  noteOwed,
  openStream,
  pass,
  type RelaySource,
  type Stream,
  type StreamHandlers,
} from "./stream.ts";

export interface Watched {
  fd: number;
  /** Asked before each wait: whether to wait for input, for room to write, or for neither. */
  wants(): "input" | "room" | "nothing";
  ready(): void;
}

export interface Relay extends StreamHandlers {
  sources: readonly RelaySource[];
  watched: readonly Watched[];
  /** Whether the command has ended. */
  ended(): boolean;
  /** The longest wait, in milliseconds; -1: no limit. */
  longest(): number;
}

const GRACE_MS = 100;
const SLOW_READER_MS = 1000;
/** From <poll.h>, poll(2). */
const POLLIN = 1;
const POLLOUT = 4;
const POLLERR = 8;
const POLLHUP = 16;
const POLLNVAL = 32;
const GONE = POLLERR | POLLHUP | POLLNVAL;

export function relay({ sources, watched, keep, lost, ended, longest }: Relay): void {
  const streams = sources.map((source) => openStream(source, { keep, lost }));
  const polls = new Int32Array(2 * (2 * streams.length + watched.length));
  let deadline = Number.POSITIVE_INFINITY;
  for (;;) {
    if (deadline === Number.POSITIVE_INFINITY && ended()) {
      deadline = performance.now() + GRACE_MS;
      streams.forEach(noteOwed);
    }
    const left = deadline - performance.now();
    const isLate = left <= 0;
    if (deadline !== Number.POSITIVE_INFINITY && streams.every((stream) => isStreamOver(stream, isLate))) break;

    askStreams(polls, streams);
    askWatched(polls, { first: 4 * streams.length, watched });
    const limit = deadline === Number.POSITIVE_INFINITY ? longest() : left > 0 ? Math.ceil(left) : SLOW_READER_MS;
    libc().poll(ptr(polls), polls.length / 2, limit);

    callWatched(polls, { first: 4 * streams.length, watched });
    for (const [index, stream] of streams.entries()) {
      if (!stream.open) continue;
      move(stream, { source: eventsOf(polls, 4 * index), sink: eventsOf(polls, 4 * index + 2), isLate });
    }
  }
  streams.forEach(closeStream);
}

/** Two entries a stream, of two words each (`struct pollfd`): where it is read, where it is passed on. */
function askStreams(polls: Int32Array, streams: readonly Stream[]): void {
  for (const [index, stream] of streams.entries()) {
    const { from, to, open, instant } = stream;
    const pending = isPending(stream);
    polls[4 * index] = open && !pending ? from : -1;
    polls[4 * index + 1] = POLLIN;
    polls[4 * index + 2] = open && !(instant && !pending) ? to : -1;
    polls[4 * index + 3] = pending ? POLLOUT : 0;
  }
}

/** `first`: where their entries begin. */
function askWatched(polls: Int32Array, { first, watched }: { first: number; watched: readonly Watched[] }): void {
  for (const [index, { fd, wants }] of watched.entries()) {
    const what = wants();
    polls[first + 2 * index] = what === "nothing" ? -1 : fd;
    polls[first + 2 * index + 1] = what === "room" ? POLLOUT : POLLIN;
  }
}

function callWatched(polls: Int32Array, { first, watched }: { first: number; watched: readonly Watched[] }): void {
  for (const [index, one] of watched.entries()) {
    const isReady = eventsOf(polls, first + 2 * index) !== 0;
    // The handler before it may have changed what is wanted: keys that come as the command ends or stops are not the
    // command's.
    if (isReady && one.wants() !== "nothing") one.ready();
  }
}

/** `source` and `sink`: the events where it is read and where it is passed on. */
function move(stream: Stream, { source, sink, isLate }: { source: number; sink: number; isLate: boolean }): void {
  if ((sink & GONE) !== 0 && !stream.instant) lose(stream);
  else if (isPending(stream)) {
    if (sink !== 0) pass(stream);
  } else if (source !== 0) fill(stream);
  else if (isLate) stream.owed = 0; // a terminal whose output was discarded (`tcflush`)
}

/** What `poll` reports of an entry; an entry without a descriptor has no events. */
function eventsOf(polls: Int32Array, at: number): number {
  return polls[at] === -1 ? 0 : (polls[at + 1] as number) >>> 16;
}
