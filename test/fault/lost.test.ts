/** What is on disk about a launch is taken away while it lives: nothing is lost that still has a process. */
import { expect, test } from "bun:test";
import { cpSync, existsSync, readdirSync, renameSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { freePort, launchRoot, type Ps, ps, psOf, readLog, runs } from "../e2e/kit/launch.ts";
import { type TestRoot, until, within } from "../kit.ts";

const RECORD = ".dialtone/run/t:dev:default.meta.json";

function takeAway(root: TestRoot): void {
  rmSync(join(root.dir, ".dialtone"), { recursive: true, force: true });
}

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}

test("a launch whose run directory was removed is listed again, stopped whole, and its port is free", async () => {
  const port = freePort();
  const root = launchRoot("server", `port: ${port}, ready: { http: "/" },`);
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const before = await psOf(root);
    takeAway(root);
    const again = await until("it is listed again", () => psOf(root));
    expect(again).toMatchObject({
      state: "ready",
      pid: before?.pid as number,
      ports: [port],
      host: before?.host as never,
    });
    expect(JSON.parse(root.read(".dialtone/run/t:dev:default.want.json"))).toMatchObject({ want: "run" });
    expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
    expect([runs(before?.pid as number), isFree(port), existsSync(join(root.dir, RECORD))]).toEqual([
      false,
      true,
      false,
    ]);
    await until("its host has left", () => root.processes().length === 0);
    expect(existsSync(join(root.dir, RECORD))).toBe(false);
  });
});

/** Holds a host still while something happens that it would otherwise see in half a second. */
async function behindItsBack(host: number, body: () => Promise<void>): Promise<void> {
  process.kill(host, "SIGSTOP");
  try {
    await body();
  } finally {
    process.kill(host, "SIGCONT");
  }
}

test("a rerun before a lost record is back ends the unlisted launch, and leaves one", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const first = await psOf(root);
    await behindItsBack(first?.host?.pid as number, async () => {
      takeAway(root);
      expect((await root.dt(["t", "dev", "-d"])).code).toBe(0);
    });
    const second = await psOf(root);
    expect(second?.pid).not.toBe(first?.pid as number);
    await until(
      "the first is gone, with its host",
      () => !runs(first?.pid as number) && !runs(first?.host?.pid as number),
    );
    expect(await ps(root)).toMatchObject([{ state: "running", pid: second?.pid as number, host: { alive: true } }]);
    expect(root.processes().sort()).toEqual([second?.pid, second?.host?.pid].sort() as number[]);
  });
});

for (const what of ["its record", "its whole directory"])
  test(`after an older copy of ${what} is put back, by a backup or a branch, the launch runs on and is listed again`, async () => {
    const root = launchRoot("plain");
    await within(root, async () => {
      const place = join(root.dir, what === "its record" ? RECORD : ".dialtone");
      await root.dt(["t", "dev", "-d"]);
      cpSync(place, join(root.base, "older"), { recursive: true });
      await root.dt(["t", "dev", "-d"]);
      const second = await psOf(root);
      rmSync(place, { recursive: true });
      cpSync(join(root.base, "older"), place, { recursive: true });
      const again = await until("it is listed again", async () => {
        const one = await psOf(root);
        return one?.state === "running" ? one : null;
      });
      expect(again).toMatchObject({
        pid: second?.pid as number,
        host: { pid: second?.host?.pid as number, alive: true },
      });
      expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
      expect(runs(second?.pid as number)).toBe(false);
    });
  });

for (const [start, isAnew] of [
  [["t", "dev", "-d"], false],
  [["up", "t:dev", "-d"], false],
  [["up", "t:dev", "-d"], true],
] as const)
  test(`the record of before a restart, and of a stop, is put back (dt ${start.join(" ")}${isAnew ? ", in a directory made again" : ""}): the launch runs on, by its policy too`, async () => {
    const root = launchRoot("plain", `restart: { policy: "always", delay: "100ms" }`);
    await within(root, async () => {
      const older = join(root.base, "older");
      await root.dt([...start]);
      cpSync(root.run, older, { recursive: true });
      await root.dt(["stop", "t", "dev"]);
      cpSync(join(root.run, "t:dev:default.want.json"), join(older, "t:dev:default.want.json"));
      await root.dt([...start]);
      cpSync(join(root.run, RECORD.split("/").at(-1) as string), join(older, "t:dev:default.meta.json"));
      await root.dt(["restart", "t", "dev"]);
      const second = await psOf(root);
      if (isAnew) rmSync(root.run, { recursive: true });
      cpSync(older, root.run, { recursive: true });
      const again = await until("it is listed again", async () => {
        const one = await psOf(root);
        return one?.state === "running" && one.pid === second?.pid ? one : null;
      });
      expect(again.host).toEqual({ pid: second?.host?.pid as number, alive: true });
      process.kill(again.pid as number, "SIGKILL");
      await until("it is started again", async () => {
        const one = await psOf(root);
        return one?.state === "running" && one.pid !== again.pid ? one : null;
      });
    });
  });

test("a policy goes on although what was last wanted of its launch is lost, damaged or older", async () => {
  const root = launchRoot("plain", `restart: { policy: "always", delay: "100ms" }`);
  await within(root, async () => {
    const want = ".dialtone/run/t:dev:default.want.json";
    await root.dt(["t", "dev", "-d"]);
    await root.dt(["stop", "t", "dev"]);
    const stopped = root.read(want);
    await root.dt(["t", "dev", "-d"]);
    for (const change of [
      () => rmSync(join(root.dir, want)),
      () => root.write(want, "{"),
      () => root.write(want, stopped),
    ]) {
      change();
      const before = await psOf(root);
      process.kill(before?.pid as number, "SIGKILL");
      await until("it is started again", async () => {
        const one = await psOf(root);
        return one?.state === "running" && one.pid !== before?.pid ? one : null;
      });
    }
    expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
    // Without a host nothing can start it again.
    await until("its host has ended", () => root.processes().length === 0);
    expect(await psOf(root)).toMatchObject({ state: "stopped", pid: null });
  });
});

