/** One-shots that dt runs for a start, and whose runner is killed or stopped meanwhile. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runs } from "../e2e/kit/launch.ts";
import { type TestRoot, until, WITHOUT_LINEAGE, within } from "../kit.ts";
import { type HostRoot, hostPidOf, hostRoot } from "./host.kit.ts";

/** Notes itself and a child that leaves its session, and goes on until there is a file `go`. */
const FIRST = `echo $$ >> first; (cd . && exec setsid sleep 1002) & echo $! >> below; until [ -e go ]; do sleep 0.02; done; kill $!`;
/** Leaves a server behind when it ends, as build tools do. */
const LEAVING = `echo $$ >> first; setsid sleep 1003 & echo $! >> below; until [ -e go ]; do sleep 0.02; done`;
/** Notes which of the runs go on. */
const BESIDE = `for p in $(cat first); do grep -q "^State:.[^Z]" /proc/$p/status && echo $p >> beside; done; true`;
/** Ignores SIGINT and SIGTERM. */
const DEAF = `trap "" INT TERM; echo $$ >> first; echo $$ >> below; until [ -e go ]; do sleep 0.02; done`;

function rootWith(first: string): HostRoot {
  return hostRoot(["a"], {
    first: { kind: "oneshot", run: ["sh", "-c", first] },
    last: { kind: "managed", run: ["sh", "-c", "echo $$ >> last; exec sleep 1000"], before: ["t:first"] },
    other: { kind: "managed", run: ["sh", "-c", "echo $$ >> other; exec sleep 1000"], needs: ["t:first"] },
  });
}

const spawn = ({ root, runtime }: HostRoot, words: readonly string[]) =>
  root.spawn([...words], { env: { XDG_RUNTIME_DIR: runtime } });

const pidsIn = (root: TestRoot, file: string) =>
  existsSync(join(root.dir, file)) ? root.read(file).trim().split("\n").map(Number) : [];

const livingOf = (root: TestRoot) => [...pidsIn(root, "first"), ...pidsIn(root, "below")].filter(runs);

const filesIn = (root: TestRoot, folder: string) =>
  existsSync(join(root.run, folder)) ? readdirSync(join(root.run, folder)) : [];

/** A start whose `before` runs in the root's host; with the host's pid. */
async function underWay(one: HostRoot, words: readonly string[] = ["t", "last", "-d"]) {
  const host = hostPidOf(await one.start("a"));
  const caller = spawn(one, words);
  await until("it runs", () => pidsIn(one.root, "below").length === 1);
  return { host, caller };
}

/** The same, and then host and caller are killed. */
async function leftBehind(one: HostRoot, words?: readonly string[]) {
  const { host, caller } = await underWay(one, words);
  caller.kill("SIGKILL");
  process.kill(host, "SIGKILL");
  await caller.exited;
  await until("both are gone", () => !runs(host));
  expect(livingOf(one.root)).toHaveLength(2);
}

const IS_LEFT =
  /The one-shot t:first:default \(pid [0-9, ]+\) runs on for t:last:default, although the dt that ran it is gone/;

