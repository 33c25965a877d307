/** A stop that comes while the manifests of a start are being loaded, when the keys of the start are still unknown. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { TestRoot, until } from "../../kit.ts";
import { ps, psOf } from "../kit/launch.ts";

/**
 * The manifest is loaded on every call; when `slowly` is there, it says so by `loading` and goes on when `go` is there.
 */
function rootOf(top = ""): TestRoot {
  return TestRoot.create({
    "manifests/a.ts": `import { existsSync, writeFileSync } from "node:fs";
      void Math.random();
      ${top}
      if (existsSync("slowly")) {
        writeFileSync("loading", "");
        while (!existsSync("go")) Bun.sleepSync(10);
      }
      export default { name: "a", groups: { all: ["a:plain", "a:other"] }, commands: {
        once: { kind: "oneshot", run: "echo $$ > once; until test -e over; do sleep 0.02; done" },
        plain: { kind: "managed", run: ["sleep", "1000"] },
        other: { kind: "managed", run: ["sleep", "1000"], needs: ["a:plain"] },
      } };`,
  });
}

const startsOf = (root: TestRoot): string[] => {
  const place = join(root.run, "starts");
  return existsSync(place) ? readdirSync(place) : [];
};

/** The start's announcement is there, and its manifest is being evaluated. */
async function loading(root: TestRoot): Promise<string> {
  await until("it is being loaded", () => existsSync(join(root.dir, "loading")));
  const [name = ""] = startsOf(root);
  return join(root.run, "starts", name);
}

/** A file that was never read has no later time of access; where the file system keeps none, some time has to do. */
async function wasRead(file: string): Promise<void> {
  const deadline = performance.now() + 2000;
  while (existsSync(file) && performance.now() < deadline) {
    const { atimeMs, mtimeMs } = statSync(file);
    if (atimeMs > mtimeMs) return;
    await Bun.sleep(5);
  }
}

const CALLS = [
  { start: ["a", "plain", "-d"], stop: ["stop", "a:plain"] },
  { start: ["a", "plain"], stop: ["stop", "a", "plain"] },
  { start: ["a", "other", "-d"], stop: ["stop", "a:other"] },
  { start: ["up", "a:plain", "-d"], stop: ["stop", "a:plain"] },
  { start: ["up", "all"], stop: ["stop", "a"] },
  { start: ["up", "all", "-d"], stop: ["stop", "--all"] },
  { start: ["a", "other"], stop: ["down"] },
  { start: ["up", "a:plain"], stop: ["down", "a:plain"] },
  { start: ["restart", "a:plain"], stop: ["stop", "a:plain"] },
];

for (const { start, stop } of CALLS)
  test(`nothing runs: dt ${start.join(" ")} is called off by dt ${stop.join(" ")} while its manifests are loaded`, async () => {
    const root = rootOf();
    try {
      if (start[0] === "restart") {
        await root.dt(["a", "plain", "-d"]);
        await root.dt(["stop", "a:plain"]);
      }
      root.write("slowly", "");
      const starting = root.spawn(start);
      const announced = await loading(root);
      const stopping = root.spawn(stop);
      await Promise.race([wasRead(announced), stopping.exited]);
      expect(stopping.exitCode).toBeNull();
      root.write("go", "");
      const [said] = await Promise.all([stopping.stderr.text(), stopping.exited]);
      expect({ code: stopping.exitCode, said }).toMatchObject({ code: 0 });
      expect(said).toMatch(/its start was called off|stopped/);
      expect(said).not.toMatch(/nothing (runs|to stop)/);
      // It was called off; where the stop came a moment later, what had just been started was stopped.
      expect([130, 143, 0]).toContain(await starting.exited);
      const left = (await ps(root)).map(({ key }) => key);
      // What `other` needs is a launch of its own.
      expect(left.filter((key) => key !== "a:plain:default" || stop.includes("a:plain"))).toEqual([]);
      await until("no start is under way", () => startsOf(root).length === 0);
    } finally {
      await root.dispose();
    }
  }, 30_000);

