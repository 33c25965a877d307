/** An HTTP server is asked as a guest does: it is heard out, no proxy comes between, and nothing is left with it. */
import { afterEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { askHttp } from "../../../src/sys/net/httpask.ts";
import { localAddressesOf } from "../../../src/sys/net/localaddress.ts";
import { makeScratch } from "../../kit/scratch.ts";
import { until } from "../../kit.ts";

const scratch = makeScratch();
const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

interface Served {
  port: number;
  /** What became of each connection. */
  ends: ("closed by the client" | "reset" | "closed here")[];
  asked: string[];
}

/** A server that answers each connection with `answer`, once it was asked something. */
async function serve(answer: (socket: Socket) => void): Promise<Served> {
  const served: Served = { port: 0, ends: [], asked: [] };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let closing = false;
    socket.once("data", (bytes) => {
      served.asked.push(bytes.toString("latin1"));
      answer(socket);
    });
    socket.on("finish", () => {
      closing = true;
    });
    socket.on("error", () => {
      if (!closing) served.ends.push("reset");
    });
    socket.on("end", () => {
      served.ends.push(closing ? "closed here" : "closed by the client");
      socket.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push(server);
  served.port = (server.address() as { port: number }).port;
  return served;
}

const ask = (port: number, limitMs = 5000, signal = new AbortController().signal) =>
  askHttp({ url: new URL(`http://localhost:${port}/x?y=1`), address: "127.0.0.1", limitMs, signal });

const HEAD = "HTTP/1.1 200 OK\r\n";

const [LISTEN, TIME_WAIT] = ["0A", "06"];

/** The states of the kernel's connections of this port, at the server's side. */
function connectionsOf(port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const lines = readFileSync("/proc/net/tcp", "latin1").split("\n");
  return lines.flatMap((line) => new RegExp(`^\\s*\\d+: \\S+:${hex} \\S+ (..) `).exec(line)?.[1] ?? []);
}

const waiting = (port: number) => connectionsOf(port).filter((state) => state === TIME_WAIT).length;
const stillOpen = (port: number) =>
  connectionsOf(port).filter((state) => state !== TIME_WAIT && state !== LISTEN).length;

test("a server that keeps the connection sees it end, not a reset", async () => {
  const served = await serve((socket) => socket.write(`${HEAD}content-length: 2\r\n\r\nok`));
  expect(await ask(served.port)).toEqual({ is: "answered", status: 200 });
  await until("the server sees the end", () => served.ends.length > 0);
  expect(served.ends).toEqual(["closed by the client"]);
  expect(served.asked).toEqual([
    `GET /x?y=1 HTTP/1.1\r\nHost: localhost:${served.port}\r\nUser-Agent: dt-probe\r\nAccept: */*\r\n\r\n`,
  ]);
});

test("a slow body is read to its end", async () => {
  let sent = 0;
  const served = await serve((socket) => {
    socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
    const timer = setInterval(() => {
      sent += 1;
      socket.write(sent === 10 ? "0\r\n\r\n" : "2\r\nok\r\n");
      if (sent === 10) clearInterval(timer);
    }, 20);
    socket.on("close", () => clearInterval(timer));
  });
  expect(await ask(served.port)).toEqual({ is: "answered", status: 200 });
  expect(sent).toBe(10);
  await until("the server sees the end", () => served.ends.length > 0);
  expect(served.ends).toEqual(["closed by the client"]);
});

test("a body without end, or too long, is not waited for; its status counts", async () => {
  for (const [send, limitMs] of [
    ["data: x\n\n", 300],
    ["x".repeat(1024 * 1024), 5000],
  ] as const) {
    const served = await serve((socket) => {
      socket.write(`${HEAD}\r\n`);
      const timer = setInterval(() => socket.write(send), 2);
      for (const event of ["end", "error", "close"]) socket.on(event, () => clearInterval(timer));
    });
    const began = performance.now();
    expect(await ask(served.port, limitMs)).toEqual({ is: "answered", status: 200 });
    expect(performance.now() - began).toBeLessThan(2500);
    await until("it is let go", () => served.ends.length > 0);
  }
});

test.skipIf(process.platform !== "linux")("no TIME_WAIT is left with the server, whoever closes first", async () => {
  const answers: [what: string, answer: (socket: Socket) => void][] = [
    ["it keeps", (socket) => socket.write(`${HEAD}content-length: 2\r\n\r\nok`)],
    ["it closes, and said so", (socket) => socket.end(`${HEAD}connection: close\r\ncontent-length: 2\r\n\r\nok`)],
    ["it closes without a word", (socket) => socket.end(`${HEAD}content-length: 2\r\n\r\nok`)],
    [
      "it closes without a word, a moment later",
      (socket) => {
        socket.write(`${HEAD}content-length: 2\r\n\r\nok`);
        setTimeout(() => socket.end(), 5);
      },
    ],
    [
      "it closes late",
      (socket) => {
        socket.write(`${HEAD}connection: close\r\ncontent-length: 2\r\n\r\nok`);
        setTimeout(() => socket.end(), 50);
      },
    ],
    ["the old way", (socket) => socket.end("HTTP/1.0 200 OK\r\n\r\nok")],
    ["no body", (socket) => socket.end("HTTP/1.0 204 No Content\r\n\r\n")],
    ["no answer", (socket) => socket.end()],
    ["another protocol", (socket) => socket.end("220 hello\r\n")],
  ];
  for (const [what, answer] of answers) {
    const served = await serve(answer);
    for (let count = 0; count < 5; count++) await ask(served.port);
    await until("every connection is over", () => stillOpen(served.port) === 0);
    expect([what, waiting(served.port)]).toEqual([what, 0]);
  }
});

test("a server that closes a moment after its answer is left to close first", async () => {
  const served = await serve((socket) => {
    socket.write(`${HEAD}content-length: 2\r\n\r\nok`);
    setTimeout(() => socket.end(), 5);
  });
  for (let count = 0; count < 5; count++) await ask(served.port);
  await until("every connection is over", () => stillOpen(served.port) === 0);
  expect(served.ends).not.toContain("closed by the client");
});

test("a failed request says why, within its time limit", async () => {
  const silent = await serve(() => {});
  expect(await ask(silent.port, 100)).toMatchObject({ is: "failed", why: "nothing received within 100ms" });
  const mail = await serve((socket) => socket.write("220 mail.example.org\r\n"));
  expect(await ask(mail.port)).toMatchObject({ is: "failed", why: "what it sent is not HTTP/1" });
  const shy = await serve((socket) => socket.end());
  expect(await ask(shy.port)).toMatchObject({ is: "failed", why: "it closed the connection without an answer" });
  const controller = new AbortController();
  const stopped = ask(silent.port, 60_000, controller.signal);
  controller.abort();
  expect(await stopped).toMatchObject({ is: "failed" });
  for (const one of open.splice(0)) one.close();
  expect(await ask(shy.port)).toMatchObject({
    is: "failed",
    why: expect.stringContaining("cannot connect to"),
  });
});

test.skipIf(Bun.which("openssl") === null)(
  "https: the certificate is not judged, and nothing is left with the server either",
  async () => {
    const directory = scratch();
    const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
    const made = Bun.spawnSync(
      ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", key, "-out", cert],
      { stderr: "ignore" },
    );
    expect(made.exitCode).toBe(0);
    const tls = { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, tls, fetch: () => new Response("ok", { status: 203 }) });
    try {
      const url = new URL(`https://localhost:${server.port}/`);
      const signal = new AbortController().signal;
      for (let count = 0; count < 5; count++) {
        const answer = await askHttp({ url, address: "127.0.0.1", limitMs: 5000, signal });
        expect(answer).toEqual({ is: "answered", status: 203 });
      }
      if (process.platform !== "linux") return;
      await until("every connection is over", () => stillOpen(server.port as number) === 0);
      expect(waiting(server.port as number)).toBe(0);
    } finally {
      await server.stop(true);
    }
  },
);

test("which hosts are this machine", async () => {
  const both = ["127.0.0.1", "::1"];
  expect(await localAddressesOf("localhost", 1000)).toEqual(both);
  expect(await localAddressesOf("shop.localhost", 1000)).toEqual(both);
  expect(await localAddressesOf("127.0.0.53", 1000)).toEqual(["127.0.0.53"]);
  expect(await localAddressesOf("::1", 1000)).toEqual(["::1"]);
  expect(await localAddressesOf("0.0.0.0", 1000)).toEqual(["127.0.0.1"]);
  expect(await localAddressesOf("::ffff:127.0.0.1", 1000)).toEqual(["127.0.0.1"]);
  expect(await localAddressesOf("192.0.2.1", 1000)).toBeNull();
  expect(await localAddressesOf("nowhere.invalid", 200)).toBeNull();
});
