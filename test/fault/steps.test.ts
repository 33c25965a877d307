/**
 * SIGKILL at each step: strace kills every dt process (caller, host, stopper) as it enters its Nth system call of those that change what
 * others can see, each call by itself, for N from 1 until the command gets through unharmed. After each: the list is true and the next
 * start leaves exactly one launch. CI takes every few steps (DT_FAULT_STRIDE), the soak each.
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { launchRoot, leadersOf, type Ps, psOf, runs } from "../e2e/launch.kit.ts";
import { DT, type TestRoot, until } from "../kit.ts";
import { tellNumbers } from "./numbers.ts";

const STRIDE = Number(process.env.DT_FAULT_STRIDE ?? 5);
const CALLS = ["fsync", "rename", "unlink", "link", "flock", "vfork", "pidfd_open", "pidfd_send_signal", "exit_group"];
const STRACE = Bun.which("strace");
if (STRACE === null && process.env.CI) throw new Error("CI must have strace");
if (STRACE === null) console.warn("Killing at each step is not tested: there is no strace on this machine.");

/** Runs dt with every process of it killed at its Nth call; gives false when none of them got so far. */
async function killedAt(root: TestRoot, call: string, step: number, args: string[]): Promise<boolean> {
  const trace = `${root.base}/trace`;
  const strace = Bun.spawn(
    [
      STRACE as string,
      "-f",
      "-q",
      "-o",
      trace,
      "-e",
      `trace=${call}`,
      "-e",
      `inject=${call}:signal=SIGKILL:when=${step}`,
      DT,
      ...args,
    ],
    { cwd: root.dir, env: root.env, stdio: ["ignore", "ignore", "ignore"] },
  );
  const caller = await until("strace started dt", () => {
    const children = childrenOf(strace.pid);
    return children[0] === undefined ? (strace.exitCode === null ? null : -1) : Number(children[0]);
  });
  await until("the caller ended", () => caller < 0 || !runs(caller), 30_000);
  // A host that was killed may be noted a little later than the caller's end.
  const killed = await until(
    "the trace tells",
    () => readFileSync(trace, "latin1").includes("killed by SIGKILL") || null,
    400,
  ).catch(() => false);
  strace.kill("SIGKILL"); // the processes that live on go on untraced
  await strace.exited;
  return killed;
}

/** None of what has ended. */
function childrenOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ").filter(Boolean);
  } catch {
    return [];
  }
}

/** What `ps` shows is what runs; hosts that still work on what they began are waited for. */
async function expectTruth(root: TestRoot, what: string): Promise<Ps | undefined> {
  const { shown } = await until(`ps is true ${what}`, async () => {
    const one = await psOf(root);
    const alive = leadersOf(root);
    const claimed = one?.pid ?? null;
    return (claimed === null ? alive.length === 0 : alive.length === 1 && alive[0] === claimed) ? { shown: one } : null;
  });
  return shown;
}

for (const [name, running, args] of [
  ["start", false, ["t", "dev", "-d"]],
  ["replace", true, ["t", "dev", "-d"]],
  ["stop", true, ["stop", "t", "dev"]],
  ["restart", true, ["restart", "t", "dev"]],
] as [string, boolean, string[]][]) {
  test.skipIf(STRACE === null)(
    `SIGKILL at each step of ${name}`,
    async () => {
      const root = launchRoot("plain");
      try {
        await root.dt(["list"]);
        let kills = 0;
        for (const call of CALLS) {
          for (let step = 1; step < 100; step += STRIDE) {
            const what = `${name} was killed at ${call} number ${step}`;
            await root.dt([running ? "t" : "stop", ...(running ? ["dev", "-d"] : ["t", "dev"])]);
            const killed = await killedAt(root, call, step, args);
            await expectTruth(root, `after ${what}`);
            const started = await root.dt(["t", "dev", "-d"]);
            expect({ what, code: started.code, stderr: started.code === 0 ? "" : started.stderr }).toEqual({
              what,
              code: 0,
              stderr: "",
            });
            expect(await expectTruth(root, `after ${what} and started again`)).toMatchObject({
              state: "running",
              host: { alive: true },
            });
            if (!killed) break;
            kills++;
          }
        }
        tellNumbers(
          `${name}: killed at each of ${kills} steps, the list true and one launch after the next start each time`,
        );
        expect(kills).toBeGreaterThan(2);
        // A host whose caller was killed goes on with what it was told, once it has the lock: a stop before that is not the last word.
        await until("no other host is on its way", () => root.processes().length <= 2);
      } finally {
        await root.dispose();
      }
    },
    900_000,
  );
}
