/** Listens for lines (lineconnection.ts) at a path. A socket that another process put there meanwhile stays. */
import { lstatSync } from "node:fs";
import type { Socket } from "bun";
import type { LineConnection, LineHandlers } from "./line.ts";
import {
  closeLine,
  connectionOf,
  descriptorOf,
  endLine,
  type LineBudget,
  type LineState,
  MOST_BEHIND,
  makeLineState,
  receiveBytes,
  sendWaiting,
} from "./lineconnection.ts";
import { type Peer, peerOf } from "./peer.ts";

export interface LineServer {
  /** Whether the path still leads to this socket. */
  isReachable(): boolean;
  /** Ends all connections, and removes the socket if it is still this one. */
  stop(): void;
}

export interface ListenOptions {
  /** How many bytes may wait for a peer that does not read. Default 4 MiB. */
  mostWaiting?: number;
  /** The longest line that is read, in bytes. Default 1 MiB. */
  longestLine?: number;
}

const PRIVATE_SOCKET = 0o177;

/**
 * Listens at a path in a directory that only the user can enter (0700); the socket is 0600. `accept` returns null to
 * turn a peer away. Throws the system's error.
 */
export function listenForLines(
  path: string,
  {
    accept,
    mostWaiting = MOST_BEHIND,
    longestLine,
  }: { accept: (line: LineConnection, peer: Peer | null) => LineHandlers | null } & ListenOptions,
): LineServer {
  const open = new Set<Socket<LineState>>();
  const budget: LineBudget = { held: 0 };
  const umask = process.umask(PRIVATE_SOCKET);
  let server: ReturnType<typeof Bun.listen<LineState>>;
  try {
    server = Bun.listen<LineState>({
      unix: path,
      socket: {
        open(socket) {
          socket.data = makeLineState(socket, { mostWaiting, longestLine, budget });
          const handlers = accept(connectionOf(socket.data), peerOf(descriptorOf(socket)));
          if (handlers === null) return void socket.end();
          socket.data.handlers = handlers;
          open.add(socket);
        },
        data: (socket, bytes) => receiveBytes(socket.data, bytes),
        drain: (socket) => sendWaiting(socket.data),
        close(socket) {
          open.delete(socket);
          endLine(socket.data);
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
      for (const socket of open) closeLine(socket.data);
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
