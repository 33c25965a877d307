/**
 * Fifty starts of one key at once leave exactly one live tree, and each reports a launch. Also when callers, hosts and
 * leaders are killed among them: then each that fails says why. DT_RERUN_ROUNDS rounds each (CI two, the soak twenty).
 */
import { expect, test } from "bun:test";
import { hostsOf, launchRoot, leadersOf, psOf } from "../e2e/kit/launch.ts";
import { type Result, type TestRoot, until } from "../kit.ts";
import { tellNumbers } from "./numbers.ts";

const ROUNDS = Number(process.env.DT_RERUN_ROUNDS ?? 2);
const AT_ONCE = 50;
/** How often a process is killed, in milliseconds: several times in the life of each. */
const KILL_EVERY_MS = 25;

/** What a start that failed may say, each a reason with who or what. */
const REASONS: Record<string, RegExp> = {
  "replaced before it was ready": /t:dev:default replaced by dt t dev -d.* \(pid \d+\) after \S+ before it was ready/,
  "asked for too early": /t:dev:default was not started: dt t dev -d.* \(pid \d+\) was asked for later/,
  "lock not had": /Could not get the lock .*: (pid \d+ .*|others were trying)/,
  "its host was killed": /The host of t:dev:default ended before it reported what became of the launch/,
  "its command and its host were killed":
    /t:dev:default ended after about \S+; its host was gone, so how it ended is unknown before it was ready/,
  "its command was killed": /t:dev:default failed with signal SIGKILL after \S+ before it was ready/,
};

function reasonOf({ stderr }: Result): string {
  const found = Object.entries(REASONS).find(([, pattern]) => pattern.test(stderr));
  return found?.[0] ?? `no reason: ${stderr}`;
}

interface Live {
  leaders: number[];
  children: number[];
  hosts: number[];
}

function liveOf(root: TestRoot): Live {
  return {
    leaders: leadersOf(root, "background child"),
    children: leadersOf(root, "child"),
    hosts: hostsOf(root),
  };
}

async function expectExactlyOne(root: TestRoot): Promise<number> {
  return until("one live tree is left, with its host", async () => {
    const shown = await psOf(root);
    const { leaders, children, hosts } = liveOf(root);
    const isOne = leaders.length === 1 && children.length === 1 && hosts.length === 1;
    return isOne && shown?.state === "ready" && shown.pid === leaders[0] && shown.host?.pid === hosts[0]
      ? (leaders[0] as number)
      : null;
  });
}

/** `apart`: each with an argument of its own, so that no launch of one will do for another. */
function fiftyStarts(root: TestRoot, { apart }: { apart: boolean }) {
  return Array.from({ length: AT_ONCE }, (_, nth) =>
    root.spawn(["t", "dev", "-d", ...(apart ? ["--", String(nth)] : [])]),
  );
}

async function outcomeOf(child: ReturnType<TestRoot["spawn"]>): Promise<Result> {
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  return { code: child.exitCode, signal: child.signalCode === null ? null : String(child.signalCode), stdout, stderr };
}

/** How many said what. */
function countReasons(results: Result[], into: Map<string, number>): void {
  for (const result of results) {
    const what = result.signal !== null ? "was killed itself" : result.code === 0 ? "was ready" : reasonOf(result);
    into.set(what, (into.get(what) ?? 0) + 1);
  }
}

function told(counts: Map<string, number>): string {
  return [...counts].map(([what, count]) => `${count} ${what}`).join(", ");
}

test(`${AT_ONCE} starts at once, ${ROUNDS} rounds: one live tree, and each start reports a launch that was ready`, async () => {
  const root = launchRoot("background child", `ready: { log: "child" },`);
  const counts = new Map<string, number>();
  try {
    await root.dt(["list"]);
    for (let round = 0; round < ROUNDS; round++) {
      const results = await Promise.all(fiftyStarts(root, { apart: false }).map(outcomeOf));
      const pid = await expectExactlyOne(root);
      countReasons(results, counts);
      expect(results.map((one) => one.stdout)).toContainEqual(expect.stringMatching(`t:dev:default ready pid ${pid} `));
    }
    tellNumbers(`${ROUNDS} rounds of ${AT_ONCE} starts at once, 1 live tree after each: ${told(counts)}`);
    expect([...counts.keys()]).toEqual(["was ready"]);
  } finally {
    await root.dispose();
  }
}, 1_800_000);

test(`starts at once with SIGKILLs among them, ${ROUNDS} rounds: never two live trees, and one after the next start`, async () => {
  const root = launchRoot("background child", `ready: { log: "child" },`);
  const counts = new Map<string, number>();
  let kills = 0;
  try {
    await root.dt(["list"]);
    for (let round = 0; round < ROUNDS; round++) {
      const callers = fiftyStarts(root, { apart: round % 2 === 0 });
      const outcomes = Promise.all(callers.map(outcomeOf));
      const killing = setInterval(() => {
        const kinds = [
          callers.filter((one) => one.exitCode === null).map((one) => one.pid),
          ...Object.values(liveOf(root)),
        ];
        const victims = kinds[Math.floor(Math.random() * kinds.length)] ?? [];
        const victim = victims[Math.floor(Math.random() * victims.length)];
        if (victim === undefined) return;
        try {
          process.kill(victim, "SIGKILL");
          kills++;
        } catch {
          // it had ended by itself
        }
      }, KILL_EVERY_MS);
      const results = await outcomes.finally(() => clearInterval(killing));
      countReasons(results, counts);
      // Hosts whose callers were killed may still wait for their turn. Two trees never live once all had it.
      await until("no two trees live, and ps is true", async () => {
        const shown = await psOf(root);
        const { leaders, hosts, children } = liveOf(root);
        // Where leader and host were killed, what they left is shown.
        const mayBeShown = leaders.length > 0 ? leaders : [null, ...children];
        return leaders.length <= 1 && hosts.length <= 1 && mayBeShown.includes(shown?.pid ?? null);
      });
      expect(await root.dt(["t", "dev", "-d"])).toMatchObject({ code: 0 });
      await expectExactlyOne(root);
    }
    tellNumbers(
      `${ROUNDS} rounds of ${AT_ONCE} starts at once with ${kills} SIGKILLs among them, never 2 live trees, 1 after the next start: ${told(counts)}`,
    );
    expect([...counts.keys()].filter((what) => what.startsWith("no reason"))).toEqual([]);
    expect(kills).toBeGreaterThan(ROUNDS);
  } finally {
    await root.dispose();
  }
}, 1_800_000);
