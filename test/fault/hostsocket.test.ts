/** Bad callers of the root's host, and a host that does not answer: the others are served, and launches are kept. */
import { expect, test } from "bun:test";
import { chmodSync, readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { HOST_PROTOCOL } from "../../src/supervisor/callers/wire.ts";
import { ownKeyring } from "../../src/sys/inherit/keyring.ts";
import { runs } from "../e2e/kit/launch.ts";
import { stays, until, within } from "../kit.ts";
import { addressOf, connectRaw, type HostRoot, hostPidOf, hostRoot, sayRaw, stillServes } from "./host.kit.ts";

/** A root whose host serves `t:a`. */
async function withHost(
  more: object,
  body: (one: HostRoot, at: { host: number; address: string }) => Promise<void>,
): Promise<void> {
  const one = hostRoot(["a", "b", "c"], more);
  await within(one.root, async () => {
    const host = hostPidOf(await one.start("a"));
    await body(one, { host, address: addressOf(host) });
    expect(await one.ps("a")).toMatchObject({ state: "running", host: { pid: host, alive: true } });
  });
}

const errors = ({ root }: HostRoot) => readFileSync(`${root.run}/host.err`, "utf8");

test("half a request and then the end begins nothing", async () => {
  await withHost({}, async (one, { host, address }) => {
    const raw = await connectRaw(address);
    raw.socket.end(`{"is":"start","version":${HOST_PROTOCOL},"ground":{},"env":{},"sp`);
    await until("the host ends it too", raw.isOver);
    await stillServes(one, { host, name: "b" });
    expect(errors(one)).toBe("");
  });
});

test("half a request and then silence holds nobody up", async () => {
  await withHost({}, async (one, { host, address }) => {
    const silent = await Promise.all([connectRaw(address), connectRaw(address)]);
    silent[0].socket.write(`{"is":"start","version":${HOST_PROTOCOL},`);
    await stillServes(one, { host, name: "b" });
    expect(silent.map((raw) => raw.isOver())).toEqual([false, false]);
    for (const raw of silent) raw.socket.destroy();
  });
});

test("requests that are too long are refused and not held, and their caller says why", async () => {
  const long = { kind: "managed", run: ["sh", "-c", `exec sleep 1000 # ${"x".repeat(100_000)}`] };
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`long${at}`, long]));
  await withHost(many, async (one, { host, address }) => {
    const memory = () => Number(/^RssAnon:\s*(\d+)/m.exec(readFileSync(`/proc/${host}/status`, "latin1"))?.[1]);
    const before = memory();
    const asked = await one.dt(["up", "t", "-d"]);
    expect(asked.code).not.toBe(0);
    expect(asked.stderr).toContain("expected a request with at most 8388608 bytes, but got more");
    // Nothing waits for what it would have started.
    expect(readdirSync(`${one.root.run}/starts`)).toEqual([]);
    for (let round = 0; round < 8; round++) await sayRaw(address, `"${"x".repeat(10 * 1024 * 1024)}`);
    expect(memory() - before).toBeLessThan(80 * 1024);
    await stillServes(one, { host, name: "b" });
  });
}, 60_000);

const ADOPT = {
  is: "adopt",
  version: HOST_PROTOCOL,
  keys: null,
  ground: {},
  env: {},
  keyring: ownKeyring(),
  blocked: "0",
};

const WRONG: [what: string, text: string, answer: string][] = [
  [
    "of another version",
    JSON.stringify({ ...ADOPT, version: 999 }),
    `a request with one of version ${HOST_PROTOCOL}, but got version 999`,
  ],
  ["without a version", JSON.stringify({ ...ADOPT, version: undefined }), "but got version undefined"],
  ["that is no JSON", "GET / HTTP/1.1", "a line of JSON, but got no JSON"],
  ["that is bytes", "\xff\0\x01\x02", "a line of JSON, but got no JSON"],
  ["that is an empty line", "", "a line of JSON, but got no JSON"],
  ["null", "null", "start, up, adopt or cancel, but got null"],
  ["a number", "5", "start, up, adopt or cancel, but got 5"],
  ["a list", "[]", "start, up, adopt or cancel, but got []"],
  ["of another kind", JSON.stringify({ ...ADOPT, is: "stop" }), "start, up, adopt or cancel"],
  ["a start of nothing", JSON.stringify({ ...ADOPT, is: "start" }), "start, up, adopt or cancel"],
  ["an up of nothing", JSON.stringify({ ...ADOPT, is: "up", nodes: 5 }), "start, up, adopt or cancel"],
  ["an adoption nowhere", JSON.stringify(ADOPT), '"failed"'],
  ["a start of an empty spec", JSON.stringify({ ...ADOPT, is: "start", spec: {} }), '"failed"'],
  ["an up of empty nodes", JSON.stringify({ ...ADOPT, is: "up", nodes: [{}, null] }), '"failed"'],
];

test.each(WRONG)("a request %s is answered with what is wrong", async (_what, text, answer) => {
  await withHost({}, async (one, { host, address }) => {
    expect(await sayRaw(address, `${text}\n`)).toContain(answer.replaceAll('"', answer.startsWith('"') ? '"' : '\\"'));
    await stillServes(one, { host, name: "b" });
  });
});

