/**
 * Random histories of one key against a model: whatever was started, stopped, restarted, killed or rebooted in whatever
 * order, `ps` and the process table say what the model says. DT_FAULT_HISTORIES histories (CI a few, the soak a
 * thousand); a failing one is shrunk.
 */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { commandLineOf, launchRoot, leadersOf, psOf, runs } from "../e2e/kit/launch.ts";
import { type TestRoot, until } from "../kit.ts";
import { tellNumbers } from "./numbers.ts";

const HISTORIES = Number(process.env.DT_FAULT_HISTORIES ?? 6);
const LONGEST = 10;

const OPERATIONS = ["start", "stop", "restart", "kill host", "kill leader", "kill caller", "reboot"] as const;
type Operation = (typeof OPERATIONS)[number];

interface Model {
  living: boolean;
  hosted: boolean;
  /** Whether files of an ended launch are left for the next start or stop to finish. */
  unfinished: boolean;
  /** The state of a key that does not live; undefined when it never did. */
  last: "stopped" | "failed" | undefined;
}

async function kill(pid: number): Promise<void> {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it has just ended by itself
  }
  await until(`pid ${pid} is gone`, () => !runs(pid));
}

/** A host that serves the launch may be at work on the next one, of which nothing is to be seen at first. */
const QUIET_MS = 400;

async function settledPs(root: TestRoot): Promise<Awaited<ReturnType<typeof psOf>>> {
  let seen = await psOf(root);
  await until("nothing changes", async () => {
    for (const end = performance.now() + QUIET_MS; performance.now() < end; await Bun.sleep(20)) {
      const now = await psOf(root);
      const isSame = now?.pid === seen?.pid && now?.state === seen?.state && now?.state !== "starting";
      seen = now;
      if (!isSame) return false;
    }
    return true;
  });
  return seen;
}

const APPLY: Record<Operation, (root: TestRoot, model: Model) => Promise<Model>> = {
  async start(root) {
    expect((await root.dt(["t", "dev", "-d"])).code).toBe(0);
    return { living: true, hosted: true, unfinished: false, last: undefined };
  },
  async stop(root, model) {
    expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
    // Of what had failed, the failure is dismissed.
    const last = model.living || model.unfinished || model.last === "failed" ? "stopped" : model.last;
    return { living: false, hosted: false, unfinished: false, last };
  },
  async restart(root) {
    expect((await root.dt(["restart", "t", "dev"])).code).toBe(0);
    return { living: true, hosted: true, unfinished: false, last: undefined };
  },
  async "kill host"(root, model) {
    if (!model.hosted) return model;
    await kill((await psOf(root))?.host?.pid as number);
    return { ...model, hosted: false };
  },
  async "kill leader"(root, model) {
    if (!model.living) return model;
    await kill((await psOf(root))?.pid as number);
    if (model.hosted) await until("its host wrote the exit", async () => (await psOf(root))?.host === null);
    return { living: false, hosted: false, unfinished: !model.hosted, last: "failed" };
  },
  async "kill caller"(root, model) {
    const before = await psOf(root);
    const caller = root.spawn(["t", "dev", "-d"]);
    await Bun.sleep(Math.random() * 40); // the instant to be tried
    caller.kill("SIGKILL");
    await caller.exited;
    // The host, if there is one by now, goes on; the launch is the old one, none, or a new one, and stays that.
    await until("nobody is at work", () =>
      root.processes().every((pid) => !commandLineOf(pid).includes("__host") || isHostOf(root, pid)),
    );
    const after = await settledPs(root);
    if (after?.pid != null && after.pid !== before?.pid)
      return { living: true, hosted: true, unfinished: false, last: undefined };
    return model;
  },
  async reboot(root, model) {
    for (const pid of root.processes()) await kill(pid);
    if (!model.living && !model.unfinished) return model;
    const file = ".dialtone/run/t:dev:default.meta.json";
    const earlier = '"bootId": "00000000-0000-0000-0000-000000000000"';
    root.writeState(file, JSON.parse(root.read(file).replaceAll(/"bootId": "[^"]+"/g, earlier)));
    return { living: false, hosted: false, unfinished: true, last: "failed" };
  },
};

/** Whether this host is the one of the record, done with its start. */
function isHostOf(root: TestRoot, pid: number): boolean {
  try {
    const record = JSON.parse(root.read(".dialtone/run/t:dev:default.meta.json"));
    return record.host.pid === pid && record.phase === "running";
  } catch {
    return false;
  }
}

const done = { histories: 0, operations: 0 };

test(`${HISTORIES} random histories agree with the model`, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...OPERATIONS), { minLength: 1, maxLength: LONGEST }),
      async (history) => {
        const root = launchRoot("plain");
        try {
          await root.dt(["list"]);
          let model: Model = { living: false, hosted: false, unfinished: false, last: undefined };
          for (const [at, operation] of history.entries()) {
            model = await APPLY[operation](root, model);
            const shown = await psOf(root);
            const expected = model.living ? "running" : model.last;
            expect({ after: history.slice(0, at + 1), state: shown?.state }).toEqual({
              after: history.slice(0, at + 1),
              state: expected,
            });
            expect(leadersOf(root)).toEqual(model.living ? [shown?.pid as number] : []);
            if (model.living) expect(shown?.host?.alive).toBe(model.hosted);
            done.operations++;
          }
          done.histories++;
        } finally {
          await root.dispose();
        }
      },
    ),
    { numRuns: HISTORIES },
  );
  tellNumbers(`${done.histories} histories with ${done.operations} operations, model and ps agree after each`);
}, 3_600_000);
