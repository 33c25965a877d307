/**
 * Needs: started first and in order, left alone when healthy, reported when they fail or form a cycle. And a log's
 * bound.
 */
import { expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { TestRoot, until } from "../../kit.ts";
import { freePort, ps, psOf, runs } from "../kit/launch.ts";

/** Whether the process listens for a signal, by the kernel. */
function hears(pid: number, signal: NodeJS.Signals): boolean {
  const caught = /^SigCgt:\s*(\w+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? "0";
  return ((BigInt(`0x${caught}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}

function rootOf(commands: string): TestRoot {
  return TestRoot.create({ "manifests/n.ts": `export default { name: "n", commands: { ${commands} } };` });
}

test("needs are started first, in order, and left alone when they are healthy", async () => {
  const root = rootOf(`
    api: { kind: "managed", run: "test -f cache.up && exec sleep 1000", needs: ["n:cache", "n:db"] },
    cache: { kind: "managed", run: "test -f db.up && touch cache.up; exec sleep 1000", needs: ["n:db:default"], ready: { exec: ["test", "-f", "cache.up"] } },
    db: { kind: "managed", run: "sleep 0.1; touch db.up; exec sleep 1000", port: ${freePort()}, ready: { exec: ["test", "-f", "db.up"] } },`);
  try {
    expect((await root.dt(["n", "api", "-d"])).code).toBe(0);
    const first = await ps(root);
    expect(first.map(({ key, state }) => `${key} ${state}`)).toEqual([
      "n:api:default running",
      "n:cache:default ready",
      "n:db:default ready",
    ]);
    await root.dt(["n", "api", "-d"]);
    const second = await ps(root);
    expect(second.map((one, at) => one.pid === first[at]?.pid)).toEqual([false, true, true]);
    await root.dt(["stop", "n:db"]);
    expect((await root.dt(["n", "cache", "-d", "--no-needs"])).code).toBe(0);
    expect(await psOf(root, "n:db:default")).toMatchObject({ state: "stopped" });
  } finally {
    await root.dispose();
  }
});

test("a need that fails prevents what needs it, with the reason", async () => {
  const root = rootOf(`
    a: { kind: "managed", run: ["sleep", "1000"], needs: ["n:b"] },
    b: { kind: "managed", run: "echo broken; exit 1", ready: { delay: "1s" } },`);
  try {
    const failed = await root.dt(["n", "a", "-d"]);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("n:a:default was not started: it needs n:b:default, which failed with code 1");
    expect((await ps(root)).map((one) => one.key)).toEqual(["n:b:default"]);
  } finally {
    await root.dispose();
  }
});

test("needs that form a cycle, or undeclared ones, take away only their own plugins, and the path is named", async () => {
  const one = (name: string, needs: string) =>
    `export default { name: "${name}", commands: { dev: { kind: "managed", run: ["sleep", "1000"], needs: ${needs} } } };`;
  const root = TestRoot.create({
    "manifests/a.ts": one("a", `["b:dev"]`),
    "manifests/b.ts": one("b", `[{ key: "a:dev", condition: "started" }]`),
    "manifests/c.ts": one("c", `["x:y"]`),
    "manifests/d.ts": one("d", `["a:dev"]`),
    "manifests/e.ts": one("e", "[]"),
  });
  try {
    const list = await root.dt(["list"]);
    expect(list.stdout).toContain("needs form a cycle: a:dev -> b:dev -> a:dev");
    expect(list.stdout).toContain("c:dev needs x:y, which no manifest declares");
    for (const name of ["a", "b"])
      expect(await root.dt([name, "dev", "-d"])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("a:dev -> b:dev -> a:dev"),
      });
    expect(await root.dt(["d", "dev", "-d"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("d:dev -> a:dev"),
    });
    for (const words of [
      ["up", "a:dev"],
      ["up", "a"],
      ["a", "other"],
      ["up", "a:other"],
    ])
      expect(await root.dt(words)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("needs form a cycle: a:dev -> b:dev -> a:dev"),
      });
    const absent = await root.dt(["up", "nobody:dev"]);
    expect([absent.code, absent.stderr]).toEqual([
      2,
      expect.stringContaining(`There is no plugin named "nobody" in ${root.dir} among the manifests that were read.`),
    ]);
    expect((await root.dt(["e", "dev", "-d"])).code).toBe(0);
  } finally {
    await root.dispose();
  }
});

test("a needed one-shot runs to its end, and again only when its inputs changed; a `before` runs each time", async () => {
  const root = rootOf(`
    api: { kind: "managed", run: ["sleep", "1000"], needs: ["n:migrate"], before: ["n:stamp"] },
    migrate: { kind: "oneshot", run: "test -f db.up && cat schema.sql >> migrated && echo done", inputs: ["*.sql"], needs: ["n:db"] },
    stamp: { kind: "oneshot", run: "echo x >> stamped; test ! -f broken" },
    db: { kind: "managed", run: "sleep 0.1; touch db.up; exec sleep 1000", ready: { exec: ["test", "-f", "db.up"] } },`);
  try {
    root.write("schema.sql", "one\n");
    expect((await root.dt(["n", "api", "-d"])).code).toBe(0);
    expect((await root.dt(["logs", "n:migrate"])).stdout).toBe("done\n");
    const again = await root.dt(["n", "api", "-d"]);
    expect(again.stderr).toContain("n:migrate: its inputs are unchanged");
    root.write("schema.sql", "two\n");
    expect((await root.dt(["n", "api", "-d"])).code).toBe(0);
    expect(root.read("migrated")).toBe("one\ntwo\n");
    expect(root.read("stamped")).toBe("x\nx\nx\n");
    const pid = (await psOf(root, "n:api:default"))?.pid;
    root.write("broken", "");
    expect(await root.dt(["n", "api", "-d"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("n:stamp:default, which runs before it, failed"),
    });
    expect((await psOf(root, "n:api:default"))?.pid).toBe(pid);
  } finally {
    await root.dispose();
  }
});

test("logs.maxSize bounds the disk space of a run; the tail stays whole", async () => {
  const root = rootOf(
    `chatty: { kind: "managed", run: "seq 1 2000000; echo done; exec sleep 1000", logs: { maxSize: "1MB" } },`,
  );
  try {
    await root.dt(["n", "chatty", "-d"]);
    const log = `${root.run}/n:chatty:default.log`;
    await until("it is written", async () => (await root.dt(["logs", "n", "chatty", "-n", "1"])).stdout === "done\n");
    await until("the head is released", () => statSync(log).blocks * 512 <= 1024 * 1024 + 4096);
    expect(statSync(log).size).toBeGreaterThan(10_000_000);
    const all = (await root.dt(["logs", "n", "chatty", "-n", "all"])).stdout;
    expect(all).not.toContain("\\0");
    const lines = all.trimEnd().split("\n").slice(1);
    expect(lines.slice(-2)).toEqual(["2000000", "done"]);
    expect(lines.length).toBeGreaterThan(100_000);
    expect(lines.slice(0, -1).every((line, at) => Number(line) === Number(lines[0]) + at)).toBe(true);
  } finally {
    await root.dispose();
  }
});

test("a need that is starting elsewhere is waited for: Ctrl-C ends only the wait, and one not ready in time is reported", async () => {
  const root = rootOf(`
    api: { kind: "managed", run: ["sleep", "1000"], needs: ["n:db"] },
    db: { kind: "managed", run: ["sleep", "1000"], ready: { log: "never", timeout: "2s" } },`);
  try {
    await root.dt(["n", "db", "-d", "--no-wait"]);
    const first = (await psOf(root, "n:db:default"))?.pid as number;
    const cancelled = root.spawn(["n", "api", "-d"]);
    const late = root.dt(["n", "api", "-d"]);
    await until("it listens", () => hears(cancelled.pid, "SIGINT"));
    cancelled.kill("SIGINT");
    expect(await cancelled.exited).toBe(130);
    expect(await psOf(root, "n:db:default")).toMatchObject({ pid: first, state: "starting" });
    expect(await late).toMatchObject({ code: 1, stderr: expect.stringContaining("which is not ready in time") });
    expect(await psOf(root, "n:db:default")).toMatchObject({ pid: first, state: "unhealthy" });
    expect(await psOf(root, "n:api:default")).toBeUndefined();
  } finally {
    await root.dispose();
  }
});

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)
  test(`${signal} to a start that waits for a needed one-shot ends the one-shot too`, async () => {
    const root = rootOf(`
      slow: { kind: "oneshot", run: "sleep 1000 & echo $! > pid; wait" },
      api: { kind: "managed", run: ["sleep", "1000"], needs: ["n:slow"] },
      seed: { kind: "oneshot", run: "true", needs: ["n:slow"] },
      term: { kind: "managed", tty: true, run: ["sleep", "1000"], before: ["n:slow"] },`);
    try {
      const calls = [
        ["n", "api"],
        ["n", "api", "-d"],
        ["n", "seed"],
        ["restart", "n:api"],
        ["n", "term"],
      ];
      for (const start of calls) {
        const starting = root.spawn(start);
        await until("the one-shot runs", () => existsSync(join(root.dir, "pid")) && root.read("pid") !== "");
        const pid = Number(root.read("pid"));
        starting.kill(signal);
        await starting.exited;
        await until(`it is ended: dt ${start.join(" ")}`, () => !runs(pid));
        if (!start.includes("term")) expect(starting.exitCode).toBe(code);
        expect(await ps(root)).toEqual([]);
        rmSync(join(root.dir, "pid"));
      }
    } finally {
      await root.dispose();
    }
  }, 30_000);

for (const start of [
  ["n", "api", "-d"],
  ["up", "n:api", "-d"],
  ["up", "n:api"],
])
  test(`dt ${start.join(" ")} waits for a need that is started again before it was up`, async () => {
    const root = rootOf(`
      db: { kind: "managed", run: "echo $$ >> runs; exec sleep 1000", ready: { exec: ["test", "-e", "go"], timeout: "20s" } },
      api: { kind: "managed", run: ["sleep", "1000"], needs: ["n:db"] },`);
    const runsOf = () => (existsSync(join(root.dir, "runs")) ? root.read("runs").split("\n").length - 1 : 0);
    try {
      const starting = root.spawn(start);
      await until("the need runs", () => runsOf() === 1);
      const again = root.spawn(["n", "db", "-d"]);
      await until("it runs anew", () => runsOf() === 2);
      root.write("go", "");
      expect(await again.exited).toBe(0);
      await until("api runs", async () => (await psOf(root, "n:api:default"))?.state === "running");
      if (start.includes("-d")) expect(await starting.exited).toBe(0);
      const [api, db] = await ps(root);
      expect([api?.state, db?.state, db?.pid]).toEqual(["running", "ready", Number(root.read("runs").split("\n")[1])]);
      expect((await root.dt(["down"])).code).toBe(0);
      await starting.exited;
    } finally {
      await root.dispose();
    }
  }, 30_000);

const STARTING = `
  slow: { kind: "managed", run: "echo $$ >> runs; exec sleep 1000", ready: { exec: ["test", "-e", "go"], timeout: "60s" } },
  top: { kind: "managed", run: ["sleep", "1000"], needs: ["n:slow"] },`;

test.skipIf(process.platform !== "linux")(
  "one signal ends the wait for a launch that another dt is starting, and that start goes on",
  async () => {
    const root = rootOf(STARTING);
    try {
      await root.dt(["n", "slow", "-d", "--no-wait"]);
      for (const [words, signal] of [
        [["up", "n:top"], "SIGINT"],
        [["up", "n:top"], "SIGTERM"],
        [["up", "n:slow"], "SIGHUP"],
        [["up", "n:slow", "-d"], "SIGINT"],
        [["n", "slow", "-d", "--ensure"], "SIGINT"],
        [["n", "slow", "--ensure"], "SIGTERM"],
        [["n", "top", "-d"], "SIGTERM"],
      ] as const) {
        const waiting = root.spawn([...words]);
        await until("it listens", () => hears(waiting.pid, signal));
        waiting.kill(signal);
        await until(`${signal} ends ${words.join(" ")}`, () => !runs(waiting.pid));
        await waiting.exited;
        expect(waiting.exitCode).not.toBe(0);
      }
      expect(await psOf(root, "n:slow:default")).toMatchObject({ state: "starting" });
      expect(root.read("runs").split("\n").length - 1).toBe(1);
    } finally {
      await root.dispose();
    }
  },
  60_000,
);

test("Ctrl-C ends a need that is being started; SIGTERM to the dt that waits for it leaves it", async () => {
  const root = rootOf(STARTING);
  try {
    for (const [signal, code, state] of [
      ["SIGTERM", 143, "starting"],
      ["SIGINT", 130, undefined],
    ] as const) {
      const waiting = root.spawn(["n", "top", "-d"]);
      await until("the need is being started", async () => (await psOf(root, "n:slow:default"))?.state === "starting");
      waiting.kill(signal);
      expect(await waiting.exited).toBe(code);
      const rows = await ps(root);
      expect(rows.map((one) => one.state)).toEqual(state === undefined ? [] : [state]);
      await root.dt(["stop", "--all"]);
    }
  } finally {
    await root.dispose();
  }
}, 30_000);

test.skipIf(process.platform !== "linux")(
  "a starting launch whose host is stopped is reported as unhealthy, not waited for",
  async () => {
    const root = rootOf(STARTING);
    try {
      await root.dt(["n", "slow", "-d", "--no-wait"]);
      const host = (await psOf(root, "n:slow:default"))?.host?.pid as number;
      process.kill(host, "SIGSTOP");
      const all = await Promise.all(
        [
          ["n", "slow", "-d", "--ensure"],
          ["up", "n:slow", "-d"],
          ["n", "top", "-d"],
        ].map((words) => root.dt(words)),
      );
      for (const { code, stderr } of all) {
        expect([1, 124]).toContain(code as number);
        expect(stderr).toContain(`its host (pid ${host}) is stopped, and so does not answer`);
      }
      process.kill(host, "SIGCONT");
    } finally {
      await root.dispose();
    }
  },
  60_000,
);

test("a restart starts the needs of the current manifest, also stopped ones; with --no-needs it does not", async () => {
  const manifest = (needs: string) => `export default { name: "n", commands: {
    api: { kind: "managed", run: ["sleep", "1000"], needs: [${needs}] },
    bad: { kind: "managed", run: "exit 3", ready: { delay: "1s" } },
    db: { kind: "managed", run: ["sleep", "1000"] },
    more: { kind: "managed", run: ["sleep", "1000"] } } };`;
  const root = TestRoot.create({ "manifests/n.ts": manifest(`"n:db"`) });
  const living = async () => (await ps(root)).filter((one) => one.pid !== null).map((one) => one.key.split(":")[1]);
  try {
    await root.dt(["n", "api", "-d"]);
    await root.dt(["stop", "n:db"]);
    expect((await root.dt(["restart", "n:api", "--no-needs"])).code).toBe(0);
    expect(await living()).toEqual(["api"]);
    root.write("manifests/n.ts", manifest(`"n:db", "n:more"`));
    const restarted = await root.dt(["restart", "n:api"]);
    expect({ code: restarted.code, said: restarted.stderr }).toMatchObject({
      code: 0,
      said: expect.stringContaining("n:api:default needs n:more:default: starting it"),
    });
    expect(await living()).toEqual(["api", "db", "more"]);
    const { pid } = (await psOf(root, "n:api:default")) ?? {};
    root.write("manifests/n.ts", manifest(`"n:bad"`));
    const failed = await root.dt(["restart", "n:api"]);
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining("it needs n:bad:default, which failed") });
    expect(await psOf(root, "n:api:default")).toMatchObject({ pid: pid as number, state: "running" });
  } finally {
    await root.dispose();
  }
}, 30_000);

test("a manifest without a name is named where a plugin is not there, and where the project is", async () => {
  const root = TestRoot.create({
    "manifests/shop.ts": 'import { definePlugin } from "@dialtone/dt"; definePlugin({ name: "web", commands: {} });',
    "manifests/api.json": '{"name":"api","commands":{"x":{"kind":"oneshot","run":"printf \'<%s>\' one # note"}}}',
    "infra/manifests/svc.yaml": "apiVersion: v1\nkind: Service\n",
  });
  try {
    const web = await root.dt(["web", "dev"]);
    expect([web.code, web.stderr]).toEqual([2, expect.stringContaining(`named "web" in ${root.dir}.`)]);
    expect(web.stderr).toContain("manifests/shop.ts: calls `definePlugin` but does not export its result");
    expect((await root.dt(["shop", "dev"])).stderr).toContain("The plugin shop could not be loaded:");
    expect((await root.dt(["-C", `${root.dir}/infra`, "api", "x", "two three"])).stdout).toBe("<one><two three>");
    expect((await root.dt(["list"])).stdout).toContain("manifests/shop.ts");
  } finally {
    await root.dispose();
  }
});
