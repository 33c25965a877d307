/**
 * Starts and restarts of one key at once: those for which the launch of another start will do report that launch, and
 * the last one asked for is what runs in the end.
 */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { tryFlock } from "../../../src/sys/files/flock.ts";
import { acquireLock } from "../../../src/sys/lock/lock.ts";
import { makeProcessTable } from "../../../src/sys/process/table.ts";
import { type Result, type RunOptions, stays, TestRoot, until, within } from "../../kit.ts";
import { commandLineOf, hostsOf, psOf, runs } from "../kit/launch.ts";

const AT_ONCE = 50;
const MOST_LAUNCHES = 3;
const KEY = "t:dev:default";
const DETACHED = ["t", "dev", "-d"];

/** Then it has noted its launch. */
const READY = `ready: { log: "up" },`;

/** A root whose `t dev` notes each launch in the file `launches`: when it began, its arguments, and `$FOO`. */
function makeRoot(fields = READY): TestRoot {
  const root = TestRoot.create({});
  const script = `said=; [ -e slow ] || said=up
echo "$(date +%s%N) \${FOO-none} $*" >> launches; echo $said; exec sleep 1000`;
  root.write(
    "manifests/t.ts",
    `export default { name: "t", commands: {
  first: { kind: "oneshot", run: "echo first >> firsts" },
  dev: { kind: "managed", run: ["sh", "-c", ${JSON.stringify(script)}, "dev"], stop: { timeout: "300ms" }, ${fields} },
} };
`,
  );
  return root;
}

interface Launch {
  /** In milliseconds since 1970. */
  at: number;
  foo: string;
  args: string;
}

function launchesOf(root: TestRoot): Launch[] {
  if (!existsSync(join(root.dir, "launches"))) return [];
  return root
    .read("launches")
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [at = "", foo = "", ...args] = line.split(" ");
      return { at: Number(BigInt(at) / 1_000_000n), foo, args: args.join(" ") };
    });
}

async function outcomeOf(child: ReturnType<TestRoot["spawn"]>): Promise<Result> {
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  return { code: child.exitCode, signal: child.signalCode === null ? null : String(child.signalCode), stdout, stderr };
}

/** Runs these words many times at once. `lastAsked`: the instant before the last of them. */
async function manyAtOnce(root: TestRoot, words: string[]): Promise<{ results: Result[]; lastAsked: number }> {
  let lastAsked = 0;
  const children = Array.from({ length: AT_ONCE }, () => {
    lastAsked = Date.now();
    return root.spawn(words);
  });
  return { results: await Promise.all(children.map(outcomeOf)), lastAsked };
}

async function expectOneLaunch(root: TestRoot, lastAsked: number): Promise<void> {
  await until("the last launch began after the last start was asked for", () =>
    launchesOf(root).some(({ at }) => at >= lastAsked),
  );
  const shown = await until("one host is left", async () => (hostsOf(root).length === 1 ? psOf(root) : null));
  const leaders = root.processes().filter((pid) => commandLineOf(pid).startsWith("sleep 1000"));
  expect(shown).toMatchObject({ pid: leaders[0], state: expect.stringMatching(/^(running|ready)$/) });
  expect(leaders).toHaveLength(1);
}

function failuresOf(results: Result[]): string[] {
  return results.filter(({ code }) => code !== 0).map(({ code, stderr }) => `${code}: ${stderr}`);
}

for (const [what, fields] of [
  ["", ""],
  [" that becomes ready", READY],
  [" with a port of its own", `port: "auto",`],
] as const)
  test(`${AT_ONCE} starts at once of a command${what}: at most ${MOST_LAUNCHES} launches, all succeed, and the last is younger than each start`, async () => {
    await within(makeRoot(fields), async (root) => {
      await root.dt(["list"]);
      const { results, lastAsked } = await manyAtOnce(root, ["t", "dev", "-d"]);
      expect(failuresOf(results)).toEqual([]);
      await expectOneLaunch(root, lastAsked);
      expect(launchesOf(root).length).toBeLessThanOrEqual(MOST_LAUNCHES);
    });
  });

test(`${AT_ONCE} restarts at once: at most ${MOST_LAUNCHES} launches, all succeed, and the last is younger than each`, async () => {
  await within(makeRoot(), async (root) => {
    await root.dt(["t", "dev", "-d"]);
    const { results, lastAsked } = await manyAtOnce(root, ["restart", "t", "dev"]);
    expect(failuresOf(results)).toEqual([]);
    await expectOneLaunch(root, lastAsked);
    expect(launchesOf(root).length).toBeLessThanOrEqual(1 + MOST_LAUNCHES);
  });
});

/** Where something ran before, there is a place for the lock. */
async function lockOf(root: TestRoot) {
  if (!existsSync(root.run)) {
    await root.dt(DETACHED);
    await root.dt(["stop", "t", "dev"]);
    rmSync(join(root.dir, "launches"));
  }
  return acquireLock({
    path: `${root.run}/${KEY}.lock`,
    seal: root.seal,
    table: makeProcessTable(),
    doing: "start",
    command: "test",
    timeoutMs: 5000,
  });
}

