/**
 * What a stop must leave alone: a launch inside the launch, spared servers, and a process that says it belongs to
 * another launch.
 */
import { expect, test } from "bun:test";
import { launchRoot, psOf, runs } from "../e2e/kit/launch.ts";
import { until } from "../kit.ts";

const pidOf = (pattern: string) => {
  const pid = Number(Bun.spawnSync(["pgrep", "-n", "-f", pattern]).stdout.toString().trim());
  return pid > 0 && runs(pid) ? pid : null;
};

test("a spared process and a launch inside the launch are left alone", async () => {
  const root = launchRoot(
    "plain",
    "",
    `outer: { kind: "managed", run: "dt t inner -d; cp /bin/sleep ./keeper; setsid ./keeper 300 & exec sleep 1000", stop: { timeout: "300ms", spare: ["keeper"] } },
     inner: { kind: "managed", run: ["sleep", "1000"] },`,
  );
  try {
    await root.dt(["t", "outer", "-d"]);
    const inner = await until("inner runs", async () => {
      const one = await psOf(root, "t:inner:default");
      return one?.state === "running" ? one : null;
    });
    const keeper = await until("keeper runs", () => pidOf("^./keeper 300"));
    const stopped = await root.dt(["stop", "t", "outer"]);
    expect(stopped.code).toBe(0);
    expect([runs(keeper), runs(inner.pid as number), runs(inner.host?.pid as number)]).toEqual([true, true, true]);
    expect(await psOf(root, "t:inner:default")).toMatchObject({ state: "running", host: { alive: true } });
    process.kill(keeper, "SIGKILL");
  } finally {
    await root.dispose();
  }
});

test("a launch in the foreground within a launch is not signalled, and stays listed", async () => {
  const root = launchRoot(
    "plain",
    "",
    `outer: { kind: "managed", run: ["sh", "-c", "dt t inner & exec sleep 1000"], stop: { timeout: "300ms" } },
     inner: { kind: "managed", run: ["sleep", "1000"] },`,
  );
  try {
    await root.dt(["t", "outer", "-d"]);
    const inner = await until("inner runs", async () => {
      const one = await psOf(root, "t:inner:default");
      return one?.state === "running" ? one : null;
    });
    expect((await root.dt(["stop", "t", "outer"])).code).toBe(0);
    expect([runs(inner.pid as number), runs(inner.host?.pid as number)]).toEqual([true, true]);
    expect(await psOf(root, "t:inner:default")).toMatchObject({
      state: "running",
      pid: inner.pid,
      host: { alive: true },
    });
  } finally {
    await root.dispose();
  }
});

test("a child that carries another launch's token is untouched by a stop of its parent's launch, and ended by the other's", async () => {
  const root = launchRoot(
    "plain",
    "",
    `other: { kind: "managed", run: ["sleep", "1000"] },
     maker: { kind: "managed", run: ["sh", "-c", 'DIALTONE_TOKEN="$OTHER" setsid sleep 4321 & exec sleep 1000'], stop: { timeout: "300ms" } },`,
  );
  try {
    await root.dt(["t", "other", "-d"]);
    const { token } = JSON.parse(root.read(".dialtone/run/t:other:default.meta.json"));
    await root.dt(["t", "maker", "-d"], { env: { OTHER: token } });
    const carrier = await until("the carrier runs", () =>
      root.processes().find((pid) => pid === pidOf("^sleep 4321$")),
    );
    expect((await root.dt(["stop", "t", "maker"])).code).toBe(0);
    expect(runs(carrier)).toBe(true);
    expect((await root.dt(["stop", "t", "other"])).code).toBe(0);
    expect(runs(carrier)).toBe(false);
  } finally {
    await root.dispose();
  }
});
