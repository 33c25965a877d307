/**
 * Pids that are really reused, by force, in a pid namespace: no process that has the pid of a dead launch gets a
 * signal. DT_REUSE_ROUNDS times.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { launchRoot } from "../e2e/kit/launch.ts";
import { DT } from "../kit.ts";
import { tellNumbers } from "./numbers.ts";
import type { Outcome } from "./reuse.inside.ts";

const ROUNDS = Number(process.env.DT_REUSE_ROUNDS ?? 1);
const INSIDE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
/** A first process that reaps what falls to it, as an init does. */
const REAPER = ["sh", "-c", '"$@" & wait $!', "sh"];
const can = Bun.spawnSync([...INSIDE, "sh", "-c", "echo 100 > /proc/sys/kernel/ns_last_pid"]).exitCode === 0;
if (!can && process.env.CI) throw new Error("CI must be able to make a pid namespace and choose pids in it");
if (!can)
  console.warn("Pid reuse is not tested: this machine does not let us make a pid namespace and choose pids in it.");

test.skipIf(!can)(
  `the pids of a dead launch are given to others, ${ROUNDS} times: none is signalled`,
  async () => {
    let innocents = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const root = launchRoot("plain");
      try {
        const inside = Bun.spawn(
          [...INSIDE, ...REAPER, process.execPath, join(import.meta.dir, "reuse.inside.ts"), DT, root.dir],
          {
            cwd: root.dir,
            env: root.env,
            stdio: ["ignore", "pipe", "pipe"],
          },
        );
        const [stdout, stderr] = await Promise.all([inside.stdout.text(), inside.stderr.text()]);
        expect({ code: await inside.exited, stderr }).toMatchObject({ code: 0 });
        const outcome = JSON.parse(stdout) as Outcome;
        expect(
          outcome.innocents.map(({ as, state, got }) => ({
            as,
            alive: state !== null && !"ZXTt".includes(state),
            got,
          })),
        ).toEqual(["leader", "host", "child"].map((as) => ({ as, alive: true, got: [] })));
        expect(outcome.states).toEqual(["failed", "stopped"]);
        expect(outcome.calls).toEqual([
          "t dev -d: 0",
          "why t dev: 0",
          "restart t dev: 0",
          "stop t dev: 0",
          "t dev -d: 0",
          "doctor --fix: 0",
          "stop --all: 0",
        ]);
        innocents += outcome.innocents.length;
      } finally {
        await root.dispose();
      }
    }
    tellNumbers(`${innocents} processes that were given the pids of dead launches by the kernel, 0 signalled`);
  },
  600_000,
);
