/** Probes are guests: what they ask is the launch itself, and nothing of theirs is left with it. */
import { expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, truncateSync } from "node:fs";
import { DT, stays, TestRoot, until, within } from "../../kit.ts";
import { freePort, psOf, readLog } from "../kit/launch.ts";

const KEY = "h:dev:default";
const onLinux = test.skipIf(process.platform !== "linux");
const withPython = test.skipIf(Bun.which("python3") === null || process.platform !== "linux");

function rootOf(commands: Record<string, object>, files: Record<string, string> = {}): TestRoot {
  const managed = Object.entries(commands).map(([name, fields]) => [
    name,
    { kind: "managed", stop: { timeout: "1s" }, ...fields },
  ]);
  const manifest = { name: "h", commands: Object.fromEntries(managed) };
  return TestRoot.create({ "manifests/h.json": JSON.stringify(manifest), ...files });
}

/** A server on the address in `AT` (default 127.0.0.1), which answers with `STATUS`. */
const SERVE = `Bun.serve({ hostname: process.env.AT ?? "127.0.0.1", port: process.env.PORT,
  fetch: () => (console.log("asked"), new Response("own", { status: Number(process.env.STATUS ?? 200) })) });`;
const SERVER = { run: ["bun", "server.ts"] };
/** How often the log of the run says this. */
const countOf = (root: TestRoot, what: string, key = KEY) => readLog(root, key).split(what).length - 1;

test("no proxy of the environment comes between a probe and this machine, wherever it is named", async () => {
  let asked = 0;
  const proxy = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { open: () => void asked++, data() {} } });
  const names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
  const env = Object.fromEntries(names.map((name) => [name, `http://127.0.0.1:${proxy.port}`]));
  const port = freePort();
  const urls = ["/", `http://localhost:${port}/`, `http://127.0.0.1:${port}/`, `http://app.localhost:${port}/`];
  const alive = urls.map((http) => ({ http, interval: "100ms", failures: 1, action: "restart" }));
  const fields = { ...SERVER, port, ready: urls.map((http) => ({ http, timeout: "10s" })), alive };
  const files = Object.entries(env).map(([name, value]) => `${name}=${value}\n`);
  const root = rootOf(
    { dev: { ...fields, env }, file: { ...fields, envFile: "proxies" } },
    { "server.ts": SERVE, proxies: files.join("") },
  );
  await within(root, async () => {
    for (const [command, around] of [
      ["dev", { ...env, NO_PROXY: "", no_proxy: "example.org" }],
      ["file", {}],
    ] as const) {
      expect(await root.dt(["h", command, "-d"], { env: around })).toMatchObject({ code: 0 });
      await until(
        "each probe asked three times",
        () => countOf(root, "asked", `h:${command}:default`) > 4 * urls.length,
      );
      expect(await psOf(root, `h:${command}:default`)).toMatchObject({ state: "ready", restarts: 0 });
      await root.dt(["stop", "h", command]);
    }
    expect(asked).toBe(0);
  });
  proxy.stop(true);
});

/**
 * Without SO_REUSEADDR: a port that anything of it waits on cannot be bound. Python's own of 1.0 closes first, that of
 * 1.1 does not.
 */
const ONCE = `import http.server, os, socketserver, sys
class Handler(http.server.SimpleHTTPRequestHandler): protocol_version = sys.argv[1]
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer): allow_reuse_address = False
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()`;

for (const version of ["HTTP/1.0", "HTTP/1.1"]) {
  withPython(
    `a server that shares its port with nothing starts again at once, and logs no hang-up: ${version}`,
    async () => {
      const big = "x".repeat(300_000);
      const ready = [{ http: "/big" }, { port: true }, { http: "/" }];
      const alive = { http: "/big", interval: "100ms", failures: 1 };
      const root = rootOf(
        { dev: { run: ["python3", "once.py", version], port: freePort(), ready, alive } },
        { "once.py": ONCE, big },
      );
      await within(root, async () => {
        for (let count = 0; count < 4; count++) {
          expect(await root.dt(["h", "dev", "-d"])).toMatchObject({ code: 0 });
          await until("it was asked while it ran", () => countOf(root, "GET /big") > 3);
        }
        expect(await psOf(root, KEY)).toMatchObject({ state: "ready" });
        const log = root.read(`.dialtone/run/${KEY}.log`);
        expect(log).toContain('"GET /big HTTP/1.1" 200');
        expect(log).not.toMatch(/Traceback|Error|Exception/);
      });
    },
  );
}

