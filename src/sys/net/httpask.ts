/**
 * Asks an HTTP server on this machine one question and leaves nothing behind on the server's side. It uses its own
 * connection to the given address, whatever proxy the environment names. It reads the body, so the server is not cut
 * off, and does not keep the connection. The side that closes first keeps the kernel's `TIME_WAIT`, which would keep a
 * restarted server from its port, so it must never stay with the server:
 *
 *   the server keeps the connection           this side closes first, a moment later
 *   the server closes it without announcing   this side sees that within that moment, and resets its own
 *   the server closes it after its answer     this side waits for that, then resets its own
 *   the connection is encrypted               this side announces the end inside it, the server then closes, and
 *                                             this side resets its own
 *   the body has no end, or takes long        this side closes in the middle
 *   the question is called off                this side resets its own: the server has ended
 *
 * The certificate is not checked: the question is whether this very server answers.
 */
import { errnoOf, messageOf } from "../base/error.ts";
import { libc, ptr } from "../ffi/libc.ts";
import { makeAnswerReader } from "./httpanswer.ts";

export interface HttpQuestion {
  url: URL;
  /** The address to connect to; `url` gives the rest. */
  address: string;
  limitMs: number;
  signal: AbortSignal;
}

export type HttpAnswer = { is: "answered"; status: number } | { is: "failed"; why: string };

/** A page may take long to produce, or never end. Its status is known earlier. */
export const BODY_MS = 2000;
export const MOST_BODY_BYTES = 16 * 1024 * 1024;
/** How long a server may take to close after it announced that, or was told to. */
const CLOSE_MS = 500;
/** How long to wait for a server that announced nothing: it may close at once all the same. */
const MOMENT_MS = 50;

const DARWIN = process.platform === "darwin";
/** From <sys/socket.h>; XNU bsd/sys/socket.h. */
const SOL_SOCKET = DARWIN ? 0xffff : 1;
const SO_LINGER = DARWIN ? 0x80 : 13;

interface Exchange {
  readonly question: HttpQuestion;
  readonly reader: ReturnType<typeof makeAnswerReader>;
  readonly answered: PromiseWithResolvers<HttpAnswer>;
  readonly isSecure: boolean;
  connection: Bun.Socket | null;
  isOver: boolean;
  bytesTaken: number;
  bodyTimer: ReturnType<typeof setTimeout> | undefined;
  /** Lets go of the time limit and the caller's signal. */
  letGo(): void;
}

export function askHttp(question: HttpQuestion): Promise<HttpAnswer> {
  const exchange: Exchange = {
    question,
    reader: makeAnswerReader(),
    answered: Promise.withResolvers<HttpAnswer>(),
    isSecure: question.url.protocol === "https:",
    connection: null,
    isOver: false,
    bytesTaken: 0,
    bodyTimer: undefined,
    letGo() {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    },
  };
  const { limitMs, signal } = question;
  const close = closerOf(exchange);
  const onAbort = () => finish(exchange, { why: "the request was cancelled", hangUp: reset });
  const onLimit = () => finish(exchange, { why: `nothing received within ${Math.round(limitMs)}ms`, hangUp: close });
  const timer = setTimeout(onLimit, limitMs);
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) onAbort();
  connect(exchange);
  return exchange.answered.promise;
}

function connect(exchange: Exchange): void {
  const { url, address } = exchange.question;
  const { isSecure, reader } = exchange;
  const close = closerOf(exchange);
  const ask = (socket: Bun.Socket) => (exchange.isOver ? close(socket) : socket.write(requestFor(url)));
  Bun.connect({
    hostname: address,
    port: portOf(url),
    allowHalfOpen: true,
    ...(isSecure ? { tls: { rejectUnauthorized: false, serverName: bareHost(url) } } : {}),
    socket: {
      open(socket) {
        exchange.connection = socket;
        if (exchange.isOver || !isSecure) ask(socket);
      },
      handshake: (socket) => void ask(socket),
      data: (_socket, bytes) => take(exchange, bytes),
      // The server closed first; an ordinary close here would leave it waiting.
      end(socket) {
        reader.end();
        finish(exchange, { why: "it closed the connection without an answer", hangUp: () => {} });
        socket.terminate();
      },
      close: () => finish(exchange, { why: "it closed the connection without an answer", hangUp: () => {} }),
      error: (_socket, error) => finish(exchange, { why: messageOf(error), hangUp: close }),
      connectError: (_socket, error) => finish(exchange, { why: describeRefusal(address, error), hangUp: () => {} }),
    },
  }).catch((error) => finish(exchange, { why: describeRefusal(address, error), hangUp: () => {} }));
}

