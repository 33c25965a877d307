/**
 * The daemon through the binary: one a home, its socket, what it answers, what starts with it, and what it costs to
 * kill it.
 */
import { expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { DT, stays, TestRoot, until } from "../../kit.ts";
import { connectTo, daemonPid, disposeWithDaemon, socketOf, statusOf } from "../kit/daemon.ts";
import { commandLineOf, lastLine, ps, psOf, readLog, runs } from "../kit/launch.ts";

const MANIFEST = `export default { name: "t", commands: {
  dev: { kind: "managed", run: "echo up; exec sleep 1000", boot: true, ready: { log: "up" } },
  web: { kind: "managed", run: "exec sleep 1001" },
  ends: { kind: "managed", run: "exit 0", boot: true },
} };`;

const make = (text = MANIFEST) => TestRoot.create({ "manifests/t.ts": text });
const home = (root: TestRoot) => root.env.DIALTONE_HOME as string;
/** From outside of the root, which a start in it would register: test/e2e/daemon/serving.test.ts. */
const daemon = (root: TestRoot, ...words: string[]) => root.dt(["daemon", ...words], { cwd: root.base });

test("daemon start, status, stop and restart can be repeated, and each reports the state", async () => {
  const root = make();
  try {
    expect(await daemon(root, "status")).toMatchObject({ code: 3, stdout: "daemon is not running\n" });
    expect(JSON.parse((await daemon(root, "status", "--json")).stdout)).toEqual({
      running: false,
      socket: socketOf(root),
    });
    expect(await daemon(root, "stop")).toMatchObject({ code: 0, stdout: "daemon is not running\n" });
    const started = await daemon(root, "start");
    expect(started).toMatchObject({ code: 0, stderr: "" });
    const pid = Number(/^daemon started \(pid (\d+)\)\n$/.exec(started.stdout)?.[1]);
    expect(runs(pid)).toBe(true);
    expect(await daemon(root, "start")).toMatchObject({ code: 0, stdout: `daemon is already running (pid ${pid})\n` });
    const status = await statusOf(root);
    expect(status).toMatchObject({
      running: true,
      pid,
      label: "dev.dialtone.daemon",
      socket: socketOf(root),
      roots: [],
      projects_root: null,
      codebase_count: 0,
      codebases: [],
      upgraded: false,
      manager: null,
      protocol: 1,
    });
    expect(Math.abs((status.started_at_unix as number) - Date.now() / 1000)).toBeLessThan(60);
    const again = await daemon(root, "restart");
    expect(again.stdout).toMatch(/^daemon restarted \(pid \d+\)\n$/);
    expect(runs(pid)).toBe(false);
    const next = (await statusOf(root)).pid as number;
    expect(await daemon(root, "stop")).toMatchObject({ code: 0, stdout: `daemon stopped (pid ${next})\n` });
    expect(runs(next)).toBe(false);
    expect(existsSync(socketOf(root))).toBe(false);
    expect((await daemon(root, "restart")).stdout).toMatch(/^daemon started \(pid \d+\)\n$/);
    for (const words of [[], ["nope"], ["start", "stop"]]) expect((await daemon(root, ...words)).code).toBe(2);
  } finally {
    await disposeWithDaemon(root);
  }
});

test("no verb that looks or stops starts the daemon, and everything works without it", async () => {
  const root = make();
  try {
    expect((await root.dt(["t", "dev", "-d"])).code).toBe(0);
    for (const words of [
      ["ps"],
      ["logs", "t:dev"],
      ["why", "t:dev"],
      ["status", "t:dev"],
      ["boot", "list"],
      ["boot", "add"],
      ["boot", "remove"],
      ["daemon", "status"],
      ["daemon", "logs"],
      ["stop", "t:dev"],
    ])
      await root.dt(words);
    expect(existsSync(join(home(root), "daemon.lock"))).toBe(false);
    expect(root.processes()).toEqual([]);
  } finally {
    await disposeWithDaemon(root);
  }
});

test("twenty starts at once make one daemon, and each reports it", async () => {
  const root = make();
  try {
    const results = await Promise.all(Array.from({ length: 20 }, () => daemon(root, "start")));
    expect(results.filter(({ code }) => code !== 0)).toEqual([]);
    const { pid } = await statusOf(root);
    expect(new Set(results.map(({ stdout }) => /pid (\d+)/.exec(stdout)?.[1]))).toEqual(new Set([String(pid)]));
    await until("the others are gone", () => root.processes().length === 1);
  } finally {
    await disposeWithDaemon(root);
  }
});

test("the socket: private, short and reached through the home; a stale one is replaced, a live one refused with its pid", async () => {
  const root = TestRoot.create({ "manifests/t.ts": MANIFEST });
  const far = join(root.base, "h".repeat(100), "i".repeat(100));
  mkdirSync(far, { recursive: true });
  const env = { DIALTONE_HOME: join(far, ".dialtone") };
  const dt = (...words: string[]) => root.dt(words, { env });
  try {
    expect((await dt("daemon", "start")).code).toBe(0);
    const link = join(env.DIALTONE_HOME, "daemon.sock");
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    const path = readlinkSync(link);
    expect(Buffer.byteLength(path)).toBeLessThan(104);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    const { pid } = JSON.parse((await dt("daemon", "status", "--json")).stdout);
    // By its lock, and, where that was removed, by its socket.
    const second = await dt("daemon", "start", "--foreground");
    expect(second).toMatchObject({ code: 1 });
    expect(second.stderr).toContain(`is already in use by pid ${pid}`);
    rmSync(join(env.DIALTONE_HOME, "daemon.lock"));
    const third = await dt("daemon", "start", "--foreground");
    expect(third.stderr).toContain(`is already in use by pid ${pid}`);
    expect(existsSync(path)).toBe(true);
    process.kill(pid, "SIGKILL");
    await until("it is gone", () => !runs(pid));
    expect(existsSync(path)).toBe(true);
    expect(JSON.parse((await dt("daemon", "status", "--json")).stdout)).toEqual({ running: false, socket: link });
    expect((await dt("daemon", "start")).code).toBe(0);
    expect(JSON.parse((await dt("daemon", "status", "--json")).stdout)).toMatchObject({ running: true });
    // Another process took the path meanwhile: it is not this daemon's to remove.
    rmSync(path);
    const other = createServer(() => {});
    await new Promise<void>((resolve) => other.listen(path, () => resolve()));
    await dt("daemon", "stop");
    expect(statSync(path).isSocket()).toBe(true);
    other.close();
  } finally {
    await dt("daemon", "stop");
    await root.dispose();
  }
});

test("a client asks again while a daemon is coming up; a frozen daemon is named by its pid, and a stop kills it", async () => {
  const root = make();
  try {
    // The lock is there, the socket not yet: as a daemon that is coming up has it.
    const child = root.spawn(["daemon", "start", "--foreground"]);
    await until("it has its lock", () => existsSync(join(home(root), "daemon.lock")));
    expect(JSON.parse((await daemon(root, "status", "--json")).stdout)).toMatchObject({ running: true });
    process.kill(child.pid, "SIGSTOP");
    expect(await daemon(root, "status")).toMatchObject({
      code: 1,
      stdout: "",
      stderr: `dt: The daemon (pid ${child.pid}) did not answer within 5s.\n    dt daemon restart\n`,
    });
    const stop = await daemon(root, "stop");
    const killed = `daemon killed (pid ${child.pid}): it did not end when asked\n`;
    expect(stop).toMatchObject({ code: 0, stdout: killed });
    await child.exited;
    expect(child.signalCode as string).toBe("SIGKILL");
    await daemon(root, "start");
    process.kill(await daemonPid(root), "SIGSTOP");
    expect((await daemon(root, "restart")).stdout).toMatch(/^daemon restarted \(pid \d+\)\n$/);
  } finally {
    await disposeWithDaemon(root);
  }
}, 60_000);

test("ps, start, stop_key, restart, logs, why and jobs answer over the socket as on the command line", async () => {
  const root = make();
  try {
    await daemon(root, "start");
    const client = await connectTo(socketOf(root));
    const at = { root: root.dir };
    expect(await client.ask({ cmd: "ps", ...at })).toEqual({ ok: true, data: [] });
    expect(await client.ask({ cmd: "start", key: "t:web" })).toMatchObject({ ok: false, code: "no-root" });
    expect(await client.ask({ cmd: "ps", root: `${root.dir}/gone` })).toMatchObject({
      ok: false,
      code: "no-root",
      error: expect.stringContaining("gone is not a directory"),
    });
    root.write(
      "manifests/one.json",
      JSON.stringify({ name: "one", commands: { shot: { kind: "oneshot", run: ["touch", "shot"] } } }),
    );
    expect(await client.ask({ cmd: "start", key: "one:shot", args: ["mine"], ...at })).toMatchObject({ ok: false });
    await root.dt(["list"]);
    await root.dt(["trust"]);
    expect(await client.ask({ cmd: "start", key: "one:shot", args: ["mine"], ...at })).toMatchObject({
      ok: false,
      code: "usage",
      error: "one:shot is a one-shot, which is run, not started.",
    });
    expect(existsSync(join(root.dir, "shot"))).toBe(false);
    const started = await client.ask({ cmd: "start", key: "t:dev", ...at, id: "x" });
    expect(started).toMatchObject({ ok: true, id: "x", data: { key: "t:dev:default", state: "ready" } });
    expect(await psOf(root)).toMatchObject({ state: "ready", pid: started.data.pid, host: { alive: true } });
    expect(await client.ask({ cmd: "start", key: "t:dev", ensure: true, ...at })).toMatchObject({
      ok: true,
      data: { pid: started.data.pid },
    });
    expect(await client.ask({ cmd: "ps" })).toMatchObject({
      ok: true,
      data: [{ key: "t:dev:default", root: root.dir }],
    });
    const logs = await client.ask({ cmd: "logs", key: "t:dev", ...at });
    expect(logs).toMatchObject({ ok: true, data: { more: false, lines: [{ line: "up" }] } });
    const { cursor } = logs.data.lines[0];
    expect(await client.ask({ cmd: "logs", key: "t:dev", after: cursor, ...at })).toMatchObject({
      ok: true,
      data: { lines: [] },
    });
    expect(await client.ask({ cmd: "why", key: "t:dev", ...at })).toMatchObject({ ok: true, data: { state: "ready" } });
    const again = await client.ask({ cmd: "restart", key: "t:dev", ...at });
    expect(again).toMatchObject({ ok: true, data: { state: "ready" } });
    expect(again.data.pid).not.toBe(started.data.pid);
    expect(await client.ask({ cmd: "stop_key", key: "t:dev", ...at })).toMatchObject({ ok: true });
    expect(await psOf(root)).toMatchObject({ state: "stopped" });
    expect(await client.ask({ cmd: "start", key: "t:nope", ...at })).toMatchObject({
      ok: false,
      code: "unknown",
      error: expect.stringContaining('named "nope"'),
    });
    expect(await client.ask({ cmd: "start", key: "t:web", root: "/nowhere" })).toMatchObject({ ok: false });
    expect(await client.ask({ cmd: "jobs", ...at })).toEqual({ ok: true, data: { jobs: [], due: [] } });
    expect(await client.ask({ cmd: "stop" })).toEqual({ ok: true, data: { stopping: true } });
    await client.closed;
  } finally {
    await disposeWithDaemon(root);
  }
});

test("a start that waits delays no other request", async () => {
  const root = make(
    `export default { name: "t", commands: { slow: { kind: "managed", run: "sleep 1000", ready: { exec: ["test", "-f", "go"], timeout: "60s" } } } };`,
  );
  try {
    await daemon(root, "start");
    const [one, other] = await Promise.all([connectTo(socketOf(root)), connectTo(socketOf(root))]);
    const waiting = one.ask({ cmd: "start", key: "t:slow", root: root.dir });
    await until("it is starting", async () => (await psOf(root, "t:slow:default"))?.state === "starting");
    expect(await other.ask({ cmd: "status" })).toMatchObject({ ok: true });
    expect(await other.ask({ cmd: "ps", root: root.dir })).toMatchObject({ data: [{ state: "starting" }] });
    root.write("go", "");
    expect(await waiting).toMatchObject({ ok: true, data: { state: "ready" } });
    one.close();
    other.close();
  } finally {
    await disposeWithDaemon(root);
  }
});

test("a start that waits for its turn in the daemon is called off by a stop", async () => {
  const slow = `{ kind: "managed", run: "sleep 1000", ready: { exec: ["test", "-f", "go"], timeout: "60s" } }`;
  const root = make(
    `export default { name: "t", commands: { s1: ${slow}, s2: ${slow}, s3: ${slow}, s4: ${slow}, last: { kind: "managed", run: "sleep 1000" } } };`,
  );
  try {
    await daemon(root, "start");
    const clients = await Promise.all([1, 2, 3, 4, 5].map(() => connectTo(socketOf(root))));
    const ask = (at: number, name: string) => clients[at]?.ask({ cmd: "start", key: `t:${name}`, root: root.dir });
    const slows = ["s1", "s2", "s3", "s4"].map((name, at) => ask(at, name));
    await until(
      "they are starting",
      async () => (await ps(root)).filter((one) => one.state === "starting").length === 4,
    );
    const last = ask(4, "last");
    const starts = join(root.run, "starts");
    await until("it waits", () => existsSync(starts) && readdirSync(starts).some((name) => name.startsWith("t:last")));
    const stopped = await root.dt(["stop", "t:last"]);
    root.write("go", "");
    expect(stopped).toMatchObject({ code: 0, stderr: expect.stringContaining("its start was called off") });
    expect(await last).toMatchObject({ ok: false, code: "called-off" });
    for (const one of slows) expect(await one).toMatchObject({ ok: true });
    expect((await ps(root)).map((one) => one.key)).not.toContain("t:last:default");
    for (const one of clients) one.close();
  } finally {
    await disposeWithDaemon(root);
  }
}, 60_000);

test("a subscriber sees each state of a launch in order, also of one whose host and leader are killed", async () => {
  const root = make();
  try {
    await root.dt(["t", "web", "-d"]);
    await daemon(root, "start");
    const client = await connectTo(socketOf(root));
    expect(await client.ask({ cmd: "subscribe" })).toEqual({ ok: true, data: { subscribed: true } });
    const next = async () => {
      const { event, key, state, was, root: of } = await client.next();
      expect([event, of]).toEqual(["state", root.dir]);
      return `${key}: ${was} -> ${state}`;
    };
    await root.dt(["t", "dev", "-d"]);
    const seen = [await next()];
    while (!seen.at(-1)?.endsWith("ready")) seen.push(await next());
    expect(seen[0]).toContain("t:dev:default: null -> ");
    await root.dt(["stop", "t", "dev"]);
    while (!seen.at(-1)?.endsWith("stopped")) seen.push(await next());
    expect(seen.every((one) => one.startsWith("t:dev:default: "))).toBe(true);
    const { pid, host } = (await psOf(root, "t:web:default")) as { pid: number; host: { pid: number } };
    for (const one of [host.pid, pid]) process.kill(one, "SIGKILL");
    // Between the two the host that took it over may be seen while it ends what is left.
    const ended = [await next()];
    while (!ended.at(-1)?.endsWith("failed")) ended.push(await next());
    expect(ended.every((one) => /^t:web:default: (running|stopping) -> (stopping|failed)$/.test(one))).toBe(true);
    client.close();
    const other = await connectTo(socketOf(root));
    await other.ask({ cmd: "subscribe" });
    await daemon(root, "stop");
    for (;;) if ((await other.next()).event === "stopping") break;
  } finally {
    await disposeWithDaemon(root);
  }
});

test("boot: started with the daemon in registered roots; a stop by a person stays one, and so does an end", async () => {
  const root = make();
  try {
    expect((await root.dt(["boot", "list"])).stdout).toBe("No root is registered.\n");
    expect((await root.dt(["boot", "add"])).stdout).toBe(
      `${root.dir} is registered: 2 marked boot, 0 with a schedule, 0 watches\n`,
    );
    expect((await root.dt(["boot", "add"])).stdout).toContain("was registered already");
    expect(JSON.parse((await root.dt(["boot", "list", "--json"])).stdout)).toEqual([
      { root: root.dir, there: true, boot: 2, scheduled: 0, watches: 0 },
    ]);
    await daemon(root, "start");
    await until("it runs", async () => (await psOf(root))?.state === "ready");
    expect(await psOf(root, "t:web:default")).toBeUndefined();
    const first = (await psOf(root))?.pid as number;
    await until("the other has ended", async () => (await psOf(root, "t:ends:default"))?.state === "exited");
    const ended = readFileSync(join(root.run, "t:ends:default.exit.json"), "utf8");
    // A daemon that is killed and started again finds all as it was.
    process.kill(await daemonPid(root), "SIGKILL");
    await daemon(root, "start");
    await until("the daemon has looked", () => hasLoaded(root));
    // What it starts runs within a tenth of this time; that it starts nothing shows in nothing else.
    const ends = join(root.run, "t:ends:default.exit.json");
    await stays(
      "both are as they were",
      async () => (await psOf(root))?.pid === first && existsSync(ends) && readFileSync(ends, "utf8") === ended,
      300,
    );
    // As after a reboot: nothing of it lives.
    for (const pid of root.processes()) process.kill(pid, "SIGKILL");
    await daemon(root, "start");
    await until("it runs again", async () => {
      const now = await psOf(root);
      return now?.state === "ready" && now.pid !== first && now.host?.alive === true;
    });
    await root.dt(["stop", "t", "dev"]);
    await daemon(root, "restart");
    await until("the daemon has looked", () => hasLoaded(root));
    await stays("it is stopped", async () => (await psOf(root))?.state === "stopped", 300);
    // Another boot of the machine: what was stopped before it starts with it.
    root.write(join(home(root), "booted.json"), JSON.stringify({ version: 1, bootId: "another" }));
    await daemon(root, "restart");
    await until("it runs in the new boot", async () => (await psOf(root))?.state === "ready");
    expect((await root.dt(["boot", "remove", root.dir], { cwd: "/" })).stdout).toBe(
      `${root.dir} is no longer registered\n`,
    );
    await until("the daemon knows", async () => ((await statusOf(root)).roots as string[]).length === 0);
    expect(await psOf(root)).toMatchObject({ state: "ready" });
  } finally {
    await disposeWithDaemon(root);
  }
}, 60_000);

/** Whether the daemon has loaded the root's manifests: what it starts at boot is started right after. */
const hasLoaded = async (root: TestRoot) => ((await statusOf(root)).roots as string[]).length === 1;

test("schedule: run when due, one at a time, with result and output kept; it goes with its manifest", async () => {
  const root = make(`export default { name: "t", commands: {
    tick: { kind: "oneshot", run: "echo ran; echo '{\\"written\\": 2, \\"unchanged\\": 5}'", schedule: "* * * * * *" },
    long: { kind: "oneshot", run: "echo x >> longs; exec sleep 1000", schedule: "* * * * * *" },
    bad: { kind: "oneshot", run: "echo broken >&2; exit 7", schedule: "* * * * * *" },
    srv: { kind: "managed", run: "exec sleep 1000", schedule: "* * * * * *" },
  } };`);
  try {
    await root.dt(["boot", "add"]);
    await daemon(root, "start");
    const client = await connectTo(socketOf(root));
    const jobs = async () =>
      (await client.ask({ cmd: "jobs" })).data as {
        jobs: Record<string, unknown>[];
        due: { key: string; schedule: string; next_at: string }[];
      };
    const done = await until("all have run twice", async () => {
      const { jobs: all } = await jobs();
      const count = (key: string) =>
        all.filter((one) => one.key === `t:${key}:default` && one.state !== "running").length;
      return count("tick") > 1 && count("bad") > 1 && count("srv") > 1 ? all : null;
    });
    expect(done.find(({ key }) => key === "t:tick:default")).toMatchObject({
      source: "schedule",
      target: "t:tick:default",
      state: "done",
      code: 0,
      written: 2,
      unchanged: 5,
      error: null,
      duration_ms: expect.any(Number),
    });
    const bad = done.find(({ key }) => key === "t:bad:default");
    expect(bad).toMatchObject({ state: "failed", code: 7, error: "it ended with 7: broken" });
    expect(readFileSync(bad?.log as string, "utf8")).toBe("broken\n");
    expect(root.read("longs")).toBe("x\n");
    expect(done.filter(({ key }) => key === "t:long:default")).toMatchObject([{ state: "running" }]);
    expect(await psOf(root, "t:srv:default")).toMatchObject({ state: "running" });
    expect((await jobs()).due.map(({ key }) => key).sort()).toEqual([
      "t:bad:default",
      "t:long:default",
      "t:srv:default",
      "t:tick:default",
    ]);
    expect(Date.parse((await jobs()).due[0]?.next_at as string)).toBeGreaterThan(Date.now() - 2000);
    // Killed, it leaves the job running, and the next one says what became of it.
    process.kill(await daemonPid(root), "SIGKILL");
    const long = root
      .processes()
      .find((pid) => commandLineOf(pid).includes("sleep 1000") && !commandLineOf(pid).includes("dt")) as number;
    expect(runs(long)).toBe(true);
    for (const pid of root.processes()) if (commandLineOf(pid).startsWith("sleep 1000")) process.kill(pid, "SIGKILL");
    root.write("manifests/t.ts", `export default { name: "t", commands: {} };`);
    expect((await root.dt(["trust"])).code).toBe(0);
    await daemon(root, "start");
    const after = await connectTo(socketOf(root));
    const lost = await until("it is settled", async () => {
      const { jobs: all } = (await after.ask({ cmd: "jobs", limit: 500 })).data as { jobs: Record<string, unknown>[] };
      return all.find(({ state }) => state === "lost");
    });
    expect(lost).toMatchObject({ key: "t:long:default", error: expect.stringContaining("nobody saw") });
    expect((await after.ask({ cmd: "jobs" })).data.due).toEqual([]);
    // A manifest that changes while it runs is followed once a person has taken it over.
    root.write(
      "manifests/t.ts",
      `export default { name: "t", commands: { later: { kind: "oneshot", run: "true", schedule: "@yearly" } } };`,
    );
    await until("it waits", async () => ((await statusOf(root)).waiting as unknown[]).length === 1);
    expect((await after.ask({ cmd: "jobs" })).data.due).toEqual([]);
    expect((await root.dt(["trust"])).code).toBe(0);
    await until("it is planned", async () => (await after.ask({ cmd: "jobs" })).data.due.length === 1);
  } finally {
    await disposeWithDaemon(root);
  }
}, 60_000);

test("a plugin adds commands to the socket and a section to the status", async () => {
  const root = make(`export default { name: "reg", commands: {
      sync: { kind: "oneshot", run: ["sh", "-c", "echo working; echo \\"{\\\\\\"asked\\\\\\": $DIALTONE_REQUEST}\\"; echo x >> syncs"] },
      fail: { kind: "oneshot", run: "echo it broke >&2; exit 4" },
      say: { kind: "oneshot", run: ["sh", "-c", "printf '{\\"projects_root\\":\\"/p\\",\\"codebase_count\\":%d,\\"codebases\\":[]}' $(cat syncs 2>/dev/null | wc -l)"] },
    }, daemon: { commands: { sync: "reg:sync", fail: "reg:fail" }, status: "reg:say" } };`);
  try {
    await root.dt(["boot", "add"]);
    await daemon(root, "start");
    await until("its section is there", async () => (await statusOf(root)).projects_root === "/p");
    const client = await connectTo(socketOf(root));
    expect(await client.ask({ cmd: "sync", codebase: "x", id: 3 })).toEqual({
      ok: true,
      id: 3,
      data: { asked: { cmd: "sync", codebase: "x" } },
    });
    await until("its section is asked for again", async () => (await statusOf(root)).codebase_count === 1);
    expect(await client.ask({ cmd: "fail" })).toMatchObject({ ok: false, code: "failed", error: "it broke" });
    // They are jobs as any other.
    const { jobs } = (await client.ask({ cmd: "jobs" })).data;
    expect(jobs.map(({ key, source, state }: Record<string, string>) => [key, source, state])).toEqual([
      ["reg:fail:default", "socket", "failed"],
      ["reg:sync:default", "socket", "done"],
    ]);
    expect(await client.ask({ cmd: "other" })).toMatchObject({ ok: false, code: "unknown-command" });
    expect(await client.ask({ cmd: "sync", root: "/elsewhere" })).toMatchObject({ ok: false });
    client.close();
  } finally {
    await disposeWithDaemon(root);
  }
});

test("the daemon's logs are in two files by level, shown in order, and bounded", async () => {
  const root = make("export default {");
  try {
    await root.dt(["boot", "add"]);
    await daemon(root, "start");
    await until("the manifest's fault is logged", async () =>
      (await daemon(root, "logs", "--stderr-only")).stdout.includes("manifests/t.ts"),
    );
    const all = (await daemon(root, "logs")).stdout.trimEnd().split("\n");
    expect(all[0]).toMatch(/^\d{4}-\S+Z info {2}started pid=\d+/);
    expect(all.some((line) => / warn .*manifests\/t\.ts/.test(line))).toBe(true);
    expect((await daemon(root, "logs", "--stderr-only")).stdout).not.toContain(" info ");
    expect((await daemon(root, "logs", "--lines", "1")).stdout.trimEnd().split("\n")).toHaveLength(1);
    for (const line of (await daemon(root, "logs", "--json")).stdout.trimEnd().split("\n"))
      expect(JSON.parse(line)).toMatchObject({ level: expect.any(String) });
    for (const name of ["daemon.log", "daemon-err.log"]) {
      const path = join(home(root), "logs", name);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      for (const line of readFileSync(path, "utf8").trimEnd().split("\n"))
        expect(JSON.parse(line)).toMatchObject({
          at: expect.any(String),
          level: expect.any(String),
          msg: expect.any(String),
        });
    }
    await daemon(root, "stop");
    root.write(join(home(root), "logs", "daemon.log"), "x".repeat(6 * 1024 * 1024));
    await daemon(root, "start");
    expect(statSync(join(home(root), "logs", "daemon.log")).size).toBeLessThan(10_000);
    expect(statSync(join(home(root), "logs", "daemon.log.1")).size).toBe(6 * 1024 * 1024);
  } finally {
    await disposeWithDaemon(root);
  }
});

test("an upgraded binary is noticed, and a restart puts it in its place without touching a launch", async () => {
  const root = make();
  const dt = join(root.base, "bin", "dt");
  mkdirSync(dirname(dt));
  copyFileSync(DT, dt);
  const run = async (...words: string[]) => {
    const child = Bun.spawn([dt, ...words], { cwd: root.dir, env: root.env, stdout: "pipe", stderr: "pipe" });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { code: await child.exited, stdout, stderr };
  };
  try {
    await run("daemon", "start");
    await run("t", "dev", "-d");
    const before = await psOf(root);
    expect((await run("daemon", "status")).stdout).not.toContain("Another build");
    const next = join(root.base, "next");
    copyFileSync(DT, next);
    renameSync(next, dt);
    expect(await statusOf(root)).toMatchObject({ upgraded: true });
    expect((await run("daemon", "status")).stdout).toContain("dt daemon restart switches to it");
    // Requests are answered meanwhile, by the build that runs.
    const client = await connectTo(socketOf(root));
    expect(await client.ask({ cmd: "ps", root: root.dir })).toMatchObject({ ok: true, data: [{ pid: before?.pid }] });
    client.close();
    expect((await run("daemon", "restart")).code).toBe(0);
    expect(await statusOf(root)).toMatchObject({ upgraded: false });
    expect(await psOf(root)).toMatchObject({ pid: before?.pid, host: before?.host });
    // Removed altogether, it goes on.
    rmSync(dt);
    const other = await connectTo(socketOf(root));
    expect(await other.ask({ cmd: "ps", root: root.dir })).toMatchObject({ ok: true });
    other.close();
  } finally {
    await disposeWithDaemon(root);
  }
});

test("a daemon started inside a launch is no part of it; a home that others may write to is refused", async () => {
  const root = make(
    `export default { name: "t", commands: { dev: { kind: "managed", run: "dt daemon start; exec sleep 1000" } } };`,
  );
  try {
    await root.dt(["t", "dev", "-d"]);
    const pid = await daemonPid(root);
    expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
    expect(runs(pid)).toBe(true);
    await daemon(root, "stop");
    const shared = join(root.base, "shared");
    mkdirSync(shared, { mode: 0o777 });
    const link = join(root.base, "link");
    symlinkSync(home(root), link);
    expect((await root.dt(["daemon", "start"], { env: { DIALTONE_HOME: link } })).code).toBe(0);
    expect(realpathSync(socketOf(root))).toBe(realpathSync(join(link, "daemon.sock")));
    expect((await daemon(root, "start")).stdout).toContain("already running");
  } finally {
    await disposeWithDaemon(root);
  }
});

test("after a daemon is killed in the middle of anything, the next one finds everything as it was", async () => {
  const root = make();
  try {
    await root.dt(["boot", "add"]);
    for (let round = 0; round < 12; round++) {
      const child = root.spawn(["daemon", "start", "--foreground"]);
      await Bun.sleep(round * 15); // wherever it is by then
      child.kill("SIGKILL");
      await child.exited;
      await until(`ps is true in round ${round}`, async () => {
        const now = await psOf(root);
        return now === undefined || now.pid === null || runs(now.pid);
      });
    }
    expect(lastLine(await daemon(root, "start"))).toContain("daemon ");
    await until("what is marked boot runs, once", async () => (await psOf(root))?.state === "ready");
    expect(root.processes().filter((pid) => commandLineOf(pid) === "sleep 1000 ")).toHaveLength(1);
    expect(readLog(root)).toBe("up\n");
  } finally {
    await disposeWithDaemon(root);
  }
}, 60_000);

test("uninstall removes the socket of a killed daemon, but not of a living one nor a file that is no socket of this home", async () => {
  const root = make();
  const link = socketOf(root);
  const uninstall = (...words: string[]) => daemon(root, "uninstall", "--manager", "systemd", ...words);
  const killed = async () => {
    await daemon(root, "start");
    const pid = await daemonPid(root);
    process.kill(pid, "SIGKILL");
    await until("it is gone", () => !runs(pid));
    return readlinkSync(link);
  };
  try {
    expect(await uninstall()).toMatchObject({ code: 0, stdout: "daemon is not installed\n", stderr: "" });
    const path = await killed();
    expect((await uninstall("--dry-run")).stdout).toEndWith(`$ rm -f ${link}\n$ rm -f ${path}\n`);
    expect(existsSync(path)).toBe(true);
    const removed = await uninstall();
    expect(removed).toMatchObject({ code: 0, stdout: "daemon is not installed\n" });
    expect(removed.stderr).toBe(`dt: removed what a daemon that was killed left: ${link}, ${path}\n`);
    expect([existsSync(path), lstatSync(link, { throwIfNoEntry: false })]).toEqual([false, undefined]);
    expect(existsSync(join(home(root), "daemon.lock"))).toBe(false);
    // A link alone, as after a reboot that cleared /tmp.
    rmSync(await killed());
    expect((await uninstall()).stderr).toBe(`dt: removed what a daemon that was killed left: ${link}\n`);
    // One that lives is ended, and takes its own away.
    await daemon(root, "start");
    expect(await uninstall()).toMatchObject({ code: 0, stderr: "" });
    expect(lstatSync(link, { throwIfNoEntry: false })).toBeUndefined();
    // A process answers there; and a link that leads elsewhere.
    const theirs = await killed();
    rmSync(theirs);
    const other = createServer((client) => client.destroy());
    await new Promise<void>((resolve) => other.listen(theirs, () => resolve()));
    await uninstall();
    expect([existsSync(theirs), lstatSync(link).isSymbolicLink()]).toEqual([true, true]);
    await new Promise((resolve) => other.close(resolve));
    const elsewhere = root.write(join(root.base, "kept.sock"), "");
    rmSync(link);
    symlinkSync(elsewhere, link);
    await uninstall();
    expect([existsSync(elsewhere), lstatSync(link).isSymbolicLink()]).toEqual([true, true]);
  } finally {
    await disposeWithDaemon(root);
  }
}, 60_000);
