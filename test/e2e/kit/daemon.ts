/** A daemon of a test's own, and a client that speaks its lines by hand. */
import { connect } from "node:net";
import { join } from "node:path";
import { type TestRoot, until } from "../../kit.ts";

export interface Client {
  /** Sends one request, or raw text, and gives the next reply. */
  ask(request: object | string): Promise<Answer>;
  /** Gives the next line, whatever it is. */
  next(): Promise<Record<string, unknown>>;
  send(text: string): void;
  /** Resolves when the daemon has closed the connection. */
  closed: Promise<void>;
  close(): void;
}

export interface Answer {
  ok: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: what comes over the wire is looked at as it is
  data?: any;
  error?: string;
  code?: string;
  id?: unknown;
}

export function socketOf(root: TestRoot): string {
  return join(root.env.DIALTONE_HOME as string, "daemon.sock");
}

export async function connectTo(path: string): Promise<Client> {
  const socket = connect(path);
  const lines: Record<string, unknown>[] = [];
  const waiting: ((line: Record<string, unknown>) => void)[] = [];
  let text = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    text += chunk;
    const whole = text.split("\n");
    text = whole.pop() ?? "";
    for (const line of whole) {
      const value = JSON.parse(line) as Record<string, unknown>;
      const first = waiting.shift();
      if (first === undefined) lines.push(value);
      else first(value);
    }
  });
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", () => resolve());
    socket.once("error", reject);
  });
  socket.on("error", () => {});
  const next = () =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      const first = lines.shift();
      if (first !== undefined) return resolve(first);
      const timer = setTimeout(() => reject(new Error("no line came within 20 s")), 20_000);
      waiting.push((line) => {
        clearTimeout(timer);
        resolve(line);
      });
    });
  const send = (line: string) => void socket.write(line);
  return {
    next,
    send,
    ask(request) {
      send(`${typeof request === "string" ? request : JSON.stringify(request)}\n`);
      return next() as unknown as Promise<Answer>;
    },
    closed,
    close: () => void socket.destroy(),
  };
}

/** Ends the test's daemon, then all that the test is. */
export async function disposeWithDaemon(root: TestRoot): Promise<void> {
  await root.dt(["daemon", "stop"]).catch(() => undefined);
  await root.dispose();
}

export async function statusOf(root: TestRoot): Promise<Record<string, unknown>> {
  return JSON.parse((await root.dt(["daemon", "status", "--json"])).stdout);
}

/** The daemon's pid, once it answers. */
export async function daemonPid(root: TestRoot): Promise<number> {
  return until("the daemon answers", async () => {
    const { pid } = await statusOf(root);
    return typeof pid === "number" ? pid : null;
  });
}
