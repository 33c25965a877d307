/**
 * Messages over a Unix socket: one JSON text a line. Memory is bounded on both sides. A peer that sends a line longer
 * than allowed, or does not read what it is sent, is cut off. The unfinished lines of all peers of a server share one
 * bound.
 */
import { lstatSync } from "node:fs";
import type { Socket } from "bun";
import { type DtError, errnoOf } from "../base/error.ts";
import { ownUid } from "../places/ownplace.ts";
import { FOREIGN_SOCKET, foreignPeer, type Peer, peerOf } from "./peer.ts";

export interface LineConnection {
  send(message: unknown): void;
  /** Resolves when everything sent is with the kernel, or the connection is over. */
  flushed(): Promise<void>;
  /** Bytes that wait for the peer to read them. */
  waiting(): number;
  /** Stops reading, which slows the peer down. */
  pause(): void;
  resume(): void;
  /** Closes the connection once everything sent is out. */
  close(): void;
}

export interface LineHandlers {
  /** An exception cuts the peer off. */
  onMessage(message: unknown): void;
  /**
   * Called for a line that is not JSON, after which reading goes on, and for one that is too long, after which nothing
   * more is read. Default: cut the peer off.
   */
  onGarbage?(what: "not-json" | "too-long"): void;
  onClose(): void;
}

export interface LineServer {
  /** Whether the path still leads to this socket. */
  isReachable(): boolean;
  /** Ends all connections, and removes the socket if it is still this one. */
  stop(): void;
}

export interface ListenOptions {
  /** How many bytes may wait for a peer that does not read. Default 4 MiB. */
  mostWaiting?: number;
}

/** The longest line. */
export const LONGEST_LINE = 1024 * 1024;
/** The most bytes that may wait for a peer to read them. */
const MOST_WAITING = 4 * LONGEST_LINE;
/** The most bytes of unfinished lines, over all connections of a server. */
const MOST_HELD = 32 * LONGEST_LINE;
const NEWLINE = 10;
const PRIVATE_SOCKET = 0o177;

interface State {
  handlers: LineHandlers;
  line: LineConnection;
  received(bytes: Uint8Array): void;
  drained(): void;
  closed(): void;
}

interface Budget {
  held: number;
}

/**
 * Listens at a path in a directory that only the user can enter (0700); the socket is 0600. `accept` returns null to
 * turn a peer away. Throws the system's error.
 */
export function listenForLines(
  path: string,
  accept: (line: LineConnection, peer: Peer | null) => LineHandlers | null,
  { mostWaiting = MOST_WAITING }: ListenOptions = {},
): LineServer {
  const open = new Set<Socket<State>>();
  const budget: Budget = { held: 0 };
  const umask = process.umask(PRIVATE_SOCKET);
  let server: ReturnType<typeof Bun.listen<State>>;
  try {
    server = Bun.listen<State>({
      unix: path,
      socket: {
        open(socket) {
          socket.data = makeState(socket, mostWaiting, budget);
          const handlers = accept(socket.data.line, peerOf(descriptorOf(socket)));
          if (handlers === null) return void socket.end();
          socket.data.handlers = handlers;
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
  } finally {
    process.umask(umask);
  }
  const own = inodeOf(path);
  return {
    isReachable: () => own !== null && inodeOf(path) === own,
    stop() {
      for (const socket of open) socket.data.line.close();
      // Bun removes whatever is at the path, even if another process's socket is there by now.
      if (inodeOf(path) === own) server.stop(false);
      else server.unref();
    },
  };
}

function inodeOf(path: string): number | null {
  try {
    return lstatSync(path).ino;
  } catch {
    return null; // removed, or its directory belongs to another user by now
  }
}

function descriptorOf(socket: Socket<State>): number {
  return (socket as unknown as { fd: number }).fd;
}

/**
 * Throws the system's error, such as ECONNREFUSED or ENOENT when nothing listens, and `foreign-socket` when another
 * user's process listens; then no byte is sent or believed.
 */
export async function connectForLines(path: string, handlers: LineHandlers): Promise<LineConnection> {
  const refused: { why: DtError | null } = { why: null };
  const socket = await Bun.connect<State>({
    unix: path,
    socket: {
      open(opened) {
        refused.why = foreignPeer(descriptorOf(opened), path);
        if (refused.why !== null) return void opened.terminate();
        opened.data = makeState(opened, MOST_WAITING, { held: 0 });
        opened.data.handlers = handlers;
      },
      data: (opened, bytes) => opened.data?.received(bytes),
      drain: (opened) => opened.data?.drained(),
      close: (opened) => opened.data?.closed(),
      error: (opened) => void opened.terminate(),
    },
  });
  if (refused.why !== null) throw refused.why;
  return socket.data.line;
}

/**
 * Whether a process of this user accepts connections there. False for a socket that a killed process left, and for one
 * that another user put there.
 */
export async function isListening(path: string): Promise<boolean> {
  try {
    const there = lstatSync(path);
    if (!there.isSocket() || there.uid !== ownUid()) return false;
    (await connectForLines(path, { onMessage: () => {}, onClose: () => {} })).close();
    return true;
  } catch (error) {
    return !["ECONNREFUSED", "ENOENT", "ENOTDIR", FOREIGN_SOCKET].includes(errnoOf(error) ?? "");
  }
}

function makeState(socket: Socket<State>, mostWaiting: number, budget: Budget): State {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let outgoing: Uint8Array[] = [];
  let waiting = 0;
  let over = false;
  let deaf = false;
  let flushed = Promise.withResolvers<void>();
  flushed.resolve();

  const cut = () => {
    over = true;
    socket.terminate();
  };
  const letGo = () => {
    held = [];
    budget.held -= heldBytes;
    heldBytes = 0;
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
  const tooLong = () => {
    letGo();
    deaf = true;
    if (state.handlers.onGarbage === undefined) cut();
    else state.handlers.onGarbage("too-long");
  };
  const take = (text: string) => {
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      if (state.handlers.onGarbage === undefined) cut();
      else state.handlers.onGarbage("not-json");
      return;
    }
    try {
      state.handlers.onMessage(message);
    } catch {
      cut();
    }
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
        if (waiting > mostWaiting) return cut();
        pump();
      },
      flushed: () => flushed.promise,
      waiting: () => waiting,
      pause: () => void socket.pause(),
      resume: () => void socket.resume(),
      close() {
        deaf = true;
        void flushed.promise.then(() => {
          if (!over) socket.end();
        });
      },
    },
    received(bytes) {
      for (let at = 0; at < bytes.length && !over && !deaf; ) {
        const end = bytes.indexOf(NEWLINE, at);
        const piece = bytes.slice(at, end < 0 ? bytes.length : end);
        held.push(piece);
        heldBytes += piece.length;
        budget.held += piece.length;
        if (heldBytes > LONGEST_LINE || budget.held > MOST_HELD) return tooLong();
        if (end < 0) return;
        at = end + 1;
        const text = Buffer.concat(held).toString();
        letGo();
        take(text);
      }
    },
    drained: pump,
    closed() {
      over = true;
      letGo();
      outgoing = [];
      waiting = 0;
      flushed.resolve();
      state.handlers.onClose();
    },
  };
  return state;
}