interface Waiting {
  /** Lets it go on, and returns its outcome. */
  resume(): Promise<Result>;
}

function waitingIn(root: TestRoot): string[] {
  const starts = join(root.run, "starts");
  return existsSync(starts) ? readdirSync(starts).filter((name) => name.startsWith(`${KEY}.`)) : [];
}

/**
 * A start that waits for the key's lock, and is stopped there. `inHost`: it waits in a host of its own, and its caller
 * is stopped too, since that would ask another host.
 */
async function makeWaiting(root: TestRoot, words: string[], options: RunOptions = {}, inHost = true): Promise<Waiting> {
  const lock = await lockOf(root);
  const before = new Set([...hostsOf(root), ...waitingIn(root)]);
  const child = root.spawn(words, options);
  await until("it waits for the lock", () => waitingIn(root).some((name) => !before.has(name)));
  const hosts = inHost ? hostsOf(root).filter((pid) => !before.has(pid)) : [];
  expect(hosts).toHaveLength(inHost ? 1 : 0);
  const pids = [...hosts, child.pid];
  await until("it is stopped, and holds nothing that others need", () => {
    for (const pid of pids) process.kill(pid, "SIGSTOP");
    const guard = tryFlock(`${root.run}/${KEY}.guard`);
    if (guard.is === "held") guard.lock.release();
    else for (const pid of pids) process.kill(pid, "SIGCONT");
    return guard.is === "held";
  });
  lock.release();
  return {
    resume() {
      for (const pid of pids) process.kill(pid, "SIGCONT");
      return outcomeOf(child);
    },
  };
}

/** The mark of the key's last stop. */
function lastStopOf(root: TestRoot): string | undefined {
  const want = JSON.parse(root.read(`.dialtone/run/${KEY}.want.json`)) as { lastStop?: { id: string } };
  return want.lastStop?.id;
}

async function pidOf(root: TestRoot): Promise<number> {
  const shown = await psOf(root);
  return shown?.pid as number;
}

test("a start that waited reports the launch of the same that was begun meanwhile, from whichever terminal", async () => {
  await within(makeRoot(), async (root) => {
    const first = await makeWaiting(root, DETACHED, { env: { SHLVL: "1", TMUX_PANE: "%1" } });
    const second = await root.dt(DETACHED, { env: { SHLVL: "3" } });
    const joined = await first.resume();
    expect(joined).toMatchObject({ code: 0, stdout: second.stdout });
    expect(joined.stderr).toMatch(/t:dev:default was started meanwhile by dt t dev -d \(pid \d+\): pid \d+/);
    expect(launchesOf(root)).toHaveLength(1);
  });
});

test("a start that waited gives way to one with other arguments that was asked for later", async () => {
  await within(makeRoot(), async (root) => {
    const first = await makeWaiting(root, DETACHED);
    await root.dt([...DETACHED, "--", "later"]);
    const pid = await pidOf(root);
    const overtaken = await first.resume();
    expect(overtaken).toMatchObject({ code: 130, stdout: "" });
    expect(overtaken.stderr).toMatch(
      /t:dev:default was not started: dt t dev -d -- later \(pid \d+\) was asked for later/,
    );
    expect(await pidOf(root)).toBe(pid);
    expect(launchesOf(root)).toHaveLength(1);
  });
});

test("of starts with other environments, the last one asked for counts, and those before it report its launch", async () => {
  await within(makeRoot(), async (root) => {
    const [first, second] = [
      await makeWaiting(root, DETACHED, { env: { FOO: "1" } }),
      await makeWaiting(root, DETACHED, { env: { FOO: "2" } }),
    ];
    const third = await makeWaiting(root, DETACHED, { env: { FOO: "3" } });
    expect(await second.resume()).toMatchObject({ code: 0 });
    const { stdout } = await third.resume();
    expect(await first.resume()).toMatchObject({ code: 0, stdout });
    expect(launchesOf(root).map(({ foo }) => foo)).toEqual(["2", "3"]);
  });
});

test("the values of environment files count: a start that has read older ones reports the launch with the newer", async () => {
  await within(makeRoot(`envFile: [".env"], ${READY}`), async (root) => {
    root.write(".env", "FOO=old\n");
    const [first, second] = [await makeWaiting(root, DETACHED), await makeWaiting(root, DETACHED)];
    root.write(".env", "FOO=new\n");
    const third = await makeWaiting(root, DETACHED);
    await second.resume();
    await third.resume();
    expect(await first.resume()).toMatchObject({ code: 0 });
    expect(launchesOf(root).map(({ foo }) => foo)).toEqual(["old", "new"]);
  });
});

