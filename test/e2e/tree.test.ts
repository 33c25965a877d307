/** Stop means gone: every kind of tree, detached, in the foreground, and after its host was killed. */
import { expect, test } from "bun:test";
import { until } from "../kit.ts";
import { launchRoot, printed, psOf, readLog, runs } from "./launch.kit.ts";

const PROGRAMS: [name: string, processes: string[]][] = [
  ["plain", ["plain"]],
  ["background child", ["leader", "child"]],
  ["setsid child", ["leader", "child"]],
  ["double fork", ["leader", "child"]],
  ["ignores SIGTERM", ["leader"]],
  ["all at once", ["leader", "deaf"]],
  ["environment cleared", ["leader", "deaf"]],
  ["environment overwritten", ["leader", "deaf"]],
];

const WAYS = ["detached", "foreground", "host killed"] as const;

/** The soak does all of it again and again. */
const ROUNDS = Number(process.env.DT_TREE_ROUNDS ?? 1);

for (const [program, names] of PROGRAMS) {
  for (const [round, way] of Array.from({ length: ROUNDS }, (_, at) =>
    WAYS.map((one) => [at + 1, one] as const),
  ).flat()) {
    test(`stop ends ${program}, ${way}${ROUNDS > 1 ? `, round ${round}` : ""}`, async () => {
      const root = launchRoot(program);
      try {
        const foreground = way === "foreground" ? root.spawn(["t", "dev"]) : null;
        if (foreground === null) expect((await root.dt(["t", "dev", "-d"])).code).toBe(0);
        const pids = await until("all processes are there", () => {
          const found = printed(readLog(root));
          return names.every((name) => found.has(name)) ? names.map((name) => found.get(name) as number) : null;
        });
        if (way === "host killed") {
          const host = (await psOf(root))?.host?.pid as number;
          process.kill(host, "SIGKILL");
          await until("the host is gone", () => !runs(host));
          expect(await psOf(root)).toMatchObject({ state: "running", host: { alive: false } });
        }
        expect(pids.every(runs)).toBe(true);
        const stopped = await root.dt(["stop", "t", "dev"]);
        expect({ code: stopped.code, left: pids.filter(runs) }).toEqual({ code: 0, left: [] });
        if (foreground !== null) expect(await foreground.exited).toBeGreaterThan(0);
        expect(await psOf(root)).toMatchObject({ state: "stopped", pid: null });
      } finally {
        await root.dispose();
      }
    });
  }
}

test("a fork storm is ended while it forks", async () => {
  const root = launchRoot("storm");
  try {
    await root.dt(["t", "dev", "-d"]);
    await until("the storm blows", () => root.processes().length > 60);
    const stopped = await root.dt(["stop", "t", "dev"]);
    expect(stopped.code).toBe(0);
    expect(root.processes()).toEqual([]);
  } finally {
    await root.dispose();
  }
});

test("processGroup false: the leader alone gets the first signal, the rest is swept at the timeout", async () => {
  const root = launchRoot("background child", "processGroup: false,");
  try {
    await root.dt(["t", "dev", "-d"]);
    const child = await until("the child is there", () => printed(readLog(root)).get("child"));
    const stopped = await root.dt(["stop", "t", "dev", "--json"]);
    expect(JSON.parse(stopped.stdout)).toMatchObject([{ stopped: true, killed: 1 }]);
    expect(runs(child)).toBe(false);
  } finally {
    await root.dispose();
  }
});

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
    const keeper = await until("keeper runs", () => {
      const pid = Number(Bun.spawnSync(["pgrep", "-n", "-f", "^./keeper 300"]).stdout.toString().trim());
      return pid > 0 && runs(pid) ? pid : null;
    });
    const stopped = await root.dt(["stop", "t", "outer"]);
    expect(stopped.code).toBe(0);
    expect([runs(keeper), runs(inner.pid as number), runs(inner.host?.pid as number)]).toEqual([true, true, true]);
    expect(await psOf(root, "t:inner:default")).toMatchObject({ state: "running", host: { alive: true } });
    process.kill(keeper, "SIGKILL");
  } finally {
    await root.dispose();
  }
});
