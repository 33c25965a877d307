/**
 * The daemon's side of its socket. Requests of one connection are answered in order, one at a time; connections do not wait for each other: after
 * a few requests the others have their turn, and who does not read what he is sent is not read from.
 */
import * as v from "valibot";
import type { Log } from "../../jobs/types.ts";
import { DtError, messageOf } from "../../sys/base/error.ts";
import { type LineConnection, type LineHandlers, type LineServer, listenForLines } from "../../sys/net/linesocket.ts";
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
  /** Whether a plugin registered it; what is neither this nor the daemon's own is refused. */
  isRegistered(cmd: string): boolean;
  /** Gives what ends it. */
  subscribe(root: string | undefined, emit: (event: Event) => void): () => void;
}

export interface DaemonServer {
  clients(): number;
  isReachable(): boolean;
  stop(): void;
}

/** So many may wait on one connection before it is read from again. */
const MOST_PENDING = 64;
const AT_A_TIME = 16;
/** Bytes that may wait for a client, answers or events. */
const MOST_UNREAD = 256 * 1024;
const MOST_CLIENTS = 4096;

export function serve(path: string, answers: Answers, log: Log): DaemonServer {
  let clients = 0;
  const server: LineServer = listenForLines(
    path,
    (line, peer) => {
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
      return handle(line, answers, log, () => {
        clients--;
      });
    },
    { mostWaiting: 4 * 1024 * 1024 },
  );
  return { clients: () => clients, isReachable: () => server.isReachable(), stop: () => server.stop() };
}

function handle(line: LineConnection, answers: Answers, log: Log, onClose: () => void): LineHandlers {
  const pending: unknown[] = [];
  let busy = false;
  let over = false;
  let unsubscribe: (() => void) | null = null;

  const respond = async (message: unknown) => {
    const { reply, after } = message === GARBAGE ? { reply: NO_JSON, after: undefined } : await replyTo(message);
    if (over) return;
    line.send(reply);
    after?.();
    // What is not read is not added to.
    if (line.waiting() > MOST_UNREAD) await line.flushed();
  };

  async function replyTo(message: unknown): Promise<{ reply: Reply; after?: () => void }> {
    const id = idOf(message);
    try {
      const request = judge(message, answers);
      if (request.cmd !== "subscribe")
        return { reply: { ok: true, data: (await answers.answer(request)) ?? null, ...id } };
      const { root } = request as { root?: string };
      return {
        reply: { ok: true, data: { subscribed: true }, ...id },
        after: () => {
          unsubscribe?.();
          unsubscribe = answers.subscribe(root, (event) => {
            // An event more than it can take, and a client that does not read is cut off by the connection itself.
            line.send(event);
          });
        },
      };
    } catch (error) {
      if (!(error instanceof DtError)) log("error", `a request failed: ${messageOf(error)}`);
      const code = error instanceof DtError ? error.code : "internal";
      return { reply: { ...refusal(code, messageOf(error)), ...id } };
    }
  }

  const work = async () => {
    if (busy) return;
    busy = true;
    for (let done = 0; pending.length > 0 && !over; done++) {
      if (done > 0 && done % AT_A_TIME === 0) await new Promise((resolve) => setImmediate(resolve));
      await respond(pending.shift());
      if (pending.length === MOST_PENDING - 1) line.resume();
    }
    busy = false;
  };

  const take = (message: unknown) => {
    pending.push(message);
    if (pending.length >= MOST_PENDING) line.pause();
    void work();
  };

  return {
    onMessage: take,
    onGarbage(what) {
      if (what === "too-long") {
        line.send(refusal("too-long", "a line is longer than 1 MiB, or all that is unfinished is more than 32 MiB"));
        line.close();
      } else take(GARBAGE);
    },
    onClose() {
      over = true;
      pending.length = 0;
      unsubscribe?.();
      onClose();
    },
  };
}

function refusal(code: string, error: string): Extract<Reply, { ok: false }> {
  return { ok: false, error, code };
}

/** In the place of a line that is none, so that answers stay in order. */
const GARBAGE = Symbol("no JSON");
const NO_JSON = refusal("bad-request", "expected one JSON object a line, and this line is no JSON");

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

function wordsOf(issue: v.BaseIssue<unknown>): string {
  return `${v.getDotPath(issue) ?? "it"}: ${issue.message.slice(0, 200)}`;
}
