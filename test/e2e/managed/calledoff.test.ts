/**
 * A stop that comes while a start is under way: nothing starts afterwards, and both the stop and the start report it.
 */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { TestRoot, until } from "../../kit.ts";
import { idleSocketsOf, ps, psOf, runs, socketsOf } from "../kit/launch.ts";

/** What is slow goes on when the file `go` is there, and says by a file that it has begun. */
const SLOW = `run: "echo $$ > begun; until test -e go; do sleep 0.02; done; echo done > ended"`;

function rootOf(): TestRoot {
  return TestRoot.create({
    "manifests/a.ts": `export default { name: "a", groups: { all: ["a:api", "a:web"] }, commands: {
      slow: { kind: "oneshot", ${SLOW} },
      seed: { kind: "oneshot", run: "echo seeded > seeded", needs: ["a:slow"] },
      api: { kind: "managed", run: ["sleep", "1000"], before: ["a:slow"] },
      web: { kind: "managed", run: ["sleep", "1000"], needs: ["a:seed"] },
      db: { kind: "managed", run: "echo $$ > begun; exec sleep 1000", ready: { exec: ["test", "-e", "go"], timeout: "20s" } },
      app: { kind: "managed", run: ["sleep", "1000"], needs: ["a:db"] },
      plain: { kind: "managed", run: ["sleep", "1000"] },
      other: { kind: "managed", run: ["sleep", "1000"] },
      needy: { kind: "managed", run: ["sleep", "1000"], needs: ["a:plain"] },
    } };`,
  });
}

const startsOf = (root: TestRoot): string[] => {
  const place = join(root.run, "starts");
  return existsSync(place) ? readdirSync(place) : [];
};

/** The process that the start waits in. */
const holderOf = (root: TestRoot, file: string): number =>
  (JSON.parse(root.read(`.dialtone/run/starts/${file}`)) as { holder: { pid: number } }).holder.pid;

const begun = (root: TestRoot) => until("the slow one runs", () => existsSync(join(root.dir, "begun")));

interface Call {
  start: string[];
  stop: string[];
  key: string;
}

const CALLS: Call[] = [
  { start: ["a", "api", "-d"], stop: ["stop", "a:api"], key: "a:api" },
  { start: ["a", "api"], stop: ["down"], key: "a:api" },
  { start: ["up", "a:api", "-d"], stop: ["stop", "--all"], key: "a:api" },
  { start: ["up", "a:api"], stop: ["stop", "a"], key: "a:api" },
  { start: ["up", "all", "-d"], stop: ["stop", "all"], key: "a:web" },
  { start: ["a", "web", "-d"], stop: ["stop", "a", "web"], key: "a:web" },
  { start: ["a", "web"], stop: ["down", "all"], key: "a:web" },
  { start: ["up", "a:web", "-d"], stop: ["down", "a"], key: "a:web" },
  { start: ["a", "app", "-d"], stop: ["stop", "a:app"], key: "a:app" },
  { start: ["up", "a:app", "-d"], stop: ["stop", "a:app"], key: "a:app" },
  { start: ["a", "app", "-d"], stop: ["stop", "a:db"], key: "a:app" },
  { start: ["up", "a:app", "-d"], stop: ["down"], key: "a:app" },
];

for (const { start, stop, key } of CALLS)
  test(`dt ${start.join(" ")} is called off by dt ${stop.join(" ")} while it waits`, async () => {
    const root = rootOf();
    try {
      const starting = root.spawn(start);
      await begun(root);
      const stopped = await root.dt(stop);
      expect(stopped.code).toBe(0);
      if (stop.at(-1) !== "a:db")
        expect(stopped.stderr).toMatch(new RegExp(`${key}:default.*its start was called off`));
      root.write("go", "");
      const [said] = await Promise.all([starting.stderr.text(), starting.exited]);
      expect({ code: starting.exitCode, said }).toMatchObject({
        code: 130,
        said: expect.stringContaining("was not started: "),
      });
      expect(said).toContain(`stopped meanwhile by dt ${stop.join(" ")}`);
      expect(said).not.toContain("failed");
      const left = (await ps(root)).map((one) => one.key);
      // The need is a launch of its own, which was not stopped.
      expect(left.filter((one) => one !== "a:db:default")).toEqual([]);
      expect([existsSync(join(root.dir, "ended")), existsSync(join(root.dir, "seeded"))]).toEqual([false, false]);
      await until("no start is under way", () => startsOf(root).length === 0);
      expect((await psOf(root, `${key}:default`))?.state ?? "stopped").toBe("stopped");
    } finally {
      await root.dispose();
    }
  }, 30_000);

