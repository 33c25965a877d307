/**
 * What ended is taken off the list: by `dt clear`, which forgets it, and by `dt stop`, which says that it had ended.
 */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { TestRoot, until } from "../../kit.ts";
import { ps, psOf, runs } from "../kit/launch.ts";

async function rootWithEnds(): Promise<TestRoot> {
  const root = TestRoot.create({
    "manifests/a.ts": `export default { name: "a", groups: { g: ["a:bad", "a:on"] }, commands: {
      bad: { kind: "managed", run: "echo said; exit 3" },
      gone: { kind: "managed", run: "exit 5" },
      good: { kind: "managed", run: "exit 0" },
      task: { kind: "oneshot", run: "exit 4", capture: true },
      on: { kind: "managed", run: ["sleep", "1000"] },
    } };`,
  });
  await root.dt(["up", "a:bad", "a:gone", "a:good", "a:on", "-d"]);
  await root.dt(["a", "task"]);
  expect((await ps(root)).map(({ key, state }) => `${key} ${state}`)).toEqual([
    "a:bad:default failed",
    "a:gone:default failed",
    "a:on:default running",
    "a:task:default failed",
  ]);
  return root;
}

test("`dt clear` forgets launches that ended, all or named; living ones and all logs stay", async () => {
  const root = await rootWithEnds();
  try {
    expect(JSON.parse((await root.dt(["clear", "a:gone", "--json"])).stdout)).toEqual([
      { key: "a:gone:default", state: "failed", cleared: true },
    ]);
    const living = await root.dt(["clear", "a:on"]);
    expect(living).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("a:on:default is running: only what has ended"),
    });
    expect((await root.dt(["clear", "g"])).code).toBe(0);
    expect((await ps(root, "--all")).map(({ key }) => key)).toEqual([
      "a:good:default",
      "a:on:default",
      "a:task:default",
    ]);
    expect((await root.dt(["--dry-run", "clear"])).stdout).toBe("clear    a:good:default\nclear    a:task:default\n");
    const rest = await root.dt(["clear"]);
    expect(rest).toMatchObject({ code: 0, stderr: "dt: a:good:default cleared\ndt: a:task:default cleared\n" });
    expect((await ps(root, "--all")).map(({ key, state }) => `${key} ${state}`)).toEqual(["a:on:default running"]);
    expect((await root.dt(["logs", "a:bad"])).stdout).toContain("said");
    expect((await root.dt(["clear"])).stderr).toContain("nothing has ended here");
  } finally {
    await root.dispose();
  }
}, 30_000);

test("`dt stop` says that a launch had ended, and takes it off the list; `why` still explains it", async () => {
  const root = await rootWithEnds();
  try {
    const bad = await root.dt(["stop", "a:bad"]);
    expect(bad.code).toBe(0);
    expect(bad.stderr).toMatch(/^dt: a:bad:default had already ended: it failed with code 3 after /);
    expect(await psOf(root, "a:bad:default")).toMatchObject({ state: "stopped", exit: { code: 3, reason: "failed" } });
    expect((await root.dt(["why", "a:bad"])).stdout).toMatch(/failed with code 3[\s\S]*taken off the list/);
    expect((await root.dt(["stop", "a:good"])).stderr).toContain("had already ended: it exited with code 0");
    expect(JSON.parse((await root.dt(["stop", "a:task", "--json"])).stdout)).toMatchObject([
      { key: "a:task:default", stopped: false, result: "ended" },
    ]);
    const all = await root.dt(["stop", "--all"]);
    expect(all.stderr).toContain("a:gone:default had already ended: it failed with code 5");
    expect(await ps(root)).toEqual([]);
    expect((await root.dt(["stop", "a:bad"])).stderr).toBe("dt: a:bad:default is not running\n");
  } finally {
    await root.dispose();
  }
}, 30_000);

test("of a launch that ended unseen no pid is named, since another process may have it; what it left is ended", async () => {
  const root = TestRoot.create({
    "manifests/a.ts": `export default { name: "a", commands: {
      x: { kind: "managed", run: ["sleep", "1000"] },
      y: { kind: "managed", run: "sleep 1000 & echo $! > child; wait" } } };`,
  });
  try {
    for (const name of ["x", "y"]) {
      await root.dt(["a", name, "-d"]);
      const one = await until("it runs", () => psOf(root, `a:${name}:default`));
      if (name === "y") await until("its child runs", () => existsSync(join(root.dir, "child")));
      process.kill(one.host?.pid as number, "SIGKILL");
      process.kill(one.pid as number, "SIGKILL");
      await until("both are gone", () => !runs(one.pid as number) && !runs(one.host?.pid as number));
      if (name === "y") {
        const child = Number(root.read("child"));
        expect(await psOf(root, "a:y:default")).toMatchObject({ pid: child });
        expect((await root.dt(["clear", "a:y"])).code).toBe(1);
        expect(runs(child)).toBe(true);
      }
      const stopped = await root.dt(["stop", `a:${name}`]);
      expect(stopped.code).toBe(0);
      expect(stopped.stderr).not.toContain(String(one.pid));
      expect(stopped.stderr).toContain("had already ended after about");
      expect(stopped.stderr.includes("its leftovers were ended")).toBe(name === "y");
      expect(await psOf(root, `a:${name}:default`)).toMatchObject({ state: "stopped" });
    }
    expect(runs(Number(root.read("child")))).toBe(false);
  } finally {
    await root.dispose();
  }
}, 30_000);