for (const start of [
  ["a", "plain", "-d"],
  ["a", "plain"],
  ["up", "all", "-d"],
  ["up", "a:plain"],
  ["restart", "a:plain"],
])
  test(`it runs: dt ${start.join(" ")} is called off by a stop while its manifests are loaded; the stop waits for no manifest`, async () => {
    const root = rootOf();
    try {
      await root.dt(["a", "plain", "-d"]);
      root.write("slowly", "");
      const starting = root.spawn(start);
      await loading(root);
      const stopped = await root.dt(["stop", "a:plain"]);
      expect(stopped).toMatchObject({ code: 0, stderr: expect.stringContaining("a:plain:default stopped (pid ") });
      root.write("go", "");
      const [said] = await Promise.all([starting.stderr.text(), starting.exited]);
      expect({ code: starting.exitCode, said }).toMatchObject({
        code: 130,
        said: expect.stringContaining("stopped meanwhile by dt stop a:plain"),
      });
      expect(await ps(root)).toEqual([]);
      expect(startsOf(root)).toEqual([]);
    } finally {
      await root.dispose();
    }
  }, 30_000);

test("a stop waits for a start of another key, which goes on", async () => {
  const root = rootOf();
  try {
    root.write("slowly", "");
    const starting = root.spawn(["up", "a:plain", "-d"]);
    const announced = await loading(root);
    const stopping = root.spawn(["stop", "a:other"]);
    await Promise.race([wasRead(announced), stopping.exited]);
    expect(stopping.exitCode).toBeNull();
    root.write("go", "");
    expect(await stopping.stderr.text()).toContain("a:other:default is not running");
    expect(await starting.exited).toBe(0);
    expect((await ps(root)).map(({ key }) => key)).toEqual(["a:plain:default"]);
  } finally {
    await root.dispose();
  }
}, 30_000);

test("a start is called off by a stop of a key that it needs, but not by one from before the load", async () => {
  const root = rootOf();
  try {
    await root.dt(["a", "plain", "-d"]);
    await root.dt(["stop", "a:plain"]);
    expect((await root.dt(["a", "other", "-d"])).code).toBe(0);
    root.write("slowly", "");
    const starting = root.spawn(["a", "other", "-d"]);
    await loading(root);
    expect((await root.dt(["stop", "a:plain"])).stderr).toContain("a:plain:default stopped");
    root.write("go", "");
    const [said] = await Promise.all([starting.stderr.text(), starting.exited]);
    expect({ code: starting.exitCode, said }).toMatchObject({
      code: 130,
      said: expect.stringContaining("it needs a:plain:default, which was stopped meanwhile by dt stop a:plain"),
    });
  } finally {
    await root.dispose();
  }
}, 30_000);

test("no start stays announced that was killed, failed, was unknown or was a one-shot", async () => {
  const root = rootOf();
  try {
    root.write("slowly", "");
    const killed = root.spawn(["a", "plain", "-d"]);
    await loading(root);
    killed.kill("SIGKILL");
    await killed.exited;
    expect((await root.dt(["stop", "a:plain"])).stderr).toContain("a:plain:default is not running");
    expect(startsOf(root)).toEqual([]);

    root.write("go", "");
    expect((await root.dt(["a", "absent"])).code).toBe(2);
    expect(startsOf(root)).toEqual([]);

    const once = root.spawn(["a", "once"]);
    await until("the one-shot runs", () => existsSync(join(root.dir, "once")));
    expect(Number(root.read("once"))).toBe(once.pid);
    expect(startsOf(root)).toEqual([]);
    root.write("over", "");
    expect(await once.exited).toBe(0);

    root.write("manifests/a.ts", `throw new Error("broken");`);
    expect((await root.dt(["a", "plain", "-d"])).code).toBe(2);
    expect(startsOf(root)).toEqual([]);
  } finally {
    await root.dispose();
  }
}, 30_000);

