/**
 * Stop means gone: every kind of tree; detached, in the foreground, after its host was killed, and after its host was
 * killed and then its leader, so that only notes and evidence are left. DT_TREE_ROUNDS times each (the soak).
 */
import { expect, test } from "bun:test";
import { chmodSync, existsSync } from "node:fs";
import { join } from "node:path";
import { freePort, launchRoot, printed, psOf, readLog, runs } from "../e2e/kit/launch.ts";
import { type TestRoot, until, WITHOUT_LINEAGE } from "../kit.ts";
import { tellNumbers } from "./numbers.ts";

const WAYS = ["detached", "foreground", "host killed", "host and leader killed"] as const;
type Way = (typeof WAYS)[number];

/** What each prints, and what is left of it when its leader is killed unseen. */
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

const ROUNDS = Number(process.env.DT_TREE_ROUNDS ?? 1);
const STORM = 500;

const counted = { stops: 0, processes: 0, named: 0 };

async function startBy(way: Way, root: TestRoot, args: string[] = []): Promise<ReturnType<TestRoot["spawn"]> | null> {
  if (way === "foreground") return root.spawn(["t", "dev", ...args]);
  expect((await root.dt(["t", "dev", "-d", ...args])).code).toBe(0);
  return null;
}

async function kill(pid: number): Promise<void> {
  process.kill(pid, "SIGKILL");
  await until(`pid ${pid} is gone`, () => !runs(pid));
}

/** Kills what the way says. What its host notes, it must have had the time to note: `noted` tells when it has. */
async function prepareFor(way: Way, root: TestRoot, noted: () => boolean): Promise<void> {
  if (!way.startsWith("host")) return;
  await until("the host has noted what only it can know", noted);
  const before = await psOf(root);
  await kill(before?.host?.pid as number);
  expect(await psOf(root)).toMatchObject({ state: "running", host: { alive: false } });
  if (way === "host and leader killed") await kill(before?.pid as number);
}

/** Stops, and expects that none of these is left, by exit code and by the kernel. */
async function expectGone(root: TestRoot, pids: number[]): Promise<void> {
  const stopped = await root.dt(["stop", "t", "dev"]);
  expect({ code: stopped.code, left: pids.filter(runs), stderr: stopped.code === 0 ? "" : stopped.stderr }).toEqual({
    code: 0,
    left: [],
    stderr: "",
  });
  expect(root.processes()).toEqual([]);
  expect((await psOf(root))?.pid ?? null).toBeNull();
  counted.stops++;
  counted.processes += pids.length;
}

/** The pids in the notes of the launch's host. */
function notedPids(root: TestRoot): number[] {
  try {
    const { token } = JSON.parse(root.read(".dialtone/run/t:dev:default.meta.json"));
    const { adopted } = JSON.parse(root.read(`.dialtone/run/launch/${token}.json`));
    return (adopted as { pid: number }[]).map((one) => one.pid);
  } catch {
    return [];
  }
}

for (const round of Array.from({ length: ROUNDS }, (_, at) => at + 1)) {
  const suffix = ROUNDS > 1 ? `, round ${round}` : "";

  // A process that hides is known by its lineage; where there is none, by what its host noted.
  const hiding = PROGRAMS.filter(([program]) => program.startsWith("environment"));
  const programs = [
    ...PROGRAMS.map(([program, names]) => ({ program, names, prefix: [] as string[] })),
    ...hiding.map(([program, names]) => ({ program, names, prefix: WITHOUT_LINEAGE })),
  ];
  for (const { program, names, prefix } of programs) {
    const where = prefix.length === 0 ? "" : " without a lineage";
    for (const way of WAYS) {
      test(`stop ends ${program}${where}, ${way}${suffix}`, async () => {
        const root = launchRoot(program);
        root.prefix = prefix;
        try {
          const shown = await startBy(way, root);
          const pids = await until("all processes are there", () => {
            const found = printed(readLog(root));
            return names.every((name) => found.has(name)) ? names.map((name) => found.get(name) as number) : null;
          });
          const hidden = prefix.length > 0 ? pids.slice(1) : [];
          await prepareFor(way, root, () => hidden.every((pid) => notedPids(root).includes(pid)));
          const left = way === "host and leader killed" ? pids.slice(1) : pids;
          expect(left.every(runs)).toBe(true);
          await expectGone(root, pids);
          if (shown !== null) expect(await shown.exited).toBeGreaterThan(0);
        } finally {
          await root.dispose();
        }
      }, 60_000);
    }
  }

  for (const way of WAYS) {
    test(`stop ends a storm of ${STORM} that goes on while it is stopped, ${way}${suffix}`, async () => {
      const root = launchRoot("storm");
      try {
        const shown = await startBy(way, root);
        await until(`there are ${STORM}`, () => root.processes().length > STORM, 60_000);
        await prepareFor(way, root, () => true);
        const pids = root.processes();
        await expectGone(root, pids);
        if (shown !== null) expect(await shown.exited).toBeGreaterThan(0);
      } finally {
        await root.dispose();
      }
    }, 120_000);
  }
}

/** As Debian installs it: not on PATH. */
const POSTGRES = ["15", "16", "17", "18"].map((version) => `/usr/lib/postgresql/${version}/bin`).find(existsSync);
const canBePostgres = POSTGRES !== undefined && process.getuid?.() === 0;
if (!canBePostgres && process.env.CI) throw new Error("CI must have PostgreSQL, and be root to run it as its own user");
if (!canBePostgres)
  console.warn("PostgreSQL is not tested: it is not installed, or this is not root, who may run it as another user.");