/** Each sleeps for a time of its own, by which what is left of it is found. */
const LEAVING: Record<string, (sleep: string) => string> = {
  "it hangs with a child": (sleep) => `${sleep}; true`,
  "it ignores SIGTERM": (sleep) => `trap '' TERM HUP INT; ${sleep}; true`,
  "a child in a session of its own": (sleep) => `setsid ${sleep} & setsid setsid ${sleep}; true`,
  "a daemon of a daemon": (sleep) => `(setsid sh -c '(${sleep} &)' &); exec ${sleep}`,
  "a daemon without an environment": (sleep) => `(setsid sh -c '(env -i ${sleep} &)' &); exec ${sleep}`,
  "it succeeds and leaves a child": (sleep) => `(${sleep} &) ; true`,
  "it fails and leaves a child that holds on": (sleep) => `nohup setsid sh -c "trap '' TERM; ${sleep}; true" & exit 1`,
};

function sleepers(seconds: number): number[] {
  const output = Bun.spawnSync(["pgrep", "-f", `^sleep ${seconds}$`]).stdout.toString();
  return output.split("\n").filter(Boolean).map(Number);
}

onLinux("nothing of an exec probe outlives its try; the launch's own programs do", async () => {
  const first = 30_000 + (process.pid % 20_000);
  const names = Object.keys(LEAVING);
  const probes = names.map((name, at) => ({
    exec: ["sh", "-c", `echo x >> tried.${at}; ${LEAVING[name]?.(`sleep ${first + at}`)}`],
    interval: "100ms",
    timeout: "300ms",
  }));
  const own = first + names.length;
  const root = rootOf({ dev: { run: `(setsid sleep ${own} &); exec sleep ${own}`, alive: probes } });
  await within(root, async () => {
    expect((await root.dt(["h", "dev", "-d"])).code).toBe(0);
    for (const at of names.keys()) {
      await until(`${names[at]}: tried often`, () => {
        const path = `${root.dir}/tried.${at}`;
        return existsSync(path) && readFileSync(path, "utf8").length > 6;
      });
      // Those of the try that goes on, at most.
      await until(`${names[at]}: no more than its own are left`, () => sleepers(first + at).length <= 2);
    }
    expect(sleepers(own)).toHaveLength(2);
    expect(await psOf(root, KEY)).toMatchObject({ restarts: 0 });
    expect((await root.dt(["stop", "h", "dev"])).code).toBe(0);
    for (const at of names.keys()) expect([names[at], sleepers(first + at)]).toEqual([names[at] as string, []]);
  });
});

onLinux("a probe that hangs ends with the launch, also when the host was killed", async () => {
  const seconds = 20_000 + (process.pid % 10_000);
  const exec = ["sh", "-c", `env -i setsid sleep ${seconds} & sleep ${seconds}; true`];
  const root = rootOf({ dev: { run: ["sleep", "1000"], alive: { exec, interval: "100ms", timeout: "60s" } } });
  await within(root, async () => {
    for (const killed of [false, true]) {
      expect((await root.dt(["h", "dev", "-d"])).code).toBe(0);
      await until("it hangs", () => sleepers(seconds).length === 2);
      if (killed) process.kill((await psOf(root, KEY))?.host?.pid as number, "SIGKILL");
      expect((await root.dt(["stop", "h", "dev"])).code).toBe(0);
      expect([killed, sleepers(seconds)]).toEqual([killed, []]);
    }
  });
});