describe.skipIf(process.platform !== "linux")("a one-shot whose host was killed", () => {
  test("is named by ps and doctor, which change nothing", async () => {
    const one = rootWith(FIRST);
    await within(one.root, async () => {
      await leftBehind(one);
      expect((await one.dt(["ps"])).stderr).toMatch(IS_LEFT);
      const doctor = await one.dt(["doctor", "--json"]);
      expect(doctor.code).toBe(1);
      expect(JSON.parse(doctor.stdout).findings).toContainEqual(
        expect.objectContaining({ check: "left-task", key: "t:first:default", level: "attention" }),
      );
      expect(livingOf(one.root)).toHaveLength(2);
      one.root.write("go", "");
      await until("it ends", () => pidsIn(one.root, "first").filter(runs).length === 0);
    });
  });

  test.each([
    ["dt stop t last", ["stop", "t", "last"]],
    ["dt stop t first", ["stop", "t", "first"]],
    ["dt stop t", ["stop", "t"]],
    ["dt stop --all", ["stop", "--all"]],
    ["dt down", ["down"]],
    ["dt doctor --fix", ["doctor", "--fix"]],
  ])("is ended with all it started by `%s`", async (_, words) => {
    const one = rootWith(FIRST);
    await within(one.root, async () => {
      await leftBehind(one);
      const end = await one.dt(words);
      expect(end.stdout + end.stderr).toMatch(/(ended|stopped) t:first:default/);
      expect(livingOf(one.root)).toEqual([]);
      expect(filesIn(one.root, "tasks")).toEqual([]);
      expect((await one.dt(["ps"])).stderr).not.toContain("runs on");
    });
  });

  test.each([
    ["dt t last -d", ["t", "last", "-d"]],
    ["dt up t:last -d", ["up", "t:last", "-d"]],
    ["dt t other -d", ["t", "other", "-d"]],
  ])("is ended before the next `%s` runs it again", async (_, words) => {
    const one = rootWith(FIRST);
    await within(one.root, async () => {
      await leftBehind(one);
      const [old = 0] = pidsIn(one.root, "first");
      const caller = spawn(one, words);
      await until("it runs again", () => pidsIn(one.root, "first").length === 2);
      expect(runs(old)).toBe(false);
      one.root.write("go", "");
      expect(await caller.exited).toBe(0);
      const started = words.includes("other") ? "other" : "last";
      await until("it began", () => pidsIn(one.root, started).length === 1);
      expect((await one.ps(started))?.pid).toBe(pidsIn(one.root, started)[0]);
      expect(filesIn(one.root, "tasks")).toEqual([]);
    });
  });

  test("is run again by the host that the caller asks next, once the first run has ended", async () => {
    const one = rootWith(FIRST);
    await within(one.root, async () => {
      const { host, caller } = await underWay(one);
      const [old = 0] = pidsIn(one.root, "first");
      process.kill(host, "SIGKILL");
      await until("it runs again", () => pidsIn(one.root, "first").length === 2);
      expect(runs(old)).toBe(false);
      one.root.write("go", "");
      expect(await caller.exited).toBe(0);
      await until("it began", () => pidsIn(one.root, "last").length === 1);
    });
  });

  test("leaves what it left in the background alone once it has ended, and its note is removed", async () => {
    const one = rootWith(LEAVING);
    await within(one.root, async () => {
      await leftBehind(one);
      const [first = 0] = pidsIn(one.root, "first");
      const [server = 0] = pidsIn(one.root, "below");
      one.root.write("go", "");
      await until("it ends", () => !runs(first));
      expect((await one.dt(["ps"])).stderr).not.toContain("runs on");
      expect((await one.dt(["doctor", "--fix"])).stdout).toContain("removed 1 of them");
      await one.dt(["stop", "--all"]);
      expect([runs(server), filesIn(one.root, "tasks")]).toEqual([true, []]);
      process.kill(server);
    });
  });

  test("is ended before the first of several one-shots runs again, and also where no launch is needed", async () => {
    const one = hostRoot(["a"], {
      reset: {
        kind: "oneshot",
        run: ["sh", "-c", BESIDE],
      },
      seed: { kind: "oneshot", run: ["sh", "-c", "echo $$ >> first; test -e quick || exec sleep 1004"] },
      last: { kind: "managed", run: ["sleep", "1000"], before: ["t:reset", "t:seed"] },
    });
    await within(one.root, async () => {
      one.root.write("quick", "");
      await one.start("last");
      rmSync(join(one.root.dir, "quick"));
      const left = async (words: string[], runsBefore: number) => {
        const host = hostPidOf(await one.start("a"));
        const caller = spawn(one, words);
        await until("it runs", () => pidsIn(one.root, "first").length === runsBefore + 1);
        caller.kill("SIGKILL");
        process.kill(host, "SIGKILL");
        await caller.exited;
        await until("the host is gone", () => !runs(host));
      };
      await left(["t", "last", "-d"], 1);
      // It runs, and so is left as it is.
      expect((await one.dt(["up", "t:last", "-d"])).code).toBe(0);
      expect([pidsIn(one.root, "first").length, ...pidsIn(one.root, "first").filter(runs)]).toEqual([2]);
      await left(["t", "last", "-d"], 2);
      one.root.write("quick", "");
      expect((await one.dt(["t", "last", "-d"])).code).toBe(0);
      expect(pidsIn(one.root, "beside")).toEqual([]);
    });
  }, 30_000);

  test("is killed where it ignores every other signal", async () => {
    const one = rootWith(DEAF);
    await within(one.root, async () => {
      await leftBehind(one);
      expect((await one.dt(["stop", "t", "last"], { timeoutMs: 20_000 })).code).toBe(0);
      expect(livingOf(one.root)).toEqual([]);
    });
  }, 30_000);
});