test("with --json both start and stop report the call-off; a later start is not called off by an earlier stop", async () => {
  const root = rootOf();
  try {
    const starting = root.spawn(["a", "api", "-d", "--json"]);
    await begun(root);
    expect((await root.dt(["why", "a:api"])).stdout).toContain(
      "A start of it is under way, asked for by dt a api -d --json",
    );
    const stopped = await root.dt(["stop", "a:api", "--json"]);
    expect(JSON.parse(stopped.stdout)).toEqual([{ key: "a:api:default", stopped: true, result: "called-off" }]);
    expect(JSON.parse(await starting.stdout.text())).toMatchObject({ error: { code: "called-off", status: 130 } });
    root.write("go", "");
    expect((await root.dt(["a", "api", "-d"])).code).toBe(0);
    expect((await ps(root)).map((one) => one.key)).toEqual(["a:api:default"]);
  } finally {
    await root.dispose();
  }
});

test("a stop ends the old launch and calls off the rerun that waits beside it", async () => {
  const root = rootOf();
  try {
    root.write("go", "");
    await root.dt(["a", "api", "-d"]);
    await root.dt(["--", "a", "slow"]);
    for (const name of ["go", "begun", "ended"]) rmSync(join(root.dir, name));
    const rerun = root.spawn(["a", "api", "-d"]);
    await begun(root);
    const stopped = await root.dt(["stop", "a:api"]);
    expect(stopped.stderr).toMatch(
      /a:api:default stopped \(pid \d+\) in .*; a start of it that was under way was called off/,
    );
    root.write("go", "");
    expect(await rerun.exited).toBe(130);
    expect(await psOf(root, "a:api:default")).toMatchObject({ state: "stopped" });
  } finally {
    await root.dispose();
  }
});

test("a start whose caller was killed is called off all the same; when its host was killed too nothing starts, and a stop says so", async () => {
  const root = rootOf();
  try {
    const caller = root.spawn(["a", "api", "-d"]);
    await begun(root);
    caller.kill("SIGKILL");
    await caller.exited;
    const stopped = await root.dt(["stop", "a:api"]);
    expect(stopped.stderr).toContain("its start was called off");
    expect(runs(Number(readFileSync(join(root.dir, "begun"), "utf8")))).toBe(false);

    rmSync(join(root.dir, "begun"));
    const second = root.spawn(["a", "api", "-d"]);
    await begun(root);
    const [file = ""] = startsOf(root);
    // Its caller, as long as it lives, would ask another host.
    second.kill("SIGKILL");
    process.kill(holderOf(root, file), "SIGKILL");
    expect(await second.exited).not.toBe(0);
    const first = Number(readFileSync(join(root.dir, "begun"), "utf8"));
    root.write("go", "");
    await until("the one-shot has ended", () => !runs(first));
    expect(existsSync(join(root.dir, "ended"))).toBe(true);
    expect((await root.dt(["stop", "a:api"])).stderr).toContain("a:api:default is not running");
    expect(await ps(root)).toEqual([]);
  } finally {
    await root.dispose();
  }
});

/** A manifest that is loaded once the file `loaded` is there. */
const late = (round: string) => `import { existsSync } from "node:fs"; // ${round}
while (!existsSync(\`\${import.meta.dirname}/../loaded\`)) await new Promise((done) => setTimeout(done, 20));
export default { name: "z", commands: {} };
`;

/**
 * A start of `needy`, and the host of what it needs, stopped after it greeted the caller and before it has read what to
 * start. The caller is stopped once it has named that host.
 */
async function startHeld(
  root: TestRoot,
  round: string,
): Promise<{ starting: ReturnType<TestRoot["spawn"]>; host: number }> {
  const host = (await psOf(root, "a:other:default"))?.host?.pid as number;
  for (const name of ["needy", "plain"]) rmSync(join(root.run, `a:${name}:default.want.json`), { force: true });
  rmSync(join(root.dir, "loaded"), { force: true });
  root.write("manifests/z.ts", late(round));
  const idle = await idleSocketsOf(host);
  const starting = root.spawn(["a", "needy", "-d"]);
  await until("the host greets it", () => socketsOf(host) > idle);
  await until("it is announced", () => startsOf(root).length > 0);
  process.kill(host, "SIGSTOP");
  await until("the host is held", () => /^State:\tT/m.test(readFileSync(`/proc/${host}/status`, "latin1")));
  root.write("loaded", "");
  await until("the start names its host", () => {
    const [name] = startsOf(root).filter((one) => one.startsWith("a:plain:"));
    return name !== undefined && holderOf(root, name) === host;
  });
  process.kill(starting.pid, "SIGSTOP");
  return { starting, host };
}