test("the last one asked for wins, in whichever order they get their turn", async () => {
  await within(makeRoot(), async (root) => {
    const first = await makeWaiting(root, [...DETACHED, "--", "1"]);
    const second = await makeWaiting(root, [...DETACHED, "--", "2"]);
    const third = await makeWaiting(root, [...DETACHED, "--", "3"]);
    expect(await second.resume()).toMatchObject({ code: 0 });
    expect(await first.resume()).toMatchObject({ code: 130 });
    // It was asked for last, so it replaces one that was begun later than that.
    expect(await third.resume()).toMatchObject({ code: 0 });
    expect(launchesOf(root).map(({ args }) => args)).toEqual(["2", "3"]);
  });
});

test("a stop calls off the starts before it, even where the launch of a later start would do", async () => {
  await within(makeRoot(), async (root) => {
    const first = await makeWaiting(root, DETACHED);
    const before = lastStopOf(root);
    const stop = root.spawn(["stop", "t", "dev"]);
    await until("the stop has left its mark", () => lastStopOf(root) !== before);
    const again = await root.dt(DETACHED);
    const calledOff = await first.resume();
    expect(calledOff).toMatchObject({ code: 130, stdout: "" });
    expect(calledOff.stderr).toContain("it was stopped meanwhile by dt stop t dev");
    expect(again.code).toBe(0);
    expect(await outcomeOf(stop)).toMatchObject({ code: 0 });
    expect(launchesOf(root)).toHaveLength(1);
  });
});

test("a launch that has ended meanwhile does for no start", async () => {
  await within(makeRoot(), async (root) => {
    const first = await makeWaiting(root, DETACHED);
    await root.dt(DETACHED);
    process.kill(await pidOf(root), "SIGKILL");
    await until("it has failed", async () => (await psOf(root))?.state === "failed");
    const own = await first.resume();
    expect(own.stderr).not.toContain("meanwhile");
    expect(own.code).toBe(0);
    expect(launchesOf(root)).toHaveLength(2);
  });
});

test("a launch whose host is gone does for no start: it gets one with a host", async () => {
  await within(makeRoot(), async (root) => {
    const first = await makeWaiting(root, DETACHED);
    const waitsIn = hostsOf(root);
    await root.dt(DETACHED);
    const serving = hostsOf(root).filter((pid) => !waitsIn.includes(pid));
    for (const pid of serving) process.kill(pid, "SIGKILL");
    await until("the host is gone", () => !serving.some(runs));
    expect(await first.resume()).toMatchObject({ code: 0 });
    expect(await psOf(root)).toMatchObject({ state: "ready", host: { alive: true } });
    expect(launchesOf(root)).toHaveLength(2);
  });
});

test("a foreground takes over, whatever was begun meanwhile: it shows a launch of its own", async () => {
  await within(makeRoot(), async (root) => {
    const words = ["t", "dev"];
    const foreground = await makeWaiting(root, words, {}, false);
    await root.dt(DETACHED);
    const outcome = foreground.resume();
    await until("it launched", () => launchesOf(root).length === 2);
    await root.dt(["stop", "t", "dev"]);
    expect((await outcome).stderr).toContain("stopped by dt stop t dev");
  });
});

test("a start that is replaced before it is ready, by one of the same, reports that one", async () => {
  await within(makeRoot(), async (root) => {
    root.write("slow", "");
    const first = root.spawn(DETACHED);
    await until("it is launched", () => launchesOf(root).length === 1);
    rmSync(join(root.dir, "slow"));
    const second = await root.dt(DETACHED);
    expect(await outcomeOf(first)).toMatchObject({ code: 0, stdout: second.stdout });
    expect(second.stdout).toStartWith(`${KEY} ready pid`);
  });
});

test("a start that is replaced before it is ready, by one of something else, says so", async () => {
  await within(makeRoot(), async (root) => {
    root.write("slow", "");
    const first = root.spawn(DETACHED);
    await until("it is launched", () => launchesOf(root).length === 1);
    rmSync(join(root.dir, "slow"));
    await root.dt([...DETACHED, "--", "other"]);
    const lost = await outcomeOf(first);
    expect(lost).toMatchObject({ code: 1, stdout: "" });
    expect(lost.stderr).toMatch(/replaced by dt t dev -d -- other \(pid \d+\)/);
  });
});

test("what runs before a start runs, if the launch that made a start of its own needless is gone when it has its turn", async () => {
  await within(makeRoot(`before: ["t:first"], ${READY}`), async (root) => {
    await root.dt(DETACHED);
    const lock = await lockOf(root);
    const ensured = root.spawn([...DETACHED, "--ensure"]);
    await until("it is under way", () => waitingIn(root).length > 0);
    await stays("it waits for the lock, and nothing has run before it", () => root.read("firsts") === "first\n", 500);
    process.kill(await pidOf(root), "SIGKILL");
    lock.release();
    expect(await outcomeOf(ensured)).toMatchObject({ code: 0 });
    expect(root.read("firsts")).toBe("first\nfirst\n");
    expect(launchesOf(root)).toHaveLength(2);
  });
});