describe.skipIf(process.platform !== "linux")("a one-shot whose host is stopped", () => {
  test.each([
    ["the first start", false],
    ["a rerun", true],
  ])(
    "is ended by a stop of the key that it runs for (%s), and nothing is started later",
    async (_, isRerun) => {
      const one = rootWith(FIRST);
      await within(one.root, async () => {
        if (isRerun) {
          one.root.write("go", "");
          await one.start("last");
          for (const file of ["go", "first", "below", "last"]) rmSync(join(one.root.dir, file));
        }
        const { host, caller } = await underWay(one);
        process.kill(host, "SIGSTOP");
        try {
          const stop = await one.dt(["stop", "t", "last"], { timeoutMs: 20_000 });
          expect({ ...stop, left: livingOf(one.root) }).toMatchObject({ code: 0, left: [] });
        } finally {
          if (runs(host)) process.kill(host, "SIGCONT");
        }
        expect(await caller.exited).toBe(130);
        await until(
          "nobody waits any longer",
          () => filesIn(one.root, "starts").length + filesIn(one.root, "tasks").length === 0,
        );
        expect([pidsIn(one.root, "last"), pidsIn(one.root, "first").length]).toEqual([[], 1]);
      });
    },
    30_000,
  );

  test("runs on when only one of the starts that wait for it is stopped", async () => {
    const one = hostRoot(["a"], {
      first: { kind: "oneshot", run: ["sh", "-c", FIRST] },
      x: { kind: "managed", run: ["sleep", "1000"], needs: ["t:first"] },
      y: { kind: "managed", run: ["sleep", "1000"], needs: ["t:first"] },
    });
    await within(one.root, async () => {
      const { host, caller } = await underWay(one, ["up", "t:x", "t:y", "-d"]);
      process.kill(host, "SIGSTOP");
      try {
        expect((await one.dt(["stop", "t", "x"])).code).toBe(0);
        expect(pidsIn(one.root, "first").filter(runs)).toHaveLength(1);
      } finally {
        process.kill(host, "SIGCONT");
      }
      one.root.write("go", "");
      await caller.exited;
      expect((await one.ps("y"))?.pid).toBeGreaterThan(0);
      expect((await one.ps("x"))?.pid ?? null).toBe(null);
    });
  });
});

describe.skipIf(process.platform !== "linux")("a one-shot whose caller was killed", () => {
  test.each([
    ["with a lineage", []],
    ["without", WITHOUT_LINEAGE],
  ] as const)("is ended by a stop of what needs it (%s)", async (_, prefix) => {
    const one = rootWith(`echo $$ >> first; echo $$ >> below; until [ -e go ]; do sleep 0.02; done`);
    await within(one.root, async () => {
      one.root.prefix = prefix;
      const caller = spawn(one, ["t", "other"]);
      await until("it runs", () => pidsIn(one.root, "below").length === 1);
      await until("its leader is noted", () =>
        filesIn(one.root, "tasks").some(
          (name) => !name.startsWith(".") && one.root.read(`.dialtone/run/tasks/${name}`).includes('"leader": {'),
        ),
      );
      caller.kill("SIGKILL");
      await caller.exited;
      expect((await one.dt(["stop", "t", "other"])).code).toBe(0);
      expect(livingOf(one.root)).toEqual([]);
    });
  });
});

test.skipIf(process.platform !== "linux")(
  "a one-shot that its runner still serves is left alone by another start that runs it, and by its stop",
  async () => {
    const one = rootWith(FIRST);
    await within(one.root, async () => {
      const { caller } = await underWay(one);
      const other = spawn(one, ["t", "other", "-d"]);
      await until("it runs twice", () => pidsIn(one.root, "first").length === 2);
      const [mine = 0] = pidsIn(one.root, "first");
      expect(runs(mine)).toBe(true);
      expect((await one.dt(["stop", "t", "other"])).code).toBe(0);
      expect(await other.exited).toBe(130);
      expect(pidsIn(one.root, "first").filter(runs)).toEqual([mine]);
      one.root.write("go", "");
      expect(await caller.exited).toBe(0);
      expect(filesIn(one.root, "tasks")).toEqual([]);
    });
  },
);