test.skipIf(process.platform !== "linux")(
  "a need whose host has not begun yet is called off by a stop, also after its caller is gone: called off itself, or killed",
  async () => {
    const root = rootOf();
    const marked = (name: string) =>
      until("the stop has left its mark", () => existsSync(join(root.run, `a:${name}:default.want.json`)));
    try {
      await root.dt(["a", "other", "-d"]);
      for (const end of ["called off", "killed"] as const) {
        const { starting, host } = await startHeld(root, end);
        if (end === "killed") starting.kill("SIGKILL");
        else {
          const stop = root.spawn(["stop", "a:needy"]);
          await marked("needy");
          process.kill(starting.pid, "SIGCONT");
          expect(await stop.stderr.text()).toContain("its start was called off");
        }
        expect(await starting.exited).toBe(end === "killed" ? 137 : 130);
        const stopping = root.spawn(["stop", "a:plain"]);
        await Promise.race([marked("plain"), stopping.exited]);
        process.kill(host, "SIGCONT");
        expect(await stopping.stderr.text()).toContain("a:plain:default did not run yet: its start was called off");
        await until("it is over", () => !startsOf(root).some((name) => name.startsWith("a:plain:")));
        expect((await ps(root)).map(({ key }) => key)).toEqual(["a:other:default"]);
      }
    } finally {
      await root.dispose();
    }
  },
  30_000,
);

test("a start that waits for the key's lock is called off by a stop", async () => {
  const root = rootOf();
  try {
    root.write(
      "stubborn.ts",
      `process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); require("node:fs").writeFileSync("begun", "");`,
    );
    root.write(
      "manifests/b.ts",
      `export default { name: "b", commands: { x: { kind: "managed", run: ["bun", "stubborn.ts"], stop: { timeout: "1500ms" } } } };`,
    );
    await root.dt(["b", "x", "-d"]);
    await begun(root);
    const first = root.spawn(["stop", "b:x"]); // holds the lock until its SIGKILL
    await until("it is being stopped", async () => (await psOf(root, "b:x:default"))?.state === "stopping");
    const start = root.spawn(["b", "x", "-d"]);
    await until("it waits", () => startsOf(root).length > 0);
    const second = await root.dt(["stop", "b:x"]);
    expect(second.code).toBe(0);
    await Promise.all([first.exited, start.exited]);
    expect((await psOf(root, "b:x:default"))?.state).toBe("stopped");
  } finally {
    await root.dispose();
  }
}, 30_000);

test("a `before` that stops its own key's old launch calls nothing off", async () => {
  const root = TestRoot.create({});
  try {
    root.write(
      "manifests/c.ts",
      `export default { name: "c", commands: {
        clean: { kind: "oneshot", run: "dt stop c:api" },
        api: { kind: "managed", run: ["sleep", "1000"], before: ["c:clean"] } } };`,
    );
    for (const _ of [1, 2]) {
      const start = await root.dt(["c", "api", "-d"]);
      expect({ code: start.code, said: start.stderr }).toMatchObject({ code: 0 });
    }
    expect((await ps(root)).map((one) => one.state)).toEqual(["running"]);
  } finally {
    await root.dispose();
  }
});

