/**
 * What is asked of a host, or of a key, while something else is done: sweeping, waiting to start again, a restart,
 * another's change.
 */
import { expect, test } from "bun:test";
import { chmodSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { acquireLock } from "../../../src/sys/lock/lock.ts";
import { makeProcessTable } from "../../../src/sys/process/table.ts";
import type { TestRoot } from "../../kit.ts";
import { stays, until } from "../../kit.ts";
import { launchRoot, printed, ps, psOf, readLog, runs } from "../kit/launch.ts";

const CRASHES = `crash: { kind: "managed", run: "exit 3", restart: "on-failure" },`;
const KEY = "t:crash:default";

function wantOf(root: TestRoot, key: string): string {
  return (JSON.parse(root.read(`.dialtone/run/${key}.want.json`)) as { want: string }).want;
}

async function waiting(root: TestRoot): Promise<number> {
  return until("it waits", async () => {
    const one = await psOf(root, KEY);
    return one?.state === "backoff" ? (one.host?.pid ?? null) : null;
  });
}

test("Ctrl-C while the leftovers of a crashed leader are ended is not lost: the launch is not started again", async () => {
  const root = launchRoot(
    "plain",
    "",
    `messy: { kind: "managed", restart: "on-failure", stop: { timeout: "1s" },
       run: "trap '' TERM INT; sleep 1000 & echo child $!; exit 3" },`,
  );
  try {
    const host = root.spawn(["t", "messy"]);
    const line = await until("it printed", () => /child (\d+)/.exec(readLog(root, "t:messy:default")));
    await until("the leader ended", async () => (await psOf(root, "t:messy:default"))?.state === "stopping");
    expect(runs(Number(line[1]))).toBe(true);
    host.kill("SIGINT");
    expect(await host.exited).toBe(130);
    expect(runs(Number(line[1]))).toBe(false);
    expect(readLog(root, "t:messy:default").match(/child/g)).toHaveLength(1);
    expect(wantOf(root, "t:messy:default")).toBe("stopped");
  } finally {
    await root.dispose();
  }
});

test("Ctrl-C while a launch waits for its next run ends with 130, and it is no longer wanted", async () => {
  const root = launchRoot("plain", "", CRASHES);
  try {
    const host = root.spawn(["t", "crash"]);
    await waiting(root);
    host.kill("SIGINT");
    expect(await host.exited).toBe(130);
    expect(await psOf(root, KEY)).toMatchObject({ state: "stopped", exit: { code: 3, reason: "interrupted" } });
    expect(wantOf(root, KEY)).toBe("stopped");
  } finally {
    await root.dispose();
  }
});

test("a foreground that is stopped or replaced while it waits says by whom and ends with the command's code", async () => {
  const root = launchRoot("plain", "", CRASHES);
  try {
    const first = root.spawn(["t", "crash"]);
    await waiting(root);
    await root.dt(["stop", "t", "crash"]);
    expect(await first.exited).toBe(3);
    expect(await first.stderr.text()).toMatch(/stopped by dt stop t crash \(pid \d+\) while it was waiting/);
    const second = root.spawn(["t", "crash"]);
    await waiting(root);
    await root.dt(["t", "crash", "-d"]);
    expect(await second.exited).toBe(3);
    expect(await second.stderr.text()).toMatch(/replaced by dt t crash -d \(pid \d+\)/);
  } finally {
    await root.dispose();
  }
});

test("a restart that fails when the old launch is gone: the failure stays written down, and no policy revives the old one", async () => {
  // What is to be started is there when it is looked for, and gone when the old launch has ended.
  const root = launchRoot(
    "plain",
    `restart: "on-failure", run: "trap 'rm -f prog; exit 0' TERM; echo up; while :; do sleep 0.02; done",`,
  );
  try {
    const host = root.spawn(["t", "dev"]);
    await until("it listens to SIGTERM", () => readLog(root).includes("up") || null);
    chmodSync(root.write("prog", "#!/bin/sh\nsleep 1000\n"), 0o755);
    root.write(
      "manifests/t.ts",
      `export default { name: "t", commands: { dev: { kind: "managed", run: ["./prog"], restart: "on-failure" } } };`,
    );
    const restart = await root.dt(["restart", "t", "dev"]);
    expect([restart.code, restart.stderr]).toEqual([127, expect.stringContaining("prog")]);
    await host.exited;
    expect(await host.stderr.text()).not.toContain("starting it again");
    expect(await psOf(root)).toMatchObject({ state: "failed", pid: null, exit: { reason: "start-failed" } });
  } finally {
    await root.dispose();
  }
});

test("eight restarts of one launch at once all succeed, and leave one launch and no file of theirs", async () => {
  const root = launchRoot("plain");
  try {
    await root.dt(["t", "dev", "-d"]);
    const results = await Promise.all(Array.from({ length: 8 }, () => root.dt(["restart", "t", "dev"])));
    expect(results.map(({ code, stderr }) => [code, code === 0 ? "" : stderr])).toEqual(results.map(() => [0, ""]));
    expect(results.map(({ stderr }) => stderr).join("")).not.toContain("does not answer");
    expect(await ps(root)).toMatchObject([{ key: "t:dev:default", state: "running" }]);
    expect(readdirSync(root.run).filter((name) => /reply|request/.test(name))).toEqual([]);
    const vault = readdirSync(join(root.home, ".dialtone", "launches"));
    expect(vault.filter((name) => /reply|request/.test(name))).toEqual([]);
  } finally {
    await root.dispose();
  }
});

test("a stop waits for the lock of its key, also when the key has no record at that moment", async () => {
  const root = launchRoot("plain");
  try {
    await root.dt(["t", "dev", "-d"]);
    await root.dt(["stop", "t", "dev"]);
    const lock = await acquireLock({
      path: `${root.run}/t:dev:default.lock`,
      seal: root.seal,
      table: makeProcessTable(),
      doing: "start",
      command: "test",
      timeoutMs: 1000,
    });
    let isOver = false;
    const stop = root.dt(["stop", "t", "dev"]).finally(() => {
      isOver = true;
    });
    // Who waits for a lock leaves no trace. A stop that does not wait is over in a tenth of this time.
    await stays("the stop waits", () => !isOver, 300);
    lock.release();
    expect(await stop).toMatchObject({ code: 0, stderr: "dt: t:dev:default is not running\n" });
  } finally {
    await root.dispose();
  }
});

test("after a stop that was cut off without a leader, what is left is listed and ended by the next stop", async () => {
  const root = launchRoot("setsid child");
  try {
    await root.dt(["t", "dev", "-d"]);
    const pids = await until("both printed", () => {
      const found = printed(readLog(root));
      return found.has("child") ? found : null;
    });
    const one = await psOf(root);
    process.kill(one?.host?.pid as number, "SIGKILL");
    await until("the host is gone", () => !runs(one?.host?.pid as number));
    const record = JSON.parse(root.read(".dialtone/run/t:dev:default.meta.json"));
    const stopping = { by: record.startedBy, at: new Date().toISOString() };
    root.writeState(".dialtone/run/t:dev:default.meta.json", { ...record, phase: "stopping", stopping });
    process.kill(pids.get("leader") as number, "SIGKILL");
    await until("the leader is gone", () => !runs(pids.get("leader") as number));
    expect(await ps(root)).toMatchObject([{ state: "stopping", pid: pids.get("child"), exit: null }]);
    expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
    expect(runs(pids.get("child") as number)).toBe(false);
    expect(await psOf(root)).toMatchObject({ state: "stopped", pid: null });
  } finally {
    await root.dispose();
  }
});
