/**
 * The host's side of `dt attach`: one socket a run, named by the run's token, so that one left by a killed host is
 * never taken for another run's. The launch's history says where it is. All attached clients type into one terminal;
 * its size is that of the last client that attached or changed its size.
 */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { LaunchRecord } from "../../state/types.ts";
import { messageOf } from "../../sys/base/error.ts";
import { statOf } from "../../sys/base/stat.ts";
import { removeFile } from "../../sys/files/removal.ts";
import type { LineConnection, LineHandlers } from "../../sys/net/line.ts";
import { isListening } from "../../sys/net/lineclient.ts";
import { listenForLines } from "../../sys/net/lineserver.ts";
import { mayConnect } from "../../sys/net/peer.ts";
import { type SocketPlaceRequest, socketDirectory } from "../../sys/places/socketplace.ts";
import type { TerminalSize } from "../../sys/terminal/leaderterminal.ts";
import type { HostedTerminal } from "../terminal/hosted.ts";
import {
  ATTACH_VERSION,
  type FromHost,
  parseToHost,
  SOCKET_SUFFIX,
  socketName,
  type ToHost,
} from "../terminal/wire.ts";

/** Once more bytes than this wait for the program, the client that types them is slowed down. */
const MOST_PENDING = 64 * 1024;
/** In milliseconds. Only an older socket is checked for being a leftover: a younger one may be about to listen. */
const LEFTOVER_MS = 60_000;

export interface TerminalRequest {
  record: Pick<LaunchRecord, "key" | "token" | "log">;
  terminal: HostedTerminal;
  place: SocketPlaceRequest;
  /** Aborted when the run is over. */
  over: AbortSignal;
  /** Called with the socket's path. */
  onSocket(socket: string): void;
  /** Reports a sentence to the user. */
  say(text: string): void;
}

interface Attached {
  line: LineConnection;
  readOnly: boolean;
  size: TerminalSize | null;
}

interface TerminalState extends Pick<TerminalRequest, "record" | "terminal"> {
  attached: Attached[];
  /** Clients that are not read from until the program has taken what was typed. */
  slowed: Set<LineConnection>;
  /** Clients that wait until all their keys are taken. */
  waitingForSync: Attached[];
}

export function serveTerminal({ record, terminal, place, over, onSocket, say }: TerminalRequest): void {
  const state: TerminalState = { record, terminal, attached: [], slowed: new Set(), waitingForSync: [] };
  terminal.onTaken(() => goOn(state));
  let server: ReturnType<typeof listenForLines>;
  try {
    const directory = socketDirectory(place);
    const socket = join(directory, socketName(record.token));
    server = listenForLines(socket, { accept: (line, peer) => (mayConnect(peer) ? accept(state, line) : null) });
    onSocket(socket);
    void sweepLeftovers(directory);
  } catch (error) {
    say(`${record.key} cannot be attached to: ${messageOf(error)}`);
    return;
  }
  over.addEventListener("abort", () => {
    for (const { line } of state.attached) send(line, { is: "over" });
    server.stop();
    if (terminal.lost() > 0) say(`${record.key}: its log could not take ${terminal.lost()} bytes (is the disk full?)`);
  });
}

/** The program has read what was typed. */
function goOn({ slowed, waitingForSync }: TerminalState): void {
  for (const line of slowed) line.resume();
  slowed.clear();
  for (const one of waitingForSync.splice(0)) synced(one);
}

function send(line: LineConnection, message: FromHost): void {
  line.send(message);
}

function accept(state: TerminalState, line: LineConnection): LineHandlers {
  let me: Attached | null = null;
  return {
    onMessage(raw) {
      const message = parseToHost(raw);
      if (message.is === "hello") {
        const { version, readOnly, size } = message;
        if (version !== ATTACH_VERSION) return refuse(line, version);
        me = { line, readOnly, size: readOnly ? null : size };
        return welcome(state, me);
      }
      if (me === null) throw new Error("nobody has said hello");
      hear(state, { from: me, message });
    },
    onClose() {
      state.slowed.delete(line);
      if (me !== null) leave(state, me);
    },
  };
}

function refuse(line: LineConnection, version: number): void {
  send(line, { is: "refused", why: `it speaks version ${ATTACH_VERSION}, this dt version ${version}` });
  line.close();
}

function welcome({ record, terminal, attached }: TerminalState, one: Attached): void {
  attached.push(one);
  if (one.size !== null) terminal.resize(one.size);
  send(one.line, {
    is: "welcome",
    version: ATTACH_VERSION,
    token: record.token,
    offset: statOf(record.log)?.size ?? 0,
    modes: terminal.modes.set(),
    alternate: terminal.modes.alternate(),
  });
}

function hear(
  state: TerminalState,
  { from, message }: { from: Attached; message: Exclude<ToHost, { is: "hello" }> },
): void {
  const { terminal, attached } = state;
  if (from.readOnly && message.is !== "redraw") return;
  switch (message.is) {
    case "redraw":
      terminal.redraw();
      break;
    case "size":
      from.size = message.size;
      // The last client to send a size decides.
      attached.push(...attached.splice(attached.indexOf(from), 1));
      terminal.resize(message.size);
      break;
    case "sync":
      if (terminal.pending() === 0) synced(from);
      else state.waitingForSync.push(from);
      break;
    case "keys":
      typeKeys(state, { line: from.line, data: message.data });
  }
}

function synced({ line }: Attached): void {
  send(line, { is: "synced" });
}

function typeKeys({ terminal, slowed }: TerminalState, { line, data }: { line: Attached["line"]; data: string }): void {
  terminal.type(Buffer.from(data, "base64"));
  if (terminal.pending() <= MOST_PENDING) return;
  line.pause();
  slowed.add(line);
}

function leave({ terminal, attached }: TerminalState, one: Attached): void {
  attached.splice(attached.indexOf(one), 1);
  const last = attached.findLast(({ size }) => size !== null)?.size;
  if (one.size !== null && last) terminal.resize(last);
}

/** Removes the sockets that killed hosts left. */
async function sweepLeftovers(directory: string): Promise<void> {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!name.endsWith(SOCKET_SUFFIX) || !stat?.isSocket() || Date.now() - stat.mtimeMs < LEFTOVER_MS) continue;
    if (!(await isListening(path))) removeFile(path);
  }
}