test("dt down of a plugin stops what is declared since it was last loaded", async () => {
  const root = rootOf();
  try {
    root.write(
      "manifests/b.ts",
      `export default { name: "b", commands: { old: { kind: "managed", run: ["sleep", "1000"] } } };`,
    );
    await root.dt(["b", "old", "-d"]);
    await root.dt(["stop", "b:old"]);
    root.write(
      "manifests/b.ts",
      root.read("manifests/b.ts").replace("old:", `new: { kind: "managed", run: ["sleep", "1000"] }, old:`),
    );
    root.write("slowly", "");
    const starting = root.spawn(["b", "new", "-d"]);
    const announced = await loading(root);
    const stopping = root.spawn(["down", "b"]);
    await Promise.race([wasRead(announced), stopping.exited]);
    expect(stopping.exitCode).toBeNull();
    root.write("go", "");
    expect(await stopping.exited).toBe(0);
    expect([130, 0]).toContain(await starting.exited);
    expect(await ps(root)).toEqual([]);
  } finally {
    await root.dispose();
  }
}, 30_000);

test("a start that loads longer than a stop waits is called off all the same", async () => {
  const root = rootOf();
  const lock = join(root.dir, ".dialtone/cache/loading.lock");
  try {
    await root.dt(["list"]);
    // Another process's load has the turn.
    const other = Bun.spawn(["flock", lock, "sh", "-c", "touch held; until test -e free; do sleep 0.1; done"], {
      cwd: root.dir,
    });
    await until("the turn is taken", () => existsSync(join(root.dir, "held")));
    root.write("manifests/b.json", `{"name": "b", "commands": {}}`);
    const starting = root.spawn(["a", "plain", "-d"]);
    await until("it is announced", () => startsOf(root).length > 0);
    const stopped = await root.dt(["stop", "a:plain"], { timeoutMs: 40_000 });
    root.write("free", "");
    await other.exited;
    expect(stopped.stderr).toContain("waiting for dt a plain -d (pid ");
    expect(stopped.stderr).toContain("manifests are still being loaded");
    expect(stopped.code).toBe(0);
    expect(await starting.exited).toBe(130);
    expect(await ps(root)).toEqual([]);
  } finally {
    root.write("free", "");
    await root.dispose();
  }
}, 60_000);

test("dt watch and a dry run are not announced, and a start that cannot be announced runs all the same", async () => {
  const root = rootOf();
  try {
    root.write(
      "manifests/a.ts",
      root.read("manifests/a.ts").replace("groups:", `watch: [{ paths: ["src"], run: "a:once" }], groups:`),
    );
    expect((await root.dt(["--dry-run", "a", "plain"])).code).toBe(0);
    expect(existsSync(join(root.run, "starts"))).toBe(false);
    const watching = root.spawn(["watch"]);
    await until(
      "it watches",
      () => existsSync(join(root.run, "watch")) || existsSync(join(root.run, "jobs")) || root.processes().length > 0,
    );
    root.write("slowly", "");
    root.write("go", "");
    root.write("manifests/a.ts", `${root.read("manifests/a.ts")}\n`);
    await until("it was loaded again", () => existsSync(join(root.dir, "loading")));
    const began = performance.now();
    expect((await root.dt(["stop", "a:plain"])).stderr).toContain("a:plain:default is not running");
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(startsOf(root)).toEqual([]);
    watching.kill("SIGINT");
    await watching.exited;

    rmSync(join(root.dir, ".dialtone/run"), { recursive: true, force: true });
    root.write(".dialtone/run", "in the way");
    root.write("over", "");
    expect((await root.dt(["a", "once"])).code).toBe(0);
    rmSync(join(root.dir, ".dialtone/run"));
  } finally {
    await root.dispose();
  }
}, 30_000);

test("a manifest that runs dt stop while it is loaded does not wait for itself", async () => {
  const root = rootOf(
    `import { spawnSync } from "node:child_process"; spawnSync("dt", ["stop", "a:plain"], { stdio: "ignore" });`,
  );
  try {
    const began = performance.now();
    expect((await root.dt(["a", "plain", "-d"])).code).toBe(0);
    // It would be killed after 5 s otherwise.
    expect(performance.now() - began).toBeLessThan(5000);
    expect(await psOf(root, "a:plain:default")).toMatchObject({ state: "running" });
  } finally {
    await root.dispose();
  }
}, 30_000);
