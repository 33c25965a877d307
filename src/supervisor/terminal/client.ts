/** The client side of supervisor/watch/terminal.ts: attaches to the terminal of a running launch. */
import { basename, isAbsolute } from "node:path";
import type { LaunchRecord } from "../../state/types.ts";
import { DtError, EXIT, errnoOf, messageOf } from "../../sys/base/error.ts";
import type { LineConnection } from "../../sys/net/line.ts";
import { connectForLines } from "../../sys/net/lineclient.ts";
import { FOREIGN_SOCKET } from "../../sys/net/peer.ts";
import { presenceOf } from "../../sys/process/identity.ts";
import type { TerminalSize } from "../../sys/terminal/leaderterminal.ts";
import { FLAG } from "../../sys/text/flags.ts";
import type { Ground } from "../launch/types.ts";
import { ATTACH_VERSION, type FromHost, socketName, type ToHost } from "./wire.ts";

export interface Attachment {
  welcome: Extract<FromHost, { is: "welcome" }>;
  /** Resolves when the program has ended (true), or its host is gone without saying so (false). */
  over: Promise<boolean>;
  type(keys: Uint8Array): void;
  resize(size: TerminalSize): void;
  redraw(): void;
  /** Resolves when the program's terminal has taken everything that was typed, or the program is over. */
  typed(): Promise<void>;
  leave(): void;
}

export interface AttachRequest {
  readOnly: boolean;
  size: TerminalSize | null;
}

/** The socket appears milliseconds after the record. */
const APPEAR_MS = 5000;
const LOOK_EVERY_MS = 5;
/** Small enough that its Base64 fits in one message line. */
const PIECE = 64 * 1024;

/** Null when that run is over. Throws a DtError if its host cannot be reached or refuses. */
export async function attachToRun(
  ground: Ground,
  { record, ...request }: { record: LaunchRecord } & AttachRequest,
): Promise<Attachment | null> {
  const { store, table } = ground;
  const deadline = performance.now() + APPEAR_MS;
  const isLate = () => performance.now() >= deadline;
  const isOver = () => {
    const now = store.record(record.key);
    if (now.is !== "there" || now.value.token !== record.token) return true;
    if (presenceOf(table, record.host) === "gone") return true;
    const history = store.history(record.token);
    return history.is === "there" && history.value.exited !== null;
  };
  let why = "its host has not yet published its socket";
  while (!isLate()) {
    if (isOver()) return null;
    const history = store.history(record.token);
    const socket = history.is === "there" ? history.value.terminal?.socket : undefined;
    if (socket !== undefined) {
      try {
        checkName(socket, record);
        const joined = await greet(socket, { ...request, isInVain: () => isLate() || isOver() });
        if (joined !== null) return joined;
        why = silenceOf(record);
        continue;
      } catch (error) {
        if (errnoOf(error) === FOREIGN_SOCKET) throw unreachable(record, messageOf(error));
        if (error instanceof DtError) throw error;
        why = `${socket}: ${errnoOf(error) ?? messageOf(error)}`;
      }
    }
    await Bun.sleep(LOOK_EVERY_MS);
  }
  throw unreachable(record, why);
}

function unreachable({ key }: LaunchRecord, why: string): DtError {
  return new DtError(
    "cannot-attach",
    `${key} is running, but its terminal cannot be reached: ${why.replace(/\.$/, "")}.`,
    {
      hint: `dt logs ${key} ${FLAG.follow} follows what it prints; dt restart ${key} gives it a new terminal.`,
    },
  );
}

/**
 * A debugger, `kill -STOP` and a paused container stop a host. The kernel then accepts what is sent to it, but nothing
 * reads it.
 */
function silenceOf({ host }: LaunchRecord): string {
  return `its host (pid ${host.pid}) does not answer (is it stopped? \`kill -CONT ${host.pid}\` lets it continue)`;
}

/** A history that names another socket of this user, say an agent's, must not make dt talk to that socket. */
function checkName(socket: string, record: LaunchRecord): void {
  const expected = socketName(record.token);
  if (!isAbsolute(socket) || basename(socket) !== expected)
    throw unreachable(
      record,
      `its history names ${JSON.stringify(socket)} where a socket named ${expected} was expected`,
    );
}

/** Null when `isInVain` returns true before the host answers. */
async function greet(
  socket: string,
  { readOnly, size, isInVain }: { isInVain: () => boolean } & AttachRequest,
): Promise<Attachment | null> {
  const welcome = Promise.withResolvers<Attachment["welcome"]>();
  const over = Promise.withResolvers<boolean>();
  const synced: (() => void)[] = [];
  const line: LineConnection = await connectForLines(socket, {
    onMessage(raw) {
      const message = raw as FromHost;
      if (message.is === "welcome") welcome.resolve(message);
      else if (message.is === "over") over.resolve(true);
      else if (message.is === "synced") synced.shift()?.();
      else
        welcome.reject(
          new DtError("cannot-attach", `The host refuses: ${message.why}.`, {
            status: EXIT.failed,
            hint: "It was started by another version of dt: restart it with this one.",
          }),
        );
    },
    onClose() {
      over.resolve(false);
      welcome.reject(new Error("the host closed the connection"));
      for (const done of synced.splice(0)) done();
    },
  });
  const send = (message: ToHost) => line.send(message);
  send({ is: "hello", version: ATTACH_VERSION, readOnly, size });
  const answered = welcome.promise.then(
    () => true,
    () => true,
  );
  while (!(await Promise.race([answered, Bun.sleep(LOOK_EVERY_MS * 4).then(() => false)]))) {
    if (!isInVain()) continue;
    line.close();
    return null;
  }
  return {
    welcome: await welcome.promise,
    over: over.promise,
    type(keys) {
      for (let at = 0; at < keys.length; at += PIECE)
        send({ is: "keys", data: Buffer.from(keys.subarray(at, at + PIECE)).toString("base64") });
    },
    resize: (wanted) => send({ is: "size", size: wanted }),
    redraw: () => send({ is: "redraw" }),
    async typed() {
      const done = Promise.withResolvers<void>();
      synced.push(done.resolve);
      send({ is: "sync" });
      await Promise.race([done.promise, over.promise]);
    },
    leave: () => line.close(),
  };
}
