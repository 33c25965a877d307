/**
 * Asks an HTTP server of this machine one thing, as a guest: over a connection of its own to the address that is given, whatever proxy the
 * environment names, and so that nothing is left at the server's side. The body is read, so the server is not cut off. The connection is not kept.
 * Who closes first keeps the kernel's `TIME_WAIT`, which would keep a restarted server from its port, so that is never left with the server:
 *
 *   the server keeps the connection        this side closes first, a moment later
 *   the server closes it without a word    this side sees that within that moment, and resets its own
 *   the server closes it after its answer  this side waits for that, then resets its own
 *   it is encrypted                        the end is said within, the server closes as it then does, and this side resets its own
 *   the body has no end, or takes long     this side closes in the middle
 *
 * A certificate is not judged: what is asked is whether this very server answers.
 */
import { errnoOf, messageOf } from "./error.ts";
import { makeAnswerReader } from "./httpanswer.ts";
import { libc, ptr } from "./libc.ts";

export interface HttpQuestion {
  url: URL;
  /** Where to connect; `url` tells the rest. */
  address: string;
  limitMs: number;
  signal: AbortSignal;
}

export type HttpAnswer = { is: "answered"; status: number } | { is: "failed"; why: string };

/** A page may take long to be made, or never end. Its status is known before. */
export const BODY_MS = 2000;
export const MOST_BODY_BYTES = 16 * 1024 * 1024;
/** How long a server has to close that says that it does, or is told to. */
const CLOSE_MS = 500;
/** And one that says nothing of it: it may do it at once all the same. */
const MOMENT_MS = 50;

const DARWIN = process.platform === "darwin";
const SOL_SOCKET = DARWIN ? 0xffff : 1;
const SO_LINGER = DARWIN ? 0x80 : 13;

export function askHttp({ url, address, limitMs, signal }: HttpQuestion): Promise<HttpAnswer> {
  const answered = Promise.withResolvers<HttpAnswer>();
  const reader = makeAnswerReader();
  let connection: Bun.Socket | null = null;
  let isOver = false;
  let bytesTaken = 0;
  let bodyTimer: ReturnType<typeof setTimeout> | undefined;

  /** The first end counts. */
  const finish = (why: string, hangUp: (socket: Bun.Socket) => void): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    clearTimeout(bodyTimer);
    signal.removeEventListener("abort", onAbort);
    const status = reader.status();
    answered.resolve(status === null ? { is: "failed", why } : { is: "answered", status });
    if (connection !== null) hangUp(connection);
  };
  /** `end` comes when the server has closed. */
  const awaitClose =
    (patienceMs: number) =>
    (socket: Bun.Socket): void => {
      const closeNow = () => {
        clearTimeout(patience);
        signal.removeEventListener("abort", closeNow);
        close(socket);
      };
      const patience = setTimeout(closeNow, patienceMs);
      signal.addEventListener("abort", closeNow);
    };
  const isSecure = url.protocol === "https:";
  const close = isSecure ? closeEncrypted : closePlain;
  const onAbort = () => finish("it was not waited for", close);
  const timer = setTimeout(() => finish(`nothing came within ${Math.round(limitMs)}ms`, close), limitMs);
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) onAbort();

  const ask = (socket: Bun.Socket) => (isOver ? close(socket) : socket.write(requestFor(url)));
  Bun.connect({
    hostname: address,
    port: portOf(url),
    allowHalfOpen: true,
    ...(isSecure ? { tls: { rejectUnauthorized: false, serverName: bareHost(url) } } : {}),
    socket: {
      open(socket) {
        connection = socket;
        if (isOver || !isSecure) ask(socket);
      },
      handshake: (socket) => void ask(socket),
      data(_socket, bytes) {
        if (isOver) return;
        bytesTaken += bytes.length;
        reader.take(bytes);
        if (reader.isBroken()) finish("what it says is no HTTP/1", awaitClose(CLOSE_MS));
        else if (reader.isWhole()) finish("", awaitClose(reader.serverCloses() ? CLOSE_MS : MOMENT_MS));
        else if (bytesTaken > MOST_BODY_BYTES) finish("it does not come to an end", close);
        else if (reader.status() !== null) bodyTimer ??= setTimeout(() => finish("", close), BODY_MS);
      },
      // The server closed: to close likewise would leave it waiting.
      end(socket) {
        reader.end();
        finish("it closed the connection without an answer", () => {});
        socket.terminate();
      },
      close: () => finish("it closed the connection without an answer", () => {}),
      error: (_socket, error) => finish(messageOf(error), close),
      connectError: (_socket, error) => finish(describeRefusal(address, error), () => {}),
    },
  }).catch((error) => finish(describeRefusal(address, error), () => {}));
  return answered.promise;
}

function closePlain(socket: Bun.Socket): void {
  socket.end();
}

/** Bun closes when the server has said its end too. */
function closeEncrypted(socket: Bun.Socket): void {
  const { fd } = socket as unknown as { fd: number };
  if (fd >= 0) libc().setsockopt(fd, SOL_SOCKET, SO_LINGER, ptr(new Int32Array([1, 0])), 8);
  socket.end();
  setTimeout(() => socket.terminate(), CLOSE_MS).unref();
}

function describeRefusal(address: string, error: unknown): string {
  return `${address} did not take the connection (${errnoOf(error) ?? messageOf(error)})`;
}

function requestFor(url: URL): string {
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    "User-Agent: dt-probe",
    "Accept: */*",
  ];
  if (url.username !== "" || url.password !== "") {
    const who = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    lines.push(`Authorization: Basic ${Buffer.from(who).toString("base64")}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}

export function portOf({ port, protocol }: URL): number {
  if (port !== "") return Number(port);
  return protocol === "https:" ? 443 : 80;
}

/** Without the brackets of an IPv6 address. */
export function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}
