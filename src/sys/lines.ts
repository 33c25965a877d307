/**
 * Messages over a Unix socket: one JSON text a line. Memory is bounded on both sides: a peer that sends a longer line than allowed, or does
 * not read what it is sent, is cut off.
 */
import { chmodSync } from "node:fs";
import type { Socket } from "bun";
import { errnoOf } from "./error.ts";
import { removeFile } from "./files.ts";

export interface LineConnection {
  send(message: unknown): void;
  /** Resolves when all that was sent is with the kernel, or the connection is over. */
  flushed(): Promise<void>;
  /** Nothing more is read, so that the peer is slowed down. */
  pause(): void;
  resume(): void;
  close(): void;
}

export interface LineHandlers {
  /** Throwing cuts the peer off. */
  onMessage(message: unknown): void;
  onClose(): void;
}

export interface LineServer {
  /** Ends all connections and removes the socket. */
  stop(): void;
}

/** The longest line, and the most that waits for a peer to read. */
export const LONGEST_LINE = 1024 * 1024;
const MOST_WAITING = 4 * LONGEST_LINE;
const NEWLINE = 10;

interface State {
  handlers: LineHandlers;
  line: LineConnection;
  received(bytes: Uint8Array): void;
  drained(): void;
  closed(): void;
}

/** Listens at a path in a directory that is the user's alone (0700); the socket is 0600. Throws the system's error. */
export function listenForLines(path: string, accept: (line: LineConnection) => LineHandlers): LineServer {
  const open = new Set<Socket<State>>();
  const server = Bun.listen<State>({
    unix: path,
    socket: {
      open(socket) {
        socket.data = makeState(socket);
        socket.data.handlers = accept(socket.data.line);
        open.add(socket);
      },
      data: (socket, bytes) => socket.data.received(bytes),
      drain: (socket) => socket.data.drained(),
      close(socket) {
        open.delete(socket);
        socket.data.closed();
      },
      error: (socket) => void socket.terminate(),
    },
  });
  chmodSync(path, 0o600);
  return {
    stop() {
      for (const socket of open) socket.data.line.close();
      server.stop(false);
      removeFile(path);
    },
  };
}

/** Throws the system's error, as ECONNREFUSED or ENOENT where nobody listens. */
export async function connectForLines(path: string, handlers: LineHandlers): Promise<LineConnection> {
  const socket = await Bun.connect<State>({
    unix: path,
    socket: {
      open(opened) {
        opened.data = makeState(opened);
        opened.data.handlers = handlers;
      },
      data: (opened, bytes) => opened.data.received(bytes),
      drain: (opened) => opened.data.drained(),
      close: (opened) => opened.data?.closed(),
      error: (opened) => void opened.terminate(),
    },
  });
  return socket.data.line;
}

/** Whether somebody accepts connections there: false for what a killed process left. */
export async function isListening(path: string): Promise<boolean> {
  try {
    (await connectForLines(path, { onMessage: () => {}, onClose: () => {} })).close();
    return true;
  } catch (error) {
    return !["ECONNREFUSED", "ENOENT"].includes(errnoOf(error) ?? "");
  }
}

function makeState(socket: Socket<State>): State {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let outgoing: Uint8Array[] = [];
  let waiting = 0;
  let over = false;
  let flushed = Promise.withResolvers<void>();
  flushed.resolve();

  const cut = () => {
    over = true;
    socket.terminate();
  };
  const pump = () => {
    while (outgoing.length > 0 && !over) {
      const first = outgoing[0] as Uint8Array;
      const sent = socket.write(first);
      if (sent < 0) return cut();
      waiting -= sent;
      if (sent < first.length) {
        outgoing[0] = first.subarray(sent);
        return;
      }
      outgoing.shift();
    }
    flushed.resolve();
  };
  const state: State = {
    handlers: { onMessage: () => {}, onClose: () => {} },
    line: {
      send(message) {
        if (over) return;
        const bytes = Buffer.from(`${JSON.stringify(message)}\n`);
        if (waiting === 0) flushed = Promise.withResolvers<void>();
        outgoing.push(bytes);
        waiting += bytes.length;
        if (waiting > MOST_WAITING) return cut();
        pump();
      },
      flushed: () => flushed.promise,
      pause: () => void socket.pause(),
      resume: () => void socket.resume(),
      close() {
        if (!over) socket.end();
      },
    },
    received(bytes) {
      for (let at = 0; at < bytes.length && !over; ) {
        const end = bytes.indexOf(NEWLINE, at);
        const piece = bytes.slice(at, end < 0 ? bytes.length : end);
        held.push(piece);
        heldBytes += piece.length;
        if (heldBytes > LONGEST_LINE) return cut();
        if (end < 0) return;
        at = end + 1;
        const text = Buffer.concat(held).toString();
        held = [];
        heldBytes = 0;
        try {
          state.handlers.onMessage(JSON.parse(text));
        } catch {
          return cut();
        }
      }
    },
    drained: pump,
    closed() {
      over = true;
      outgoing = [];
      flushed.resolve();
      state.handlers.onClose();
    },
  };
  return state;
}