test("a stop by what runs before one launch calls off another that waits in the same dt up, but not those that wait for it", async () => {
  const root = TestRoot.create({
    "manifests/c.ts": `export default { name: "c", groups: { two: ["c:api", "c:web"], reset: ["c:top", "c:apart"] }, commands: {
      begun: { kind: "oneshot", run: "echo $$ > begun; until test -e go; do sleep 0.02; done" },
      other: { kind: "oneshot", run: "until test -e begun; do sleep 0.02; done; dt stop c:web; echo stopped > go" },
      api: { kind: "managed", run: ["sleep", "1000"], before: ["c:other"] },
      web: { kind: "managed", run: ["sleep", "1000"], before: ["c:begun"] },
      reset: { kind: "oneshot", run: "dt stop --all" },
      base: { kind: "managed", run: ["sleep", "1000"], needs: ["c:reset"] },
      top: { kind: "managed", run: ["sleep", "1000"], needs: ["c:base"] },
      apart: { kind: "managed", run: ["sleep", "1000"], before: ["c:after"] },
      after: { kind: "oneshot", run: "true", needs: ["c:reset"] },
    } };`,
  });
  try {
    for (const flags of [["-d"], []]) {
      const starting = root.spawn(["up", "two", ...flags]);
      await until("the stop is done", () => existsSync(join(root.dir, "go")));
      await until("api runs", async () => (await psOf(root, "c:api:default"))?.state === "running");
      if (flags.length > 0) expect(await starting.exited).toBe(130);
      expect((await ps(root)).map((one) => one.key)).toEqual(["c:api:default"]);
      await root.dt(["down"]);
      await starting.exited;
      for (const name of ["go", "begun"]) rmSync(join(root.dir, name));
    }
    for (const start of [
      ["up", "reset", "-d"],
      ["c", "top", "-d"],
    ]) {
      const begun = await root.dt(start);
      expect({ code: begun.code, said: begun.stderr }).toMatchObject({ code: 0 });
    }
    expect((await ps(root)).map((one) => one.key)).toEqual(["c:base:default", "c:top:default"]);
  } finally {
    await root.dispose();
  }
}, 30_000);

test("a foreground that starts itself again, since its environment would steer it, leaves no start behind", async () => {
  const root = rootOf();
  try {
    for (const start of [
      ["a", "plain"],
      ["up", "a:plain"],
    ]) {
      const running = root.spawn(start, { env: { BUN_OPTIONS: "--smol" } });
      await until("it runs", async () => (await psOf(root, "a:plain:default"))?.state === "running");
      await until("no start is under way", () => startsOf(root).length === 0);
      const stopped = await root.dt(["stop", "a:plain"]);
      expect(stopped.stderr).not.toContain("called off");
      await running.exited;
    }
  } finally {
    await root.dispose();
  }
}, 30_000);

/** What its policy starts again waits in `before`, by a host of its own or of many. */
for (const start of [
  ["a", "again", "-d", "--no-wait"],
  ["up", "again", "-d"],
])
  test(`dt ${start.join(" ")}: a stop while its policy's restart waits for \`before\``, async () => {
    const root = TestRoot.create({
      "manifests/a.ts": `export default { name: "a", groups: { again: ["a:again", "a:other"] }, commands: {
        slow: { kind: "oneshot", run: "test ! -e slowly || { echo $$ > begun; trap '' INT; sleep 1000; }" },
        again: { kind: "managed", run: "until test -e slowly; do sleep 0.02; done; exit 1", before: ["a:slow"],
          restart: { policy: "always", delay: "100ms" } },
        other: { kind: "managed", run: ["sleep", "1000"] },
      } };`,
    });
    try {
      expect((await root.dt(start)).code).toBe(0);
      const host = (await psOf(root, "a:again:default"))?.host?.pid as number;
      root.write("slowly", "");
      await begun(root);
      const stopped = await root.dt(["stop", "a:again"]);
      expect(stopped.code).toBe(0);
      expect(runs(Number(root.read("begun")))).toBe(false);
      expect((await psOf(root, "a:again:default"))?.state).toBe("stopped");
      if (start[0] === "up")
        expect(await psOf(root, "a:other:default")).toMatchObject({
          state: "running",
          host: { pid: host, alive: true },
        });
    } finally {
      await root.dispose();
    }
  }, 30_000);

test("what a `before` leaves in the background ignoring SIGINT, as a shell makes it, is ended with it", async () => {
  const root = TestRoot.create({
    "manifests/a.ts": `export default { name: "a", commands: {
      slow: { kind: "oneshot", run: "sleep 1000 & echo $! > begun; sleep 1000" },
      api: { kind: "managed", run: ["sleep", "1000"], before: ["a:slow"] },
    } };`,
  });
  try {
    const starting = root.spawn(["a", "api", "-d"]);
    await begun(root);
    expect((await root.dt(["stop", "a:api"])).code).toBe(0);
    expect(await starting.exited).toBe(130);
    expect(runs(Number(root.read("begun")))).toBe(false);
  } finally {
    await root.dispose();
  }
}, 30_000);

test("dt up ended by Ctrl-C leaves no start behind of launches that waited for their turn", async () => {
  const root = rootOf();
  try {
    const up = root.spawn(["up", "a:web", "a:app"]);
    await begun(root);
    expect(startsOf(root).length).toBeGreaterThan(0);
    up.kill("SIGINT");
    expect(await up.exited).toBe(130);
    expect(startsOf(root)).toEqual([]);
  } finally {
    await root.dispose();
  }
});
