/**
 * SIGKILL at each step: strace kills every dt process (caller, host, stopper) as it enters its Nth system call of those
 * that change what others can see, each call by itself, for N from 1 until the command gets through unharmed. After
 * each: the list is true and the next start leaves exactly one launch. CI takes every few steps (DT_FAULT_STRIDE), the
 * soak each.
 */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { launchRoot, leadersOf, type Ps, psOf } from "../e2e/kit/launch.ts";
import { type TestRoot, until } from "../kit.ts";
import { tellNumbers } from "./numbers.ts";
import { CALLS, hostKilledAt, killedAt, STRACE } from "./steps.kit.ts";

const STRIDE = Number(process.env.DT_FAULT_STRIDE ?? 5);

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

/**
 * One launch runs, and nothing else of dt. A host whose caller was killed may still replace the launch that was started
 * meanwhile: between the old one and its own the list is true and shows none, which is not the end of it.
 */
async function expectOneLaunch(root: TestRoot, what: string): Promise<void> {
  await until(`one launch runs ${what}`, async () => {
    const shown = await expectTruth(root, what);
    return shown?.state === "running" && shown.host?.alive === true && root.processes().length === 2;
  });
}

/** A one-shot that takes a moment, and tells when another run of it goes on. */
const ALONE = "exec 9> alone; flock -n 9; case $? in 1 | 127) touch twice;; esac; sleep 0.2";

/** `host`: the host that serves the launch already is killed; else what the command itself starts. */
for (const [name, running, args, victim, fields = ""] of [
  ["start", false, ["t", "dev", "-d"], "caller"],
  ["replace", true, ["t", "dev", "-d"], "host"],
  ["stop", true, ["stop", "t", "dev"], "caller"],
  ["restart", true, ["restart", "t", "dev"], "caller"],
  ["restart by the host", true, ["restart", "t", "dev"], "host"],
  ["replace after a one-shot", true, ["t", "dev", "-d"], "host", `before: ["t:first"],`],
] as [string, boolean, string[], "caller" | "host", string?][]) {
  test.skipIf(STRACE === null)(
    `SIGKILL at each step of ${name}`,
    async () => {
      const root = launchRoot("plain", fields, `first: { kind: "oneshot", run: ${JSON.stringify(ALONE)} },`);
      try {
        await root.dt(["list"]);
        let kills = 0;
        for (const call of CALLS) {
          for (let step = 1; step < 100; step += STRIDE) {
            const what = `${name} was killed at ${call} number ${step}`;
            await root.dt([running ? "t" : "stop", ...(running ? ["dev", "-d"] : ["t", "dev"])]);
            const host = (await psOf(root))?.host?.pid as number;
            const killed =
              victim === "host"
                ? await hostKilledAt(root, { host, call, step, args })
                : await killedAt(root, call, step, args);
            await expectTruth(root, `after ${what}`);
            const started = await root.dt(["t", "dev", "-d"]);
            expect({ what, code: started.code, stderr: started.code === 0 ? "" : started.stderr }).toEqual({
              what,
              code: 0,
              stderr: "",
            });
            await expectOneLaunch(root, `after ${what} and started again`);
            expect({ what, isTwice: existsSync(join(root.dir, "twice")) }).toEqual({ what, isTwice: false });
            if (!killed) break;
            kills++;
          }
        }
        tellNumbers(
          `${name}: killed at each of ${kills} steps, the list true and one launch after the next start each time`,
        );
        expect(kills).toBeGreaterThan(2);
        // A host whose caller was killed goes on with its request once it has the lock: a stop before that is not the
        // last word.
        await until("no other host is on its way", () => root.processes().length <= 2);
      } finally {
        await root.dispose();
      }
    },
    900_000,
  );
}
