/**
 * Connects to a socket that speaks lines (lineconnection.ts). Nothing is sent to another user's process, and nothing it
 * sends is believed.
 */
import { lstatSync } from "node:fs";
import { type DtError, errnoOf } from "../base/error.ts";
import { ownUid } from "../places/ownplace.ts";
import type { LineConnection, LineHandlers } from "./line.ts";
import {
  connectionOf,
  descriptorOf,
  endLine,
  type LineState,
  MOST_BEHIND,
  makeLineState,
  receiveBytes,
  sendWaiting,
} from "./lineconnection.ts";
import { FOREIGN_SOCKET, foreignPeer } from "./peer.ts";

/**
 * Throws the system's error, such as ECONNREFUSED or ENOENT when nothing listens, and `foreign-socket` when another
 * user's process listens.
 */
export async function connectForLines(
  path: string,
  { mostWaiting = MOST_BEHIND, ...handlers }: LineHandlers & { mostWaiting?: number },
): Promise<LineConnection> {
  const refused: { why: DtError | null } = { why: null };
  const socket = await Bun.connect<LineState>({
    unix: path,
    socket: {
      open(opened) {
        refused.why = foreignPeer(descriptorOf(opened), path);
        if (refused.why !== null) return void opened.terminate();
        opened.data = makeLineState(opened, { mostWaiting, budget: { held: 0 } });
        opened.data.handlers = handlers;
      },
      data: (opened, bytes) => opened.data && receiveBytes(opened.data, bytes),
      drain: (opened) => opened.data && sendWaiting(opened.data),
      close: (opened) => opened.data && endLine(opened.data),
      error: (opened) => void opened.terminate(),
    },
  });
  if (refused.why !== null) throw refused.why;
  return connectionOf(socket.data);
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
