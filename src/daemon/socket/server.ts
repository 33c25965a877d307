/**
 * The daemon's side of its socket. The requests of one connection are answered in order, one at a time. Connections do
 * not wait for each other: after a few requests the others have their turn, and a client that does not read what it is
 * sent is not read from.
 */
import * as v from "valibot";
import type { Log } from "../../jobs/types.ts";
import { DtError, messageOf } from "../../sys/base/error.ts";
import type { LineConnection, LineHandlers } from "../../sys/net/line.ts";
import { type LineServer, listenForLines } from "../../sys/net/lineserver.ts";
import { mayConnect } from "../../sys/net/peer.ts";
import {
  type Event,
  type PluginRequest,
  pluginRequestSchema,
  type Reply,
  type Request,
  requestSchema,
} from "./protocol.ts";

export interface Answers {
  /** Throws a DtError for what is refused. */
  answer(request: Request | PluginRequest): Promise<unknown> | unknown;
  /** Whether a plugin registered this command. Commands that are neither a plugin's nor the daemon's are refused. */
  isRegistered(cmd: string): boolean;
  /** Returns the function that ends it. */
  subscribe(root: string | undefined, emit: (event: Event) => void): () => void;
}

export interface DaemonServer {
  clients(): number;
  isReachable(): boolean;
  stop(): void;
}

/** Requests that may wait on one connection; until one of them is answered it is not read from. */
const MOST_PENDING = 64;
const AT_A_TIME = 16;
/** Bytes of answers and events that may wait for a client. */
const MOST_UNREAD = 256 * 1024;
const MOST_CLIENTS = 4096;

export function serve(path: string, { answers, log }: { answers: Answers; log: Log }): DaemonServer {
  let clients = 0;
  const server: LineServer = listenForLines(path, {
    accept: (line, peer) => {
      if (!mayConnect(peer)) {
        log("warn", `a connection of ${peer === null ? "an unknown user" : `uid ${peer.uid}`} was turned away`, {
          pid: peer?.pid ?? null,
        });
        return null;
      }
      if (clients >= MOST_CLIENTS) {
        line.send(refusal("busy", `${MOST_CLIENTS} clients are connected already`));
        return null;
      }
      clients++;
      const connection = { line, answers, log, pending: [], busy: false, over: false, unsubscribe: null };
      return handle(connection, () => {
        clients--;
      });
    },
    mostWaiting: 4 * 1024 * 1024,
  });
  return { clients: () => clients, isReachable: () => server.isReachable(), stop: () => server.stop() };
}

interface Connection {
  line: LineConnection;
  answers: Answers;
  log: Log;
  /** Requests that wait for their turn. */
  pending: unknown[];
  busy: boolean;
  over: boolean;
  unsubscribe: (() => void) | null;
}

function handle(connection: Connection, onClose: () => void): LineHandlers {
  const { line, pending } = connection;
  return {
    onMessage: (message) => take(connection, message),
    onGarbage(what) {
      if (what === "too-long") {
        line.send(refusal("too-long", "a line is longer than 1 MiB, or all that is unfinished is more than 32 MiB"));
        line.close();
      } else take(connection, GARBAGE);
    },
    onClose() {
      connection.over = true;
      pending.length = 0;
      connection.unsubscribe?.();
      onClose();
    },
  };
}

function take(connection: Connection, message: unknown): void {
  const { line, pending } = connection;
  pending.push(message);
  if (pending.length >= MOST_PENDING) line.pause();
  void work(connection);
}

async function work(connection: Connection): Promise<void> {
  const { line, pending } = connection;
  if (connection.busy) return;
  connection.busy = true;
  for (let done = 0; pending.length > 0 && !connection.over; done++) {
    if (done > 0 && done % AT_A_TIME === 0) await new Promise((resolve) => setImmediate(resolve));
    await respond(connection, pending.shift());
    if (pending.length === MOST_PENDING - 1) line.resume();
  }
  connection.busy = false;
}

async function respond(connection: Connection, message: unknown): Promise<void> {
  const { line } = connection;
  const { reply, after } =
    message === GARBAGE ? { reply: NO_JSON, after: undefined } : await replyTo(connection, message);
  if (connection.over) return;
  line.send(reply);
  after?.();
  // A client that does not read gets no more until it does.
  if (line.waiting() > MOST_UNREAD) await line.flushed();
}

/** `after`: to be done once the reply is sent. */
async function replyTo(connection: Connection, message: unknown): Promise<{ reply: Reply; after?: () => void }> {
  const { answers, log } = connection;
  const id = idOf(message);
  try {
    const request = judge(message, answers);
    if (request.cmd !== "subscribe")
      return { reply: { ok: true, data: (await answers.answer(request)) ?? null, ...id } };
    const { root } = request as { root?: string };
    return { reply: { ok: true, data: { subscribed: true }, ...id }, after: () => subscribe(connection, root) };
  } catch (error) {
    if (!(error instanceof DtError)) log("error", `a request failed: ${messageOf(error)}`);
    const code = error instanceof DtError ? error.code : "internal";
    return { reply: { ...refusal(code, messageOf(error)), ...id } };
  }
}

function subscribe(connection: Connection, root: string | undefined): void {
  connection.unsubscribe?.();
  connection.unsubscribe = connection.answers.subscribe(root, (event) => {
    // The connection itself cuts off a client that does not read, at the first event that finds no room.
    connection.line.send(event);
  });
}

function refusal(code: string, error: string): Extract<Reply, { ok: false }> {
  return { ok: false, error, code };
}

/** Stands for a line that is no JSON, so that answers stay in order. */
const GARBAGE = Symbol("no JSON");
const NO_JSON = refusal("bad-request", "expected one JSON object per line; this line is not JSON");

function idOf(message: unknown): { id?: unknown } {
  const id = (message as { id?: unknown } | null)?.id;
  return typeof id === "string" || typeof id === "number" ? { id } : {};
}

function judge(message: unknown, { isRegistered }: Answers): Request | PluginRequest {
  const cmd = (message as { cmd?: unknown } | null)?.cmd;
  if (typeof cmd !== "string") throw new DtError("bad-request", 'expected an object with `cmd`, like {"cmd":"status"}');
  const own = v.safeParse(requestSchema, message);
  if (own.success) return own.output;
  if (own.issues.some((issue) => v.getDotPath(issue) !== "cmd"))
    throw new DtError("bad-request", `${cmd}: ${own.issues.map(wordsOf).join("; ")}`);
  const plugin = v.safeParse(pluginRequestSchema, message);
  if (plugin.success && isRegistered(cmd)) return plugin.output;
  throw new DtError("unknown-command", `there is no command ${JSON.stringify(cmd.slice(0, 64))}`);
}

const TYPES: Readonly<Record<string, string>> = {
  Array: "a list",
  Object: "an object",
  boolean: "true or false",
  number: "a number",
  string: "a string",
};

function wordsOf(issue: v.BaseIssue<unknown>): string {
  const field = v.getDotPath(issue);
  const type = TYPES[issue.expected ?? ""];
  if (field !== null && issue.received === "undefined") return `\`${field}\` is missing`;
  if (field !== null && issue.kind === "schema" && type !== undefined) return `\`${field}\` must be ${type}`;
  return `${v.getDotPath(issue) ?? "it"}: ${issue.message.slice(0, 200)}`;
}
