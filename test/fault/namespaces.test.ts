/**
 * Containers and time namespaces on one directory: what each reports of a launch is true there, and each can start and
 * stop.
 */
import { expect, test } from "bun:test";
import { existsSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { psOf, runs } from "../e2e/kit/launch.ts";
import { DT, TestRoot, until, within } from "../kit.ts";

const CONTAINER = ["unshare", "-pf", "--kill-child", "--mount-proc"];
const CLOCK = ["unshare", "-T", "--boottime", "100000", "--monotonic", "100000"];
const can = (words: string[]) => process.platform === "linux" && Bun.spawnSync([...words, "true"]).exitCode === 0;
const canContain = can(CONTAINER);
const canShift = can(CLOCK);
if (!(canContain && canShift) && process.env.CI) throw new Error("CI must be able to make pid and time namespaces");

function rootOf(fields: object = {}): TestRoot {
  const dev = { kind: "managed", run: ["sleep", "1000"], stop: { timeout: "2s" }, ...fields };
  return TestRoot.create({ "manifests/t.json": JSON.stringify({ name: "t", commands: { dev } }) });
}

/** Those that were made, so that a test that fails leaves none. */
const containers = new Set<ReturnType<typeof enter>>();

/** A container that runs these lines, and ends with them; then all that is left in it is killed. */
function enter(root: TestRoot, lines: string) {
  const container = Bun.spawn([...CONTAINER, "sh", "-c", lines], {
    cwd: root.dir,
    env: { ...root.env, DT },
    stdio: ["ignore", "ignore", "ignore"],
  });
  containers.add(container);
  return container;
}

async function end(container: ReturnType<typeof enter>): Promise<void> {
  container.kill("SIGKILL");
  await container.exited;
  containers.delete(container);
}

async function inside(root: TestRoot, lines: string): Promise<void> {
  await enter(root, lines).exited;
}

/** One that starts the launch and stays. Gives the container's own process. */
async function startInside(root: TestRoot) {
  const container = enter(root, '"$DT" t dev -d && touch started; exec sleep 1000');
  await until("it is started there", () => existsSync(join(root.dir, "started")));
  return container;
}

/** Ends the containers before the root is disposed of. */
function withContainers(root: TestRoot, body: () => Promise<void>): Promise<void> {
  return within(root, () => body().finally(() => Promise.all([...containers].map(end))));
}

test.skipIf(!canShift)(
  "a launch in a time namespace is seen and stopped from outside, and one outside from there",
  async () => {
    const root = rootOf();
    await withContainers(root, async () => {
      root.prefix = CLOCK;
      expect((await root.dt(["t", "dev", "-d"])).code).toBe(0);
      root.prefix = [];
      const seen = await psOf(root);
      expect(seen).toMatchObject({ state: "running", host: { alive: true } });
      expect(await root.dt(["stop", "t", "dev"])).toMatchObject({ code: 0 });
      expect(runs(seen?.pid as number)).toBe(false);
      expect((await root.dt(["t", "dev", "-d"])).code).toBe(0);
      const again = await psOf(root);
      root.prefix = CLOCK;
      expect(await psOf(root)).toMatchObject({ state: "running", pid: again?.pid as number });
      expect(await root.dt(["stop", "t", "dev"])).toMatchObject({ code: 0 });
      expect(runs(again?.pid as number)).toBe(false);
    });
  },
);

test.skipIf(!canContain)(
  "after a container that is gone, the next one on the directory starts and stops launches",
  async () => {
    const root = rootOf();
    await withContainers(root, async () => {
      await inside(root, '"$DT" t dev -d; readlink /proc/self/ns/pid > first');
      // The number of a namespace that is gone goes to the next, so that the third is sure to have another.
      const other = enter(root, "touch other; exec sleep 1000");
      await until("the other is there", () => existsSync(join(root.dir, "other")));
      await inside(
        root,
        '"$DT" ps --json --all > ps; "$DT" t dev -d; echo $? > start; "$DT" stop t dev; echo $? > stop; readlink /proc/self/ns/pid > third',
      );
      await end(other);
      expect(root.read("third")).not.toBe(root.read("first"));
      expect(JSON.parse(root.read("ps"))).toMatchObject([{ key: "t:dev:default", pid: null, host: { alive: false } }]);
      expect([root.read("start"), root.read("stop")]).toEqual(["0\n", "0\n"]);
    });
  },
);

test.skipIf(!canContain)(
  "after a container was killed while it held a key's lock, the next one gets the lock",
  async () => {
    const root = rootOf({ run: "trap '' TERM; touch running; while :; do sleep 1; done", stop: { timeout: "60s" } });
    await withContainers(root, async () => {
      const first = enter(
        root,
        '"$DT" t dev -d; while [ ! -e running ]; do sleep 0.05; done; "$DT" stop t dev & while :; do sleep 1; done',
      );
      await until("the stop has the lock and waits", () => {
        try {
          return /"doing": ?"stop"/.test(root.read(".dialtone/run/t:dev:default.lock"));
        } catch {
          return false; // free for a moment
        }
      });
      const other = enter(root, "touch other; exec sleep 1000");
      await until("the other is there", () => existsSync(join(root.dir, "other")));
      await end(first);
      await inside(root, '"$DT" stop t dev; echo $? > stop; "$DT" t dev -d; echo $? > start');
      await end(other);
      expect([root.read("stop"), root.read("start")]).toEqual(["0\n", "0\n"]);
    });
  },
  30_000,
);

test.skipIf(!canContain)("from around a container its launch is seen by its pid there, and stopped", async () => {
  const root = rootOf();
  await withContainers(root, async () => {
    const container = await startInside(root);
    try {
      const seen = await psOf(root);
      expect(seen).toMatchObject({ state: "running", host: { alive: true }, note: null });
      expect(readlinkSync(`/proc/${seen?.pid}/exe`)).toContain("sleep");
      expect(readlinkSync(`/proc/${seen?.pid}/ns/pid`)).not.toBe(readlinkSync("/proc/self/ns/pid"));
      const host = seen?.host?.pid as number;
      const [stopped] = JSON.parse((await root.dt(["stop", "t", "dev", "--json"])).stdout);
      // Its host left by itself: one that has to be killed is given two seconds.
      expect(stopped).toMatchObject({ stopped: true, killed: 0 });
      expect(stopped.tookMs).toBeLessThan(2000);
      expect([seen?.pid as number, host].filter(runs)).toEqual([]);
    } finally {
      await end(container);
    }
  });
});

test.skipIf(!canContain)(
  "from a container beside it a launch is unknown and left alone while it lives, and then its key is free",
  async () => {
    const root = rootOf();
    await withContainers(root, async () => {
      const container = await startInside(root);
      try {
        const seen = await psOf(root);
        await inside(
          root,
          '"$DT" ps --json > ps; "$DT" why t dev > why; "$DT" stop t dev 2> stopped; echo $? > stop; "$DT" t dev -d; echo $? > start',
        );
        expect(JSON.parse(root.read("ps"))).toMatchObject([
          { state: "running", note: expect.stringContaining("another pid namespace") },
        ]);
        expect(root.read("why")).toContain("It was started in another pid namespace");
        expect(root.read("stopped")).toContain("stop it where it was started");
        expect([root.read("stop"), root.read("start")]).toEqual(["1\n", "1\n"]);
        expect(runs(seen?.pid as number)).toBe(true);
      } finally {
        await end(container);
      }
      await inside(root, '"$DT" t dev -d; echo $? > start; "$DT" stop t dev; echo $? > stop');
      expect([root.read("start"), root.read("stop")]).toEqual(["0\n", "0\n"]);
    });
  },
);

test("a living host keeps its launch, also in a run directory that was made again; a killed one does not", async () => {
  const root = rootOf();
  await withContainers(root, async () => {
    expect((await root.dt(["t", "dev", "-d"])).code).toBe(0);
    const { isHeld } = await import("../../src/sys/lock/hold.ts");
    const record = JSON.parse(root.read(".dialtone/run/t:dev:default.meta.json"));
    if (process.platform !== "linux") return expect(record.held).toBeUndefined();
    const fence = join(root.run, "t:dev:default.fence");
    expect(record.held).toBe(true);
    expect([isHeld(fence, record.token), isHeld(fence, "f".repeat(32)), isHeld(`${fence}.none`, record.token)]).toEqual(
      [true, false, undefined],
    );
    for (const lost of [join(root.run, "t:dev:default.meta.json"), root.run]) {
      rmSync(lost, { recursive: true });
      await until("it is listed again", async () => (await psOf(root))?.state === "running");
      expect(isHeld(fence, record.token)).toBe(true);
      expect(JSON.parse(root.read(".dialtone/run/t:dev:default.meta.json")).held).toBe(true);
    }
    process.kill(record.host.pid, "SIGKILL");
    await until("nobody has it", () => isHeld(fence, record.token) === false);
  });
});

test.skipIf(!canContain)(
  "what a launch left in a container that lives is ended from around it, even when leader and host are gone",
  async () => {
    const root = rootOf({ run: ["sh", "daemon.sh"] });
    root.write("daemon.sh", "setsid sh -c 'echo $$ > left; exec sleep 1000' </dev/null >/dev/null 2>&1 & sleep 0.5");
    await withContainers(root, async () => {
      const container = enter(
        root,
        `"$DT" t dev -d; kill -9 $("$DT" ps --json | grep -o '"host":{"pid":[0-9]*' | grep -o '[0-9]*$'); sleep 1; touch gone; exec sleep 1000`,
      );
      await until("its leader is gone", () => existsSync(join(root.dir, "gone")));
      const left = (await psOf(root))?.pid as number;
      expect(runs(left)).toBe(true);
      expect((await root.dt(["stop", "t", "dev"])).stderr).toContain("its leftovers were ended");
      expect(runs(left)).toBe(false);
      await end(container);
    });
  },
);

test.skipIf(!canContain)(
  "a start that waited in a container that is gone is over for dt around it and beside it",
  async () => {
    const root = TestRoot.create({
      "manifests/t.json": JSON.stringify({
        name: "t",
        commands: {
          slow: { kind: "oneshot", run: "touch begun; sleep 1000" },
          dev: { kind: "managed", run: ["sleep", "1000"], before: ["t:slow"] },
        },
      }),
    });
    await withContainers(root, async () => {
      // The number of a namespace that is gone would go to the next.
      const other = enter(root, "touch other; exec sleep 1000");
      await until("the other is there", () => existsSync(join(root.dir, "other")));
      for (const isBeside of [true, false]) {
        rmSync(join(root.dir, "begun"), { force: true });
        const first = enter(root, '"$DT" t dev -d');
        await until("it waits", () => existsSync(join(root.dir, "begun")));
        await inside(root, '"$DT" why t:dev > why');
        expect(root.read("why")).toContain("A start of it is under way");
        await end(first);
        await inside(root, "sleep 0.1");
        const held = enter(root, "exec sleep 1000");
        if (isBeside) await inside(root, '"$DT" stop t:dev 2> said');
        else root.write("said", (await root.dt(["stop", "t:dev"])).stderr);
        expect(root.read("said")).toContain("t:dev:default is not running");
        await end(held);
      }
      await end(other);
    });
  },
  30_000,
);

test.skipIf(!canContain)(
  "in a namespace with the /proc of another one dt says so, and starts and signals nothing",
  async () => {
    const root = rootOf();
    await withContainers(root, async () => {
      expect((await root.dt(["t", "dev", "-d"])).code).toBe(0);
      const one = await psOf(root, "t:dev:default");
      for (const words of [["t", "dev", "-d"], ["stop", "t", "dev"], ["ps"]]) {
        const child = Bun.spawn(["unshare", "-pf", "--kill-child", DT, ...words], {
          cwd: root.dir,
          env: root.env,
          stderr: "pipe",
        });
        const said = await child.stderr.text();
        expect({ words, code: await child.exited, said }).toMatchObject({
          code: 1,
          said: expect.stringContaining("/proc shows the processes of another pid namespace"),
        });
      }
      expect(await psOf(root, "t:dev:default")).toMatchObject({ pid: one?.pid as number, state: "running" });
    });
  },
);