onLinux("a process that a probe merely woke is left alone", async () => {
  const seconds = 50_000 + (process.pid % 10_000);
  const keeper = `#!/bin/sh\nsleep ${seconds}\ntrue\n`;
  const root = rootOf(
    {
      dev: {
        run: ["sleep", "1000"],
        ready: { exec: ["sh", "-c", "[ -e woken ] || { touch woken; setsid ./keeper & } ; true"] },
        stop: { timeout: "1s", spare: ["keeper"] },
      },
    },
    { keeper },
  );
  chmodSync(`${root.dir}/keeper`, 0o755);
  await within(root, async () => {
    expect((await root.dt(["h", "dev", "-d"])).code).toBe(0);
    const [pid] = await until("it was woken", () => (sleepers(seconds).length > 0 ? sleepers(seconds) : null));
    expect((await root.dt(["stop", "h", "dev"])).code).toBe(0);
    expect(sleepers(seconds)).toEqual([pid as number]);
    for (const one of root.processes()) process.kill(one, "SIGKILL");
  });
});

test("a probe's program that hangs is reported as not ending, and one that fails as failing", async () => {
  const root = rootOf({
    dev: { run: ["sleep", "1000"], ready: { exec: ["sleep", "60"], timeout: "300ms" } },
    bad: { run: ["sleep", "1000"], ready: { exec: ["sh", "-c", "exit 7"], timeout: "300ms" } },
  });
  await within(root, async () => {
    expect((await root.dt(["h", "dev", "-d"])).stderr).toContain("`sleep 60` did not end within");
    expect((await root.dt(["h", "bad", "-d"])).stderr).toContain("`sh -c exit 7` ended with 7");
  });
});

