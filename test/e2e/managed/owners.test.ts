/**
 * Launches tied to a process, and launches that are no longer wanted: owners that end in every way, roots and manifests
 * that are gone.
 */
import { expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DT, type Result, TestRoot, until } from "../../kit.ts";
import { type Ps, psOf, runs } from "../kit/launch.ts";

const KEY = "t:dev:default";

function rootOf(more = ""): TestRoot {
  return TestRoot.create({
    "manifests/t.ts": `export default { name: "t", commands: {
      dev: { kind: "managed", run: ["sleep", "1000"], restart: "always" }, ${more} } };`,
  });
}

const sleeper = () => Bun.spawn(["sleep", "1000"], { env: {}, cwd: "/", stdio: ["ignore", "ignore", "ignore"] });

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  test(`an owner that ends by ${signal} stops its launch, which is not started again, and why says so`, async () => {
    const root = rootOf();
    const owner = sleeper();
    try {
      expect((await root.dt(["t", "dev", "-d", "--owner", String(owner.pid)])).code).toBe(0);
      const before = (await psOf(root)) as Ps & { owner: object };
      expect(before).toMatchObject({ state: "running", owner: { pid: owner.pid, alive: true, command: "sleep 1000" } });
      owner.kill(signal);
      await owner.exited;
      await until("it is stopped", async () => (await psOf(root))?.state === "stopped");
      expect(runs(before.pid as number)).toBe(false);
      const why = (await root.dt(["why", "t", "dev"])).stdout;
      expect(why).toContain(`its owner has gone`);
      expect(why).toContain(`sleep 1000 (pid ${owner.pid})`);
    } finally {
      owner.kill("SIGKILL");
      await root.dispose();
    }
  });
}

test("a launch keeps its owner through a restart, and the owner's end counts while the launch waits for its next run", async () => {
  const root = rootOf(`crash: { kind: "managed", run: ["false"], restart: { policy: "always", delay: "30s" } },`);
  const owner = sleeper();
  try {
    await root.dt(["t", "dev", "-d", "--owner", String(owner.pid)]);
    await root.dt(["t", "crash", "--no-wait", "--owner", String(owner.pid)]);
    expect((await root.dt(["restart", "t", "dev"])).code).toBe(0);
    await until("it waits", async () => (await psOf(root, "t:crash:default"))?.state === "backoff");
    owner.kill("SIGKILL");
    await owner.exited;
    await until("both are over", async () => (await psOf(root))?.state === "stopped");
    await until("also the one that waited", async () => (await psOf(root, "t:crash:default"))?.state === "stopped");
  } finally {
    owner.kill("SIGKILL");
    await root.dispose();
  }
});

test("shell and agent are found above dt as owners; where there is none, and in the foreground, an owner is refused", async () => {
  const root = rootOf();
  // A program that is no shell runs a shell in a session of its own, which runs dt.
  const agent = Bun.spawn(
    [
      "perl",
      "-e",
      'system("setsid", "-w", "sh", "-c", $ARGV[0]); sleep 1000',
      `"${DT}" t dev -d --owner agent; "${DT}" ps --json > ps.json; mv ps.json agent.json; "${DT}" t dev -d --owner shell; "${DT}" ps --json > ps.json; echo $$ > pid; mv ps.json shell.json; sleep 2`,
    ],
    { cwd: root.dir, env: root.env, stdio: ["ignore", "ignore", "ignore"] },
  );
  const told = async (file: string) => {
    const text = await until(`${file} is there`, () =>
      Bun.file(join(root.dir, file)).size > 0 ? root.read(file) : null,
    );
    return (JSON.parse(text) as { owner: { pid: number } }[])[0]?.owner.pid;
  };
  try {
    expect(await told("agent.json")).toBe(agent.pid);
    expect(await told("shell.json")).toBe(Number(root.read("pid")));
    expect((await psOf(root))?.state).toBe("running");
    await until("the shell has ended, and the launch with it", async () => (await psOf(root))?.state === "stopped");
    const refused: [string[], Partial<Result>][] = [
      [["t", "dev", "-d", "--owner", "999999999"], { code: 2 }],
      [["t", "dev", "-d", "--owner", "nonsense"], { code: 2 }],
      [["t", "dev", "--owner", "agent"], { code: 2 }],
    ];
    for (const [args, result] of refused) expect(await root.dt(args)).toMatchObject(result);
  } finally {
    agent.kill("SIGKILL");
    await agent.exited;
    await root.dispose();
  }
});

test("gc lists only launches that lost their owner's host, manifest, command or root, and stops them with --yes", async () => {
  const root = rootOf(`gone: { kind: "managed", run: ["sleep", "1000"] },`);
  const make = (name: string) => {
    const dir = join(root.base, name);
    mkdirSync(join(dir, "manifests"), { recursive: true });
    writeFileSync(join(dir, "manifests/t.ts"), root.read("manifests/t.ts"));
    return dir;
  };
  const [bare, removed] = [make("bare"), make("removed")];
  const owner = sleeper();
  const listed = async (...flags: string[]) => {
    const result = await root.dt(["gc", "--json", ...flags]);
    expect(result.code).toBe(0);
    return (JSON.parse(result.stdout) as { root: string; key: string; why: string; pid: number }[]).map(
      ({ root: at, key, why }) => [at, key, why.replace(/:.*/, "")],
    );
  };
  try {
    await root.dt(["t", "dev", "-d", "--owner", String(owner.pid)]);
    await root.dt(["t", "gone", "-d"]);
    const pids = [(await psOf(root))?.pid as number, (await psOf(root, "t:gone:default"))?.pid as number];
    for (const cwd of [bare, removed]) {
      const started = await root.dt(["t", "dev", "-d", "--json"], { cwd });
      pids.push(JSON.parse(started.stdout).pid);
    }
    expect(await listed()).toEqual([]);
    process.kill((await psOf(root))?.host?.pid as number, "SIGKILL");
    owner.kill("SIGKILL");
    await owner.exited;
    root.write("manifests/t.ts", root.read("manifests/t.ts").replace("gone:", "other:"));
    // Code that was not run since may declare it still; data is read at once.
    expect((await listed()).map(([, key]) => key)).not.toContain("t:gone:default");
    await root.dt(["list"]);
    root.write("manifests/new.json", JSON.stringify({ name: "new", commands: {} }));
    renameSync(join(bare, "manifests"), join(bare, "manifests.old"));
    rmSync(removed, { recursive: true });
    const left = [
      [root.dir, KEY, "its owner has gone"],
      [root.dir, "t:gone:default", "no manifest declares it any more"],
      [bare, KEY, "its root has no manifests any more"],
      [removed, KEY, "its root is gone"],
    ];
    expect((await listed()).sort()).toEqual(left.sort());
    expect(pids.every(runs)).toBe(true);
    expect((await listed("--yes")).sort()).toEqual(left);
    expect(pids.filter(runs)).toEqual([]);
    expect((await root.dt(["gc"])).stdout).toBe("Nothing is left over.\n");
    await until("no process is left", () => root.processes().length === 0);
  } finally {
    owner.kill("SIGKILL");
    await root.dispose();
  }
});
