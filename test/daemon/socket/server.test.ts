/**
 * The daemon's socket, in this process: order, fairness, and what hostile peers cost. Through the binary:
 * test/e2e/daemon/daemon.test.ts.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { dirname, join } from "node:path";
import fc from "fast-check";
import type { Event, Request } from "../../../src/daemon/socket/protocol.ts";
import { type Answers, type DaemonServer, serve } from "../../../src/daemon/socket/server.ts";
import { DtError } from "../../../src/sys/base/error.ts";
import { connectTo } from "../../e2e/kit/daemon.ts";
import { makeScratch } from "../../kit/scratch.ts";
import { settled, until } from "../../kit.ts";

const logged: string[] = [];
const scratch = makeScratch();
const open: DaemonServer[] = [];

afterEach(() => {
  logged.length = 0;
  for (const server of open.splice(0)) server.stop();
});

function start(more: Partial<Answers> = {}) {
  const path = join(scratch(), "s");
  const emits: ((event: Event) => void)[] = [];
  const answers: Answers = {
    answer: (request) => ({ cmd: request.cmd }),
    isRegistered: (cmd) => cmd === "sync",
    subscribe(_root, emit) {
      emits.push(emit);
      return () => void emits.splice(emits.indexOf(emit), 1);
    },
    ...more,
  };
  const server = serve(path, { answers, log: (level, msg) => void logged.push(`${level} ${msg}`) });
  open.push(server);
  return { path, server, emits };
}

function rawConnection(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => resolve(socket));
    socket.once("error", reject);
  });
}

describe("requests", () => {
  test("requests are answered in order with their own ids, and garbage is answered in its place among them", async () => {
    let release: (() => void) | undefined;
    const { path } = start({
      answer: (request) =>
        request.cmd === "ps" ? new Promise((resolve) => (release = () => resolve("late"))) : { cmd: request.cmd },
    });
    const client = await connectTo(path);
    client.send('{"cmd":"ps","id":1}\n{"cmd":"status","id":"b"}\nno json\n{"cmd":"stat');
    await until("the first is being answered", () => release !== undefined);
    client.send('us"}\n');
    release?.();
    expect([await client.next(), await client.next(), await client.next(), await client.next()]).toEqual([
      { ok: true, data: "late", id: 1 },
      { ok: true, data: { cmd: "status" }, id: "b" },
      { ok: false, code: "bad-request", error: expect.stringContaining("not JSON") },
      { ok: true, data: { cmd: "status" } },
    ]);
    client.close();
  });

  test("a refused request reports what was expected, and a fault of the daemon is reported as its own and logged", async () => {
    const { path } = start({
      answer(request) {
        if (request.cmd === "why") throw new DtError("no-root", "there is no root");
        if (request.cmd === "jobs") throw new TypeError("a bug");
        return { cmd: request.cmd };
      },
    });
    const client = await connectTo(path);
    expect(await client.ask({})).toMatchObject({
      ok: false,
      code: "bad-request",
      error: expect.stringContaining("`cmd`"),
    });
    expect(await client.ask({ cmd: "nope" })).toMatchObject({ ok: false, code: "unknown-command" });
    expect(await client.ask({ cmd: "constructor" })).toMatchObject({ ok: false, code: "unknown-command" });
    expect(await client.ask({ cmd: "start", key: "x" })).toMatchObject({
      ok: false,
      code: "bad-request",
      error: "start: key: expected plugin:command, or plugin:command:variant",
    });
    expect(await client.ask({ cmd: "why" })).toMatchObject({ code: "bad-request", error: "why: `key` is missing" });
    expect(await client.ask({ cmd: "logs", key: "a:b", lines: "x" })).toMatchObject({
      code: "bad-request",
      error: "logs: `lines` must be a number",
    });
    expect(await client.ask({ cmd: "logs", key: "a:b", lines: -1 })).toMatchObject({ ok: false, code: "bad-request" });
    expect(await client.ask({ cmd: "sync", codebase: "x" })).toMatchObject({ ok: true, data: { cmd: "sync" } });
    expect(await client.ask({ cmd: "why", key: "a:b" })).toEqual({
      ok: false,
      code: "no-root",
      error: "there is no root",
    });
    expect(await client.ask({ cmd: "jobs" })).toMatchObject({ ok: false, code: "internal" });
    expect(logged).toEqual(["error a request failed: a bug"]);
    client.close();
  });

  test("property: each line has one answer whatever it holds, and the next client is served", async () => {
    const { path } = start();
    const line = fc.oneof(
      fc.json().map((text) => text.replaceAll("\n", " ")),
      fc.string({ unit: "binary" }).map((text) => text.replaceAll("\n", " ")),
      fc
        .record({
          cmd: fc.constantFrom<unknown>("status", "ps", "start", "sync", "jobs", 1, null, ""),
          key: fc.anything(),
          id: fc.anything(),
        })
        .map((one) => {
          try {
            return JSON.stringify(one) ?? "";
          } catch {
            return "{}";
          }
        }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 20 }), fc.nat(40), async (lines, cut) => {
        const client = await connectTo(path);
        const text = lines.map((one) => `${one}\n`).join("");
        client.send(text.slice(0, cut));
        client.send(text.slice(cut));
        for (const _ of lines) {
          const reply = await client.next();
          expect(typeof reply.ok).toBe("boolean");
          if (reply.ok === false) expect([typeof reply.error, typeof reply.code]).toEqual(["string", "string"]);
        }
        client.close();
        const after = await connectTo(path);
        expect(await after.ask({ cmd: "status" })).toMatchObject({ ok: true });
        after.close();
      }),
      { numRuns: 150 },
    );
    expect(logged).toEqual([]);
  }, 60_000);
});

describe("peers that mean no good", () => {
  test("a line over the limit is refused and its client cut off; the unfinished lines of many clients share one bound", async () => {
    const { path } = start();
    const client = await connectTo(path);
    client.send("x".repeat(1024 * 1024 + 2));
    expect(await client.next()).toMatchObject({ ok: false, code: "too-long" });
    await client.closed;
    const halves = await Promise.all(Array.from({ length: 60 }, () => connectTo(path)));
    for (const half of halves) half.send("y".repeat(1000 * 1000));
    const refused = await until("some were cut off", async () => {
      const ended = await Promise.all(
        halves.map(({ closed }) => Promise.race([closed.then(() => 1), Bun.sleep(5).then(() => 0)])),
      );
      const count = ended.filter((one) => one === 1).length;
      return count >= 20 ? count : null;
    });
    expect(refused).toBeLessThan(40);
    const other = await connectTo(path);
    expect(await other.ask({ cmd: "status" })).toMatchObject({ ok: true });
    for (const half of [...halves, other]) half.close();
  });

  test("1,000 idle clients, one that floods and one that never reads delay no other client and take no more memory", async () => {
    const { path, server } = start({
      answer: (request: Pick<Request, "cmd">) => ({ cmd: request.cmd, text: "z".repeat(1000) }),
    });
    const idle: Socket[] = [];
    // The kernel takes 512 that are not accepted yet.
    while (idle.length < 1000)
      idle.push(...(await Promise.all(Array.from({ length: 100 }, () => rawConnection(path)))));
    const deaf = await rawConnection(path);
    deaf.pause();
    deaf.on("error", () => {});
    const requests = '{"cmd":"status"}\n'.repeat(4000);
    Bun.gc(true);
    const before = process.memoryUsage.rss();
    // A megabyte of questions, gigabytes of answers if they were kept.
    let taken = 0;
    for (let round = 0; round < 50; round++) if (deaf.write(requests)) taken++;
    expect(taken).toBeLessThan(50);
    const flood = await connectTo(path);
    flood.send(requests);
    const began = performance.now();
    const polite = await connectTo(path);
    expect(await polite.ask({ cmd: "status" })).toMatchObject({ ok: true });
    const waited = performance.now() - began;
    for (let got = 0; got < 4000; got++) await flood.next();
    expect(server.clients()).toBeGreaterThanOrEqual(1003);
    expect(process.memoryUsage.rss() - before).toBeLessThan(120 * 1024 * 1024);
    // Far less than the flood takes; what it took is in no budget here.
    expect(waited).toBeLessThan(2000);
    for (const socket of [...idle, deaf]) socket.destroy();
    flood.close();
    polite.close();
    await until("they are gone", () => server.clients() === 0);
  }, 60_000);

  test("a client that asks much and reads late gets every answer", async () => {
    let answered = 0;
    const { path } = start({
      answer: () => {
        answered++;
        return "z".repeat(1000);
      },
    });
    const late = await rawConnection(path);
    late.pause();
    const asked = 8000;
    late.write('{"cmd":"status"}\n'.repeat(asked));
    // Eight times what may wait was asked for.
    expect(await settled("what is answered", () => answered)).toBeLessThan(asked);
    let got = 0;
    late.on("data", (data) => {
      got += String(data).split("\n").length - 1;
    });
    late.resume();
    await until("all is there", () => got === asked);
    late.destroy();
  });

  test("a subscriber that does not read is cut off, and the others get every event", async () => {
    const { path, emits, server } = start();
    const deaf = await rawConnection(path);
    deaf.on("error", () => {});
    deaf.write('{"cmd":"subscribe"}\n');
    deaf.pause();
    const reader = await connectTo(path);
    expect(await reader.ask({ cmd: "subscribe" })).toEqual({ ok: true, data: { subscribed: true } });
    await until("both are subscribed", () => emits.length === 2);
    const event = (at: number): Event => ({
      event: "state",
      at: "x".repeat(10_000),
      root: "/r",
      key: "a:b:default",
      state: "ready",
      was: null,
      pid: at,
    });
    for (let at = 0; at < 1500; at++) {
      for (const emit of [...emits]) emit(event(at));
      if (at % 20 === 0) await Bun.sleep(1); // the reader reads
    }
    for (let at = 0; at < 1500; at++) expect((await reader.next()).pid).toBe(at);
    await until("the deaf one is cut off", () => server.clients() === 1 && emits.length === 1);
    reader.close();
    deaf.destroy();
  });
});

describe("the socket's file", () => {
  test("only its user may open the socket's file", () => {
    const { path } = start();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test.skipIf(process.getuid?.() !== 0)(
    "another user is turned away even where the socket's file lets him in",
    async () => {
      const { path } = start();
      chmodSync(dirname(path), 0o755);
      chmodSync(path, 0o666);
      const script =
        '$SIG{PIPE} = "IGNORE"; use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un($ARGV[0])) or die $!; syswrite(S, "{\\"cmd\\":\\"status\\"}\\n"); sysread(S, $b, 100); print "got $b"';
      const other = Bun.spawn(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "perl", "-e", script, path],
        {
          stdout: "pipe",
          stderr: "pipe",
        },
      );
      expect(await other.stdout.text()).toBe("got ");
      expect(logged).toEqual(["warn a connection of uid 65534 was turned away"]);
    },
  );

  test("the end of a server does not remove a socket that another process has taken", async () => {
    const { path, server } = start();
    rmSync(path);
    const other = createServer((socket) => socket.end("other\n"));
    await new Promise<void>((resolve) => other.listen(path, () => resolve()));
    server.stop();
    expect(statSync(path).isSocket()).toBe(true);
    const socket = await rawConnection(path);
    expect(await new Promise((resolve) => socket.once("data", (data) => resolve(String(data))))).toBe("other\n");
    socket.destroy();
    other.close();
  });

  test("a server does not replace a file that is no socket", () => {
    const path = join(scratch(), "s");
    writeFileSync(path, "mine");
    expect(() => serve(path, { answers: {} as Answers, log: () => {} })).toThrow();
  });
});
