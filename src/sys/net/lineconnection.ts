/**
 * Messages over a Unix socket: one JSON text a line. Memory is bounded on both sides. A peer that sends a line longer
 * than allowed, or does not read what it is sent, is cut off. The unfinished lines of all peers of a server share one
 * bound. lineserver.ts and lineclient.ts make the sockets.
 */
import type { Socket } from "bun";
import type { LineConnection, LineHandlers } from "./line.ts";

/** The longest line. */
export const LONGEST_LINE = 1024 * 1024;
/** The most bytes that may wait for a peer to read them. */
export const MOST_BEHIND = 4 * LONGEST_LINE;
/** The most bytes of unfinished lines, over all connections of a server. */
const MOST_HELD = 32 * LONGEST_LINE;
/** How long the last words of a peer that has closed the connection may take to be read, in milliseconds. */
const LAST_WORDS_MS = 1000;
const NEWLINE = 10;

/** The bytes of unfinished lines, over all connections of a server. */
export interface LineBudget {
  held: number;
}

export interface LineState {
  readonly socket: Socket<LineState>;
  readonly mostWaiting: number;
  readonly longestLine: number;
  readonly budget: LineBudget;
  handlers: LineHandlers;
  /** The line that has not ended yet. */
  held: Uint8Array[];
  heldBytes: number;
  /** Sent, but not with the kernel yet. */
  outgoing: Uint8Array[];
  waiting: number;
  flushed: PromiseWithResolvers<void>;
  over: boolean;
  /** Whether what arrives is dropped. */
  deaf: boolean;
  /** Whether the peer has closed the connection: what it said before is still read, and nothing more is sent. */
  mute: boolean;
}

/** Bun's types do not name it. */
export function descriptorOf(socket: Socket<LineState>): number {
  return (socket as unknown as { fd: number }).fd;
}

const NO_HANDLERS: LineHandlers = { onMessage: () => {}, onClose: () => {} };

interface LineLimits {
  /** How many bytes may wait for a peer that does not read. */
  mostWaiting: number;
  /** The longest line that is read, in bytes. Default: `LONGEST_LINE`. */
  longestLine?: number | undefined;
  budget: LineBudget;
}

/** `handlers` may be set later, before anything has arrived. */
export function makeLineState(
  socket: Socket<LineState>,
  { mostWaiting, longestLine = LONGEST_LINE, budget }: LineLimits,
): LineState {
  const flushed = Promise.withResolvers<void>();
  flushed.resolve();
  return {
    socket,
    mostWaiting,
    longestLine,
    budget,
    handlers: NO_HANDLERS,
    held: [],
    heldBytes: 0,
    outgoing: [],
    waiting: 0,
    flushed,
    over: false,
    deaf: false,
    mute: false,
  };
}

export function connectionOf(state: LineState): LineConnection {
  return {
    send: (message) => sendLine(state, message),
    flushed: () => state.flushed.promise,
    waiting: () => state.waiting,
    pause: () => void state.socket.pause(),
    resume: () => void state.socket.resume(),
    close: () => closeLine(state),
  };
}

function sendLine(state: LineState, message: unknown): boolean {
  if (state.over || state.mute) return false;
  const bytes = Buffer.from(`${JSON.stringify(message)}\n`);
  if (state.waiting === 0) state.flushed = Promise.withResolvers<void>();
  state.outgoing.push(bytes);
  state.waiting += bytes.length;
  if (state.waiting > state.mostWaiting) cut(state);
  else sendWaiting(state);
  return !state.over && !state.mute;
}

/** Gives the kernel what it takes. Call it also when the socket has room again. */
export function sendWaiting(state: LineState): void {
  while (state.outgoing.length > 0 && !state.over) {
    const first = state.outgoing[0] as Uint8Array;
    const sent = state.socket.write(first);
    if (sent < 0) {
      goMute(state);
      return;
    }
    state.waiting -= sent;
    if (sent < first.length) {
      state.outgoing[0] = first.subarray(sent);
      return;
    }
    state.outgoing.shift();
  }
  state.flushed.resolve();
}

/** The end of the connection is read after the peer's last words, so `onClose` follows them. */
function goMute(state: LineState): void {
  state.mute = true;
  dropOutgoing(state);
  setTimeout(() => !state.over && cut(state), LAST_WORDS_MS).unref();
}

function dropOutgoing(state: LineState): void {
  state.outgoing = [];
  state.waiting = 0;
  state.flushed.resolve();
}

export function closeLine(state: LineState): void {
  state.deaf = true;
  void state.flushed.promise.then(() => {
    if (!state.over) state.socket.end();
  });
}

/** Hands on each line that these bytes complete. */
export function receiveBytes(state: LineState, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length && !state.over && !state.deaf; ) {
    const end = bytes.indexOf(NEWLINE, at);
    const piece = bytes.slice(at, end < 0 ? bytes.length : end);
    state.held.push(piece);
    state.heldBytes += piece.length;
    state.budget.held += piece.length;
    if (state.heldBytes > state.longestLine || state.budget.held > MOST_HELD) {
      refuseLong(state);
      return;
    }
    if (end < 0) return;
    at = end + 1;
    const text = Buffer.concat(state.held).toString();
    letGo(state);
    handOn(state, text);
  }
}

function refuseLong(state: LineState): void {
  letGo(state);
  state.deaf = true;
  if (state.handlers.onGarbage === undefined) cut(state);
  else state.handlers.onGarbage("too-long");
}

function letGo(state: LineState): void {
  state.held = [];
  state.budget.held -= state.heldBytes;
  state.heldBytes = 0;
}

function handOn(state: LineState, text: string): void {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    if (state.handlers.onGarbage === undefined) cut(state);
    else state.handlers.onGarbage("not-json");
    return;
  }
  try {
    state.handlers.onMessage(message);
  } catch {
    cut(state);
  }
}

function cut(state: LineState): void {
  state.over = true;
  state.socket.terminate();
}

/** Call it when the socket has closed. */
export function endLine(state: LineState): void {
  state.over = true;
  letGo(state);
  dropOutgoing(state);
  state.handlers.onClose();
}