for (const way of WAYS) {
  test.skipIf(!canBePostgres)(
    `stop ends PostgreSQL with a connected client, ${way}`,
    async () => {
      const port = freePort();
      const root = launchRoot(
        "plain",
        "",
        `pg: { kind: "managed", cwd: "pg", run: ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups",
         "${POSTGRES}/postgres", "-D", "data", "-k", "/tmp", "-p", "${port}", "-c", "fsync=off"], port: ${port}, ready: { port: true }, stop: { signal: "SIGINT", timeout: "5s" } },`,
      );
      const asPostgres = (...argv: string[]) => [
        "setpriv",
        "--reuid=postgres",
        "--regid=postgres",
        "--clear-groups",
        ...argv,
      ];
      try {
        for (const open of [root.base, root.dir]) chmodSync(open, 0o755);
        root.write("pg/.keep", "");
        Bun.spawnSync(["chown", "postgres", join(root.dir, "pg")]);
        const made = Bun.spawnSync(
          asPostgres(`${POSTGRES}/initdb`, "-D", "data", "--no-sync", "--auth=trust", "-E", "UTF8", "--locale=C"),
          { cwd: join(root.dir, "pg"), env: root.env },
        );
        expect({ code: made.exitCode, stderr: made.exitCode === 0 ? "" : made.stderr.toString() }).toMatchObject({
          code: 0,
        });
        const shown = way === "foreground" ? root.spawn(["t", "pg"]) : null;
        if (shown === null) expect((await root.dt(["t", "pg", "-d"])).code).toBe(0);
        const postmaster = await until("it is ready", async () => {
          const one = await psOf(root, "t:pg:default");
          return one?.state === "ready" ? one : null;
        });
        // A client of our own: its backend is PostgreSQL's, and writes over its own environment.
        const client = Bun.spawn(
          [`${POSTGRES}/psql`, "-h", "127.0.0.1", "-p", String(port), "-U", "postgres", "-c", "select pg_sleep(1000)"],
          { env: { PATH: root.env.PATH as string, HOME: "/nonexistent" }, stdio: ["ignore", "ignore", "ignore"] },
        );
        const family = () => childrenOf(postmaster.pid as number);
        await until("its backend is there", () => family().length > 5);
        const pids = [postmaster.pid as number, ...family()];
        if (way.startsWith("host")) await kill(postmaster.host?.pid as number);
        if (way === "host and leader killed") await kill(postmaster.pid as number);
        const stopped = await root.dt(["stop", "t", "pg"]);
        expect({ code: stopped.code, left: pids.filter(runs), stderr: stopped.stderr }).toMatchObject({
          code: 0,
          left: [],
        });
        expect(await client.exited).toBeGreaterThan(0);
        if (shown !== null) expect(await shown.exited).toBe(0);
        counted.stops++;
        counted.processes += pids.length;
      } finally {
        await root.dispose();
      }
    },
    60_000,
  );
}

function childrenOf(pid: number): number[] {
  return Bun.spawnSync(["pgrep", "-P", String(pid)])
    .stdout.toString()
    .split("\n")
    .filter(Boolean)
    .map(Number);
}

test("a process cleared after the host was killed, still below its parent, is found by its descent", async () => {
  const root = launchRoot("clears when told");
  try {
    expect((await root.dt(["t", "dev", "-d"])).code).toBe(0);
    const leader = await until("its traps are set", () => printed(readLog(root)).get("leader"));
    await kill((await psOf(root))?.host?.pid as number);
    process.kill(leader, "SIGUSR1");
    const deaf = await until("its child is there", () => printed(readLog(root)).get("deaf"));
    await expectGone(root, [leader, deaf]);
  } finally {
    await root.dispose();
  }
});

/** Its host is killed, and then it hides. Gives the pid of what hides. */
async function hideWithoutHost(root: TestRoot): Promise<number> {
  expect((await root.dt(["t", "dev", "-d"])).code).toBe(0);
  const before = await psOf(root);
  await until("its traps are set", () => printed(readLog(root)).has("leader"));
  await kill(before?.host?.pid as number);
  process.kill(before?.pid as number, "SIGUSR1");
  const server = await until("the one that hides has the port", () => printed(readLog(root)).get("hidden"));
  await until("it has left its parent", () => !runs(before?.pid as number));
  return server;
}

const PORT_OF_ITS_OWN = () => `port: ${freePort()}, ready: { port: true },`;

test("a process cleared after the host was killed, and gone from its parent, is known by its lineage", async () => {
  const root = launchRoot("leaves when told", PORT_OF_ITS_OWN());
  try {
    await expectGone(root, [await hideWithoutHost(root)]);
  } finally {
    await root.dispose();
  }
});

test("without a lineage a process that still holds the port is named with exit 5, not signalled", async () => {
  const root = launchRoot("leaves when told", PORT_OF_ITS_OWN());
  root.prefix = WITHOUT_LINEAGE;
  try {
    const server = await hideWithoutHost(root);
    const stopped = await root.dt(["stop", "t", "dev", "--json"]);
    expect({ code: stopped.code, runs: runs(server) }).toEqual({ code: 5, runs: true });
    expect(stopped.stderr).toContain(`pid ${server}`);
    counted.named++;
    process.kill(server, "SIGKILL");
  } finally {
    await root.dispose();
  }
});

test("with processGroup false the leader alone gets the first signal, and the rest is ended at the timeout", async () => {
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

test("numbers", () => {
  tellNumbers(
    `${counted.stops} stops of ${counted.processes} processes, 0 survivors; ${counted.named} that hid after its host's death named with exit 5`,
  );
  expect(counted.stops).toBeGreaterThanOrEqual(ROUNDS * WAYS.length * (PROGRAMS.length + 1));
});
