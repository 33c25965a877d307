/**
 * SIGKILL at any instant: whichever dt process is killed, whenever, the list is true after it, and the next start
 * leaves exactly one launch. The instants are drawn at random here; how many rounds: DT_FAULT_ROUNDS (CI draws a few,
 * the soak thousands).
 */
import { expect, test } from "bun:test";
import { hostsOf, launchRoot, leadersOf, type Ps, psOf, runs } from "../e2e/kit/launch.ts";
import { type TestRoot, until } from "../kit.ts";
import { tellNumbers } from "./numbers.ts";

const ROUNDS = Number(process.env.DT_FAULT_ROUNDS ?? 10);

/**
 * What `ps` says must be what is. A dt that is at work may be between two steps, so it is asked when all callers are
 * gone.
 */
async function expectTruth(root: TestRoot, program: string): Promise<Ps | undefined> {
  return until("ps and the process table agree", async () => {
    const shown = await psOf(root);
    const alive = leadersOf(root, program);
    const claims = shown?.pid ?? null;
    return (claims === null ? alive.length === 0 : alive.length === 1 && alive[0] === claims) ? { shown } : null;
  }).then(({ shown }) => shown);
}

/**
 * The host of a caller that was killed goes on, and may come after this start and replace what it made: what counts is
 * what is left.
 */
async function expectOneAfterStart(root: TestRoot, program: string): Promise<void> {
  const started = await root.dt(["t", "dev", "-d"]);
  expect({ code: started.code, stderr: started.stderr }).toMatchObject({ code: 0 });
  await until("one launch and one host are left", async () => {
    const pid = (await psOf(root))?.pid;
    const alive = leadersOf(root, program);
    return alive.length === 1 && alive[0] === pid && hostsOf(root).length === 1;
  });
}

for (const [what, program, victims, args] of [
  ["a host that starts", "plain", hostsOf, ["t", "dev", "-d"]],
  ["a caller that starts", "plain", () => [], ["t", "dev", "-d"]],
  ["a stopper", "plain", () => [], ["stop", "t", "dev"]],
  ["a stopper that waits for what ignores SIGTERM, and of the host", "ignores SIGTERM", hostsOf, ["stop", "t", "dev"]],
  ["a replacer that waits for what ignores SIGTERM", "ignores SIGTERM", hostsOf, ["t", "dev", "-d"]],
  ["a restarter and its host", "plain", hostsOf, ["restart", "t", "dev"]],
] as const) {
  test(`SIGKILL of ${what}, ${ROUNDS} times at random`, async () => {
    const root = launchRoot(program);
    try {
      await root.dt(["list"]);
      for (let round = 0; round < ROUNDS; round++) {
        if (round % 2 === 0) await root.dt(["t", "dev", "-d"]);
        const caller = root.spawn([...args]);
        await Bun.sleep(Math.random() * 60); // the instant to be tried, not a wait for something
        const doomed = [caller.pid, ...victims(root)];
        for (const pid of doomed) {
          try {
            process.kill(pid, "SIGKILL");
          } catch {
            // it had ended by itself
          }
        }
        await caller.exited;
        await until("the killed are gone", () => !doomed.some(runs));
        await expectTruth(root, program);
        await expectOneAfterStart(root, program);
      }
      tellNumbers(`${what}: ${ROUNDS} times, the list true and one launch after the next start each time`);
    } finally {
      await root.dispose();
    }
  }, 600_000);
}