test("Ctrl-C in the foreground ends a launch whose record was just removed", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    const shown = root.spawn(["t", "dev"]);
    const pid = await until("it runs", async () => (await psOf(root))?.pid);
    await until("it printed", () => readLog(root).includes("plain"));
    takeAway(root);
    shown.kill("SIGINT");
    expect(await shown.exited).toBe(130);
    expect(runs(pid)).toBe(false);
    expect(await psOf(root)).toMatchObject({ state: "stopped" });
  });
});

test("when a leader ends right after its record was removed, its tree is ended and its exit written", async () => {
  const root = launchRoot("background child");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    await until("both printed", () => /child \d+/.test(readLog(root)) && /leader \d+/.test(readLog(root)));
    const child = Number(/child (\d+)/.exec(readLog(root))?.[1]);
    const leader = (await psOf(root))?.pid as number;
    takeAway(root);
    process.kill(leader, "SIGKILL");
    await until("its child is swept", () => !runs(child));
    const one = await until("its exit is told", () => psOf(root));
    expect(one).toMatchObject({ state: "failed", exit: { signal: "SIGKILL", reason: "failed" } });
  });
});

test("a record cut off while its host lives is written again, the broken one kept", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const pid = (await psOf(root))?.pid as number;
    truncateSync(join(root.dir, RECORD), 100);
    const one = await until("it is whole again", async () => {
      const shown = await psOf(root);
      return shown?.note === null ? shown : null;
    });
    expect(one).toMatchObject({ state: "running", pid });
    expect(readdirSync(root.run).filter((name) => name.endsWith(".corrupt"))).toHaveLength(1);
  });
});

test("a stop is not undone by the host of a launch whose record cannot be read, also with restart: always", async () => {
  const root = launchRoot("plain", `restart: "always",`);
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const pid = (await psOf(root))?.pid as number;
    const host = (await psOf(root))?.host?.pid as number;
    await behindItsBack(host, async () => {
      root.write(RECORD, "{");
      expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
    });
    expect(runs(pid)).toBe(false);
    await until("its host has left", () => root.processes().length === 0);
    expect(await psOf(root)).toMatchObject({ state: "stopped" });
  });
});

test("a record without a seal of a hosted launch is taken over in its place, and foreign in a copy", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const one = await psOf(root);
    await behindItsBack(one?.host?.pid as number, async () => {
      root.write(RECORD, JSON.stringify({ ...JSON.parse(root.read(RECORD)), seal: undefined }));
      expect(await psOf(root)).toMatchObject({ state: "running", pid: one?.pid as number, note: null });
      const copy = join(root.base, "copy");
      cpSync(root.dir, copy, { recursive: true });
      const there = JSON.parse((await root.dt(["ps", "--json"], { cwd: copy })).stdout);
      expect(there).toMatchObject([{ key: "t:dev:default", state: "foreign", pid: null }]);
      const stopped = await root.dt(["stop", "--all"], { cwd: copy });
      expect([stopped.code, stopped.stderr]).toEqual([0, expect.stringContaining("is foreign (")]);
      expect(runs(one?.pid as number)).toBe(true);
    });
    expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
    expect(runs(one?.pid as number)).toBe(false);
    expect(readdirSync(root.run).filter((name) => name.endsWith(".corrupt"))).toEqual([]);
  });
});

test("launches in a moved folder are listed, read, restarted and stopped where the folder is now", async () => {
  const root = launchRoot("plain", "", `two: { kind: "managed", run: ["sleep", "1000"] },`);
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    await root.dt(["t", "two", "-d"]);
    await until("it printed", () => readLog(root).includes("plain"));
    const before = await ps(root);
    const moved = join(root.base, "moved");
    renameSync(root.dir, moved);
    const dt = (...words: string[]) => root.dt(words, { cwd: moved });
    const shown = async () => JSON.parse((await dt("ps", "--json")).stdout) as Ps[];
    try {
      expect((await shown()).map(({ key, state, pid }) => ({ key, state, pid }))).toEqual(
        before.map(({ key, pid }) => ({ key, state: "running", pid })),
      );
      expect((await dt("logs", "t", "dev")).stdout).toContain("plain");
      for (const words of [
        ["t", "dev", "-d", "--ensure"],
        ["up", "t:dev", "-d"],
      ])
        expect(await dt(...words, "--json")).toMatchObject({
          code: 0,
          stdout: expect.stringContaining(`"pid":${before[0]?.pid},`),
        });
      expect((await dt("restart", "t", "two")).code).toBe(0);
      const [dev, two] = await shown();
      expect([dev?.pid, runs(before[1]?.pid as number), two?.state]).toEqual([before[0]?.pid, false, "running"]);
      expect((await dt("stop", "--all")).code).toBe(0);
      expect([dev, two].map((one) => runs(one?.pid as number))).toEqual([false, false]);
      expect(existsSync(root.dir)).toBe(false); // and no process made it again
      await until("no host is left", () => root.processes().length === 0);
    } finally {
      renameSync(moved, root.dir);
    }
  });
});