function take(exchange: Exchange, bytes: Uint8Array): void {
  if (exchange.isOver) return;
  const { reader } = exchange;
  const close = closerOf(exchange);
  exchange.bytesTaken += bytes.length;
  reader.take(bytes);
  if (reader.isBroken())
    finish(exchange, { why: "what it sent is not HTTP/1", hangUp: awaitClose(exchange, CLOSE_MS) });
  else if (reader.isWhole())
    finish(exchange, { why: "", hangUp: awaitClose(exchange, reader.serverCloses() ? CLOSE_MS : MOMENT_MS) });
  else if (exchange.bytesTaken > MOST_BODY_BYTES) finish(exchange, { why: "its response does not end", hangUp: close });
  else if (reader.status() !== null)
    exchange.bodyTimer ??= setTimeout(() => finish(exchange, { why: "", hangUp: close }), BODY_MS);
}

/** Only the first call counts. */
function finish(exchange: Exchange, { why, hangUp }: { why: string; hangUp: (socket: Bun.Socket) => void }): void {
  if (exchange.isOver) return;
  exchange.isOver = true;
  exchange.letGo();
  clearTimeout(exchange.bodyTimer);
  const status = exchange.reader.status();
  exchange.answered.resolve(status === null ? { is: "failed", why } : { is: "answered", status });
  if (exchange.connection !== null) hangUp(exchange.connection);
}

/** The `end` event arrives when the server has closed. */
function awaitClose(exchange: Exchange, patienceMs: number): (socket: Bun.Socket) => void {
  const { signal } = exchange.question;
  return (socket) => {
    const closeBy = (hangUp: (socket: Bun.Socket) => void) => {
      clearTimeout(patience);
      signal.removeEventListener("abort", onAbort);
      hangUp(socket);
    };
    const onAbort = () => closeBy(reset);
    const patience = setTimeout(closeBy, patienceMs, closerOf(exchange));
    signal.addEventListener("abort", onAbort);
  };
}

function closerOf({ isSecure }: Exchange): (socket: Bun.Socket) => void {
  return isSecure ? closeEncrypted : closePlain;
}

/** The run is over, and its server with it: an ordinary close would leave that one waiting. */
function reset(socket: Bun.Socket): void {
  socket.terminate();
}

function closePlain(socket: Bun.Socket): void {
  if (hasClosed(socket)) socket.terminate();
  else socket.end();
}

/** From <sys/socket.h>, recv(2). */
const MSG_PEEK = 0x2;
const MSG_DONTWAIT = DARWIN ? 0x80 : 0x40;

/** Whether the server has closed already: the `end` event may not have come yet. */
function hasClosed(socket: Bun.Socket): boolean {
  const { fd } = socket as unknown as { fd: number };
  return fd >= 0 && Number(libc().recv(fd, ptr(new Uint8Array(1)), 1, MSG_PEEK | MSG_DONTWAIT)) === 0;
}

/** Bun closes when the server has announced its end too. */
function closeEncrypted(socket: Bun.Socket): void {
  const { fd } = socket as unknown as { fd: number };
  if (fd >= 0) libc().setsockopt(fd, SOL_SOCKET, SO_LINGER, ptr(new Int32Array([1, 0])), 8);
  socket.end();
  setTimeout(() => socket.terminate(), CLOSE_MS).unref();
}

function describeRefusal(address: string, error: unknown): string {
  return `cannot connect to ${address} (${errnoOf(error) ?? messageOf(error)})`;
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

/** The host name without the brackets of an IPv6 address. */
export function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}