test("a start of an empty spec in the root's own ground ends neither the host nor a launch", async () => {
  await withHost({}, async (one, { host, address }) => {
    const { root } = one;
    const ground = {
      root: root.dir,
      home: root.env.DIALTONE_HOME,
      runDirectory: root.run,
      cache: `${root.dir}/.dialtone/cache`,
      openFiles: null,
      lockBackend: null,
      owner: null,
    };
    for (const more of [
      { is: "start", spec: {} },
      { is: "start", spec: { key: "t:b:default" } },
      { is: "up", nodes: [{}] },
      { is: "up", nodes: [null] },
      { is: "up", nodes: [{ key: "t:b:default", needs: [], isNamed: true, run: { is: "launch", spec: {} } }] },
    ]) {
      const raw = await connectRaw(address);
      raw.socket.write(`${JSON.stringify({ ...ADOPT, ground, ...more })}\n`);
      await until(`the host answers ${JSON.stringify(more)}`, () => raw.heard().includes('"failed"'));
      raw.socket.destroy();
      await stillServes(one, { host, name: "c" });
    }
  });
});

test("two requests on one connection: the second is refused", async () => {
  await withHost({}, async (one, { host, address }) => {
    const two = `${JSON.stringify({ ...ADOPT, version: 999 })}\n${JSON.stringify(ADOPT)}\n`;
    expect(await sayRaw(address, two)).toContain("expected a request with start, up, adopt or cancel");
    await stillServes(one, { host, name: "b" });
  });
});

test.skipIf(process.getuid?.() !== 0)(
  "another user is turned away, even where the socket's file lets that user in",
  async () => {
    await withHost({}, async (one, { host, address }) => {
      chmodSync(one.root.base, 0o755);
      for (const place of [one.runtime, dirname(address)]) chmodSync(place, 0o755);
      chmodSync(address, 0o666);
      const script = `$SIG{PIPE} = "IGNORE"; use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un($ARGV[0])) or die $!; syswrite(S, $ARGV[1]); sysread(S, $b, 1000); print "got $b"`;
      const ask = async (...as: string[]) =>
        Bun.spawn([...as, "perl", "-e", script, address, `${JSON.stringify({ ...ADOPT, version: 999 })}\n`], {
          stdout: "pipe",
          stderr: "inherit",
        }).stdout.text();
      expect(await ask("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")).toBe("got ");
      expect(await ask()).toContain('"hello"');
      for (const place of [one.runtime, dirname(address)]) chmodSync(place, 0o700);
      chmodSync(address, 0o600);
      await stillServes(one, { host, name: "b" });
    });
  },
);

test("a stopped host is passed over; when it goes on, it serves its launch to the end, and then ends", async () => {
  const one = hostRoot(["a", "b", "c"]);
  await within(one.root, async () => {
    const before = await one.start("a");
    const old = hostPidOf(before);
    process.kill(old, "SIGSTOP");
    try {
      const began = performance.now();
      const host = hostPidOf(await one.start("b"));
      expect(performance.now() - began).toBeLessThan(2000);
      expect(host).not.toBe(old);
      // Its launch is left to it: it lives.
      expect(await one.ps("a")).toMatchObject({ pid: before.pid, state: "running", host: { pid: old, alive: true } });
      process.kill(old, "SIGCONT");
      expect(hostPidOf(await one.start("c"))).toBe(host);
      expect(await one.ps("a")).toMatchObject({ pid: before.pid, host: { pid: old, alive: true } });
      process.kill(before.pid as number, "SIGTERM");
      await until("its end is written by its host", async () => (await one.ps("a"))?.exit?.signal === "SIGTERM");
      await until("the old host has ended", () => !runs(old));
      // It leaves the other's socket alone.
      expect(hostPidOf(await one.start("a"))).toBe(host);
    } finally {
      if (runs(old)) process.kill(old, "SIGCONT");
    }
  });
});

test("a host ends with its last launch, also while a connection idles, and not before", async () => {
  const one = hostRoot(["a", "b"]);
  await within(one.root, async () => {
    const host = hostPidOf(await one.start("a"));
    const last = await one.start("b");
    const idle = await connectRaw(addressOf(host));
    await one.dt(["stop", "t", "a"]);
    await stays("the host serves the other", () => runs(host), 300);
    // A stop would end a host that lingers.
    process.kill(last.pid as number, "SIGKILL");
    await until("the host has ended", () => !runs(host));
    await until("the connection too", idle.isOver);
  });
});

test("a host ends with its last launch when that ends by itself, or never begins", async () => {
  const one = hostRoot(["a"], {
    brief: { kind: "managed", run: ["true"] },
    missing: { kind: "managed", run: ["./missing"] },
  });
  await within(one.root, async () => {
    for (const name of ["brief", "missing"]) {
      await one.dt(["t", name, "-d"]);
      await until(`no host is left after ${name}`, () => one.root.processes().length === 0, 5000);
    }
  });
});
