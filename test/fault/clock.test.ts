/**
 * The clock is set back two days while a launch runs or waits: nothing is judged by it, and no duration is negative. The
 * hosts are in the foreground, since one that others use is not preloaded with a clock.
 */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { launchRoot, leadersOf, psOf, readLog, runs } from "../e2e/kit/launch.ts";
import { type TestRoot, until } from "../kit.ts";

const FAKETIME = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
  .map((machine) => `/usr/lib/${machine}/faketime/libfaketime.so.1`)
  .find(existsSync);
if (FAKETIME === undefined && process.env.CI) throw new Error("CI must have libfaketime");
if (FAKETIME === undefined) console.warn("A clock that is set back is not tested: libfaketime is not installed.");

/** A clock of this root's own, which `setClock` changes under running processes; time since boot goes on as ever. */
function clockOf(root: TestRoot) {
  const file = join(root.base, "clock");
  const setClock = (offset: string) => root.write(file, offset);
  setClock("+2d");
  return {
    setClock,
    env: {
      LD_PRELOAD: FAKETIME as string,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    },
  };
}

interface Durations {
  uptimeMs: number;
  startedAt: string;
}

test.skipIf(FAKETIME === undefined)(
  "a launch started tomorrow is listed, explained, replaced and stopped today",
  async () => {
    const root = launchRoot("plain");
    try {
      const { env } = clockOf(root);
      root.spawn(["t", "dev"], { env });
      await until("it printed", () => readLog(root).includes("plain"));
      const shown = (await psOf(root)) as unknown as Durations & { state: string; pid: number };
      expect(shown.state).toBe("running");
      expect(Date.parse(shown.startedAt)).toBeGreaterThan(Date.now() + 86_400_000); // else the clock was not set
      expect(shown.uptimeMs).toBe(0);
      expect((await root.dt(["why", "t", "dev"])).stdout).toContain("was this machine's clock set back?");
      expect((await root.dt(["logs", "t", "dev"])).stdout).toContain("plain");
      expect((await root.dt(["t", "dev", "-d"])).code).toBe(0);
      expect(runs(shown.pid)).toBe(false);
      expect(leadersOf(root)).toHaveLength(1);
      expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
      const exit = JSON.parse(root.read(".dialtone/run/t:dev:default.exit.json"));
      expect(exit.uptimeMs).toBeGreaterThanOrEqual(0);
    } finally {
      await root.dispose();
    }
  },
);

test.skipIf(FAKETIME === undefined)(
  "a host whose clock is set back still starts again in time, and counts no negative time",
  async () => {
    const root = launchRoot(
      "plain",
      "",
      `crash: { kind: "managed", run: "echo run; [ $(grep -c run $LOG) -ge 2 ] && exec sleep 1000; exit 3", restart: "on-failure", log: "crash.log", logs: { keep: 5 }, env: { LOG: "/dev/null" } },`,
    );
    try {
      const { env, setClock } = clockOf(root);
      root.spawn(["t", "crash"], { env });
      await until(
        "it waits to be started again",
        async () => (await psOf(root, "t:crash:default"))?.state === "backoff",
      );
      const shown = (await psOf(root, "t:crash:default")) as unknown as Durations;
      expect(Date.parse(shown.startedAt)).toBeGreaterThan(Date.now() + 86_400_000);
      setClock("+0d");
      await until("it is started again", async () => ((await psOf(root, "t:crash:default"))?.restarts ?? 0) >= 2);
      expect((await root.dt(["stop", "t", "crash"])).code).toBe(0);
      const exit = JSON.parse(root.read(".dialtone/run/t:crash:default.exit.json"));
      expect(exit.uptimeMs).toBeGreaterThanOrEqual(0);
    } finally {
      await root.dispose();
    }
  },
);

test.skipIf(FAKETIME === undefined)("a lock taken tomorrow by a process that is gone is broken today", async () => {
  const root = launchRoot("plain");
  try {
    const { env } = clockOf(root);
    root.spawn(["t", "dev"], { env });
    await until("it runs", async () => (await psOf(root))?.state === "running");
    const record = JSON.parse(root.read(".dialtone/run/t:dev:default.meta.json"));
    expect(Date.parse(record.startedAt)).toBeGreaterThan(Date.now() + 86_400_000);
    process.kill(record.host.pid, "SIGKILL");
    await until("the host is gone", () => !runs(record.host.pid));
    root.writeState(".dialtone/run/t:dev:default.lock", {
      version: 1,
      holder: record.host,
      nonce: "n",
      command: "dt",
      doing: "start",
      since: record.startedAt,
      backend: "link",
    });
    expect(await root.dt(["stop", "t", "dev"], { timeoutMs: 10_000 })).toMatchObject({ code: 0 });
  } finally {
    await root.dispose();
  }
});