onLinux("a process with the same port on another address refuses no start and makes none ready", async () => {
  const port = freePort();
  const at = (hostname: string) => Bun.serve({ hostname, port, fetch: () => new Response("stranger") });
  const strangers = ["127.0.0.53", "::1"].map(at);
  const ready = { http: "/", timeout: "700ms" };
  const root = rootOf(
    {
      dev: { ...SERVER, port, ready: [{ http: "/", timeout: "10s" }, { port: true }] },
      far: { ...SERVER, port, env: { AT: "127.0.0.2" }, ready: [{ http: "/", timeout: "10s" }, { port: true }] },
      sick: {
        ...SERVER,
        port,
        env: { STATUS: "503" },
        ready: [ready, { ...ready, http: `http://localhost:${port}/` }],
      },
      wrong: { ...SERVER, port, ready: { ...ready, http: `http://[::1]:${port}/` } },
      idle: { run: ["sleep", "1000"], port, ready: [ready, { port: true, timeout: "700ms" }] },
    },
    { "server.ts": SERVE },
  );
  await within(root, async () => {
    for (const command of ["dev", "far"]) {
      expect(await root.dt(["h", command, "-d"])).toMatchObject({ code: 0 });
      expect(await psOf(root, `h:${command}:default`)).toMatchObject({ state: "ready", ports: [port] });
      const later = at("127.0.0.99");
      expect(await root.dt(["stop", "h", command])).toMatchObject({ code: 0 });
      await later.stop(true);
    }
    const sick = await root.dt(["h", "sick", "-d"]);
    expect(sick).toMatchObject({
      code: 124,
      stderr: expect.stringContaining(`http://localhost:${port}/ answered 503`),
    });
    await root.dt(["stop", "h", "sick"]);
    const wrong = await root.dt(["h", "wrong", "-d"]);
    expect(wrong).toMatchObject({ code: 124, stderr: expect.stringContaining(`listens only on 127.0.0.1:${port}`) });
    await root.dt(["stop", "h", "wrong"]);
    const idle = await root.dt(["h", "idle", "-d"]);
    expect(idle.code).toBe(124);
    expect(idle.stderr).toMatch(
      new RegExp(`\\[::1\\]:${port} is held by pid ${process.pid} .*, which does not belong to this launch`),
    );
    await root.dt(["stop", "h", "idle"]);

    const shown = await root.dt(["port", String(port)]);
    expect(shown.stdout).toContain(
      `, on 127.0.0.53:${port} and [::1]:${port}\n${port} is free on every other address\n`,
    );
    expect(JSON.parse((await root.dt(["port", String(port), "--json"])).stdout)).toMatchObject({
      free: true,
      holders: [{ pid: process.pid, addresses: ["127.0.0.53", "::1"] }],
      unseen: [],
    });
    // Two of one's own are no other case.
    expect(await root.dt(["h", "far", "-d"])).toMatchObject({ code: 0 });
    expect(await root.dt(["h", "dev", "-d"])).toMatchObject({ code: 0 });
    expect((await psOf(root, KEY))?.state).toBe("ready");
    await root.dt(["stop", "--all"]);
    const inTheWay = at("127.0.0.1");
    expect(await root.dt(["h", "dev", "-d"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("needs port"),
    });
    await inTheWay.stop(true);
  });
  for (const stranger of strangers) await stranger.stop(true);
});

/**
 * What the kernel does when a file with capabilities is executed; the rest of /proc/PID is closed then, to its own user
 * too.
 */
const CLOSED = `import ctypes, http.server, os
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), http.server.SimpleHTTPRequestHandler).serve_forever()`;

/** Root sees everything, so the test runs as another user, for whom not every Python is readable. Null: it cannot. */
function somebody(around: readonly string[] = []) {
  const user = process.getuid?.() === 0 ? ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] : [];
  const as = [...user, ...around];
  const works = (...words: string[]) => Bun.spawnSync([...as, ...words]).exitCode === 0;
  const real = Bun.spawnSync(["python3", "-c", "import os, sys; print(os.path.realpath(sys.executable))"]);
  const python = [real.stdout.toString().trim(), "/usr/bin/python3"].find((path) => works("test", "-x", path));
  if (python === undefined || !works("test", "-x", DT)) return null;
  const dt = async (root: TestRoot, ...words: string[]) => {
    if (user.length > 0) Bun.spawnSync(["chown", "-R", "65534:65534", root.base]);
    const child = Bun.spawn([...as, DT, ...words], { cwd: root.dir, env: root.env, stdout: "pipe", stderr: "pipe" });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { code: await child.exited, stdout, stderr };
  };
  const start = (...words: string[]) => Bun.spawn([...as, python, ...words], { stdout: "pipe" });
  return { python, dt, start };
}

withPython("a server whose /proc is closed is known by its socket's user: ready, listed, replaced", async () => {
  const who = somebody();
  if (who === null) return;
  const port = freePort();
  const root = rootOf(
    {
      dev: {
        run: [who.python, "closed.py"],
        port,
        ready: [{ http: "/", timeout: "5s" }, { port: true }],
        alive: { http: "/", interval: "100ms", failures: 1, action: "restart" },
      },
    },
    { "closed.py": CLOSED },
  );
  const dt = (...words: string[]) => who.dt(root, ...words);
  await within(root, async () => {
    try {
      expect(await dt("h", "dev", "-d")).toMatchObject({ code: 0 });
      const [one] = JSON.parse((await dt("ps", "--json")).stdout);
      expect(one).toMatchObject({ state: "ready", ports: [port] });
      expect(await dt("h", "dev", "-d")).toMatchObject({ code: 0 });
      const [two] = JSON.parse((await dt("ps", "--json")).stdout);
      expect(two.pid).not.toBe(one.pid);
      expect((await dt("port", String(port))).stdout).toContain("a process of this user whose open files are hidden");
      // Another one that hides, and began later, makes it unknown whose the port is: no reason to end what runs.
      const other = who.start(
        "-c",
        "import ctypes, time; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); print(1, flush=True); time.sleep(60)",
      );
      await other.stdout.getReader().read();
      const before = countOf(root, "GET /");
      await until("it was asked again", () => countOf(root, "GET /") > before + 2);
      expect(JSON.parse((await dt("ps", "--json")).stdout)).toMatchObject([
        { state: "ready", pid: two.pid, restarts: 0 },
      ]);
      other.kill("SIGKILL");
      await other.exited;
    } finally {
      expect(await dt("stop", "--all")).toMatchObject({ code: 0 });
    }
  });
});

