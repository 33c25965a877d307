/**
 * The host's side of `dt attach`: a socket a run, named by the run's token, so that one left by a killed host is never taken for another's. Where
 * it is, is in the launch's history. All who are attached type into one terminal; its size is that of who was last to attach or to change it.
 */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../sys/base/error.ts";
import { statOf } from "../../sys/base/stat.ts";
import { removeFile } from "../../sys/files/removal.ts";
import { isListening } from "../../sys/net/lineclient.ts";
import type { LineConnection, LineHandlers } from "../../sys/net/lineconnection.ts";
import { listenForLines } from "../../sys/net/lineserver.ts";
import { mayConnect, type Peer } from "../../sys/net/peer.ts";
import { socketDirectory } from "../../sys/places/socketplace.ts";
import type { TerminalSize } from "../../sys/terminal/leaderterminal.ts";
import type { Ground, Report } from "../launch/types.ts";
import { writeHistory } from "../run/notes.ts";
import type { Run } from "../run/types.ts";
import type { HostedTerminal } from "../terminal/hosted.ts";
import { ATTACH_VERSION, type FromHost, parseToHost, SOCKET_SUFFIX, socketName } from "../terminal/wire.ts";

/** More keys than this wait for the program; then who types is slowed down. */
const MOST_PENDING = 64 * 1024;
/** A socket is looked at as a leftover when it is older: younger ones may be about to listen. */
const LEFTOVER_MS = 60_000;

interface Attached {
  line: LineConnection;
  readOnly: boolean;
  size: TerminalSize | null;
}

export function serveTerminal(ground: Ground, run: Run, terminal: HostedTerminal, report: Report): void {
  const { record, over } = run;
  let server: ReturnType<typeof listenForLines>;
  const attached: Attached[] = [];
  const slowed = new Set<LineConnection>();
  terminal.onTaken(() => {
    for (const line of slowed) line.resume();
    slowed.clear();
    for (const answer of waitingForSync.splice(0)) answer();
  });
  const waitingForSync: (() => void)[] = [];

  const accept = (line: LineConnection, peer: Peer | null): LineHandlers | null => {
    if (!mayConnect(peer)) return null;
    const send = (message: FromHost) => line.send(message);
    let me: Attached | null = null;
    const greet = (hello: { version: number; readOnly: boolean; size: TerminalSize | null }) => {
      if (hello.version !== ATTACH_VERSION) {
        send({ is: "refused", why: `it speaks version ${ATTACH_VERSION}, this dt version ${hello.version}` });
        return line.close();
      }
      me = { line, readOnly: hello.readOnly, size: hello.readOnly ? null : hello.size };
      attached.push(me);
      if (me.size !== null) terminal.resize(me.size);
      send({
        is: "welcome",
        version: ATTACH_VERSION,
        token: record.token,
        offset: statOf(record.log)?.size ?? 0,
        modes: terminal.modes.set(),
        alternate: terminal.modes.alternate(),
      });
    };
    return {
      onMessage(raw) {
        const message = parseToHost(raw);
        if (message.is === "hello") return greet(message);
        if (me === null) throw new Error("nobody has said hello");
        if (message.is === "redraw") return terminal.redraw();
        if (me.readOnly) return;
        if (message.is === "size") {
          me.size = message.size;
          // The last one is who was last to say a size.
          attached.push(...attached.splice(attached.indexOf(me), 1));
          return terminal.resize(message.size);
        }
        if (message.is === "sync") {
          const answer = () => send({ is: "synced" });
          return terminal.pending() === 0 ? answer() : void waitingForSync.push(answer);
        }
        terminal.type(Buffer.from(message.data, "base64"));
        if (terminal.pending() <= MOST_PENDING) return;
        line.pause();
        slowed.add(line);
      },
      onClose() {
        slowed.delete(line);
        if (me === null) return;
        attached.splice(attached.indexOf(me), 1);
        const last = attached.findLast(({ size }) => size !== null)?.size;
        if (me.size !== null && last) terminal.resize(last);
      },
    };
  };

  try {
    const directory = socketDirectory({ env: run.spec.env, home: ground.home });
    const socket = join(directory, socketName(record.token));
    server = listenForLines(socket, accept);
    writeHistory(ground, run, { terminal: { socket } });
    void sweepLeftovers(directory);
  } catch (error) {
    report({ is: "note", text: `${record.key} cannot be attached to: ${messageOf(error)}` });
    return;
  }
  over.signal.addEventListener("abort", () => {
    for (const { line } of attached) line.send({ is: "over" } satisfies FromHost);
    server.stop();
    if (terminal.lost() > 0)
      report({
        is: "note",
        text: `${record.key}: its log could not take ${terminal.lost()} bytes (is the disk full?)`,
      });
  });
}

/** What killed hosts left. */
async function sweepLeftovers(directory: string): Promise<void> {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!name.endsWith(SOCKET_SUFFIX) || !stat?.isSocket() || Date.now() - stat.mtimeMs < LEFTOVER_MS) continue;
    if (!(await isListening(path))) removeFile(path);
  }
}