withPython("a server that got away from its launch is named by the stop, not skipped", async () => {
  // Where file locks are limited there is no lineage to know it by.
  const who = somebody(["prlimit", "--locks=100000:100000"]);
  if (who === null) return;
  const port = freePort();
  const away = `(env -i PORT=${port} setsid ${who.python} closed.py >away 2>&1 </dev/null &) ; exec sleep 1000`;
  const root = rootOf({ dev: { run: away, port, ready: { http: "/", timeout: "5s" } } }, { "closed.py": CLOSED });
  await within(root, async () => {
    expect(await who.dt(root, "h", "dev", "-d")).toMatchObject({ code: 0 });
    const [{ host, pid }] = JSON.parse((await who.dt(root, "ps", "--json")).stdout);
    // Its host has noted the one that fell to it; without the note, nothing is left that shows it.
    process.kill(host.pid, "SIGKILL");
    const [note] = [...new Bun.Glob("*.json").scanSync(`${root.run}/launch`)];
    rmSync(`${root.run}/launch/${note}`, { force: true });
    const stopped = await who.dt(root, "stop", "h", "dev");
    expect(stopped.code).toBe(5);
    const named = new RegExp(`pid (\\d+) .*closed.py\\n +something listens on port ${port} of this launch`).exec(
      stopped.stderr,
    );
    expect(Number(named?.[1])).toBeGreaterThan(pid);
    process.kill(Number(named?.[1]), "SIGKILL");
  });
});

test("an exec probe goes on where the project was moved, and a log probe reads a cut log from its beginning", async () => {
  const alive = { exec: ["sh", "-c", "tool && pwd >> asked"], interval: "100ms", failures: 2, action: "restart" };
  const ready = { log: "now-up", timeout: "20s" };
  const lines =
    "for i in $(seq 2000); do echo line $i; done; until test -e cut; do sleep 0.02; done; echo now-up; exec sleep 1000";
  const root = rootOf({ dev: { run: ["sleep", "1000"], alive }, cut: { run: lines, log: "logs/cut.log", ready } });
  const moved = `${root.base}/moved`;
  await within(root, async () => {
    root.write("node_modules/.bin/tool", "#!/bin/sh\nexit 0\n");
    chmodSync(`${root.dir}/node_modules/.bin/tool`, 0o755);
    const starting = root.spawn(["h", "cut", "-d"]);
    await until(
      "all of it is read",
      () => existsSync(`${root.dir}/logs/cut.log`) && root.read("logs/cut.log").includes("line 2000"),
    );
    // The probe looks every 100 ms, and nothing shows that it looked: it has read so far by then.
    await stays("it is not ready", () => starting.exitCode === null, 250);
    truncateSync(`${root.dir}/logs/cut.log`);
    root.write("cut", "");
    expect(await starting.exited).toBe(0);

    await root.dt(["h", "dev", "-d"]);
    const asked = (dir: string) => (existsSync(`${dir}/asked`) ? readFileSync(`${dir}/asked`, "utf8") : "");
    await until("it is asked", () => asked(root.dir) !== "");
    renameSync(root.dir, moved);
    try {
      await until(
        "it is asked there",
        () =>
          asked(moved)
            .trimEnd()
            .split("\n")
            .filter((line) => line === moved).length > 5,
      );
      const { stdout } = await root.dt(["ps", "--json"], { cwd: moved });
      expect(JSON.parse(stdout).find((one: { key: string }) => one.key === KEY)).toMatchObject({
        state: "running",
        restarts: 0,
      });
      await root.dt(["stop", "--all"], { cwd: moved });
    } finally {
      renameSync(moved, root.dir);
    }
  });
});
