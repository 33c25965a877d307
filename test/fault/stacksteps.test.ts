/**
 * SIGKILL at each step of a stack's life, every process of dt and of Compose alike: what the engine has is what `ps`
 * tells, a stop ends it all, and a start after that has it whole. CI takes a few steps of some calls (DT_FAULT_STRIDE),
 * the soak each.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type DockerEngine, IMAGE, noEngine, startEngine } from "../e2e/kit/docker.ts";
import { commandLineOf } from "../e2e/kit/launch.ts";
import { TestRoot, until } from "../kit.ts";
import { tellNumbers } from "./numbers.ts";
import { CALLS, hostKilledAt, killedAt, STRACE } from "./steps.kit.ts";

const missing = noEngine() ?? (STRACE === null ? "there is no strace" : null);
if (missing !== null) console.error(`skipped: killing at each step of a stack: ${missing}`);

const STRIDE = Number(process.env.DT_FAULT_STRIDE ?? 19);
const KINDS = STRIDE === 1 ? CALLS : ["unlink", "vfork", "exit_group"];

const FILE = `version: "2.4"
services:
  page: { image: "${IMAGE}", network_mode: none, init: true, stop_grace_period: 1s, command: ["sleep", "1000"] }
`;
const MANIFEST = `export default ${JSON.stringify({
  name: "t",
  commands: { dev: { kind: "managed", compose: { file: "compose.yaml" } } },
})};`;

interface Row {
  key: string;
  state: string;
  host: { pid: number; alive: boolean } | null;
  services: { service: string; state: string }[] | null;
}

describe.skipIf(missing !== null)("a stack", () => {
  let engine: DockerEngine;
  beforeAll(async () => {
    engine = await startEngine();
  }, 60_000);
  afterAll(async () => {
    await engine?.dispose();
  }, 60_000);

  const dt = (root: TestRoot, ...args: string[]) => root.dt(args, { env: engine.env, timeoutMs: 60_000 });
  const row = async (root: TestRoot) =>
    (JSON.parse((await dt(root, "ps", "--all", "--json")).stdout) as Row[]).find(({ key }) => key === "t:dev:default");
  const isCompose = (pid: number) => / -f \S*compose\.yaml (up|down|config)/.test(commandLineOf(pid));

  /** What a killed dt left to Compose is done, hosts have ended what was left, and the result is reported. */
  async function expectTold(root: TestRoot, what: string): Promise<void> {
    await until(`Compose is done after ${what}`, () => !root.processes().some(isCompose), 30_000);
    await until(
      `what is there is told after ${what}`,
      async () => {
        const there = engine.containers().length;
        const shown = await row(root);
        const told = (shown?.services ?? []).filter(({ state }) => state !== "gone").length;
        const isOver = shown === undefined || ["stopped", "failed", "exited", "crashed"].includes(shown.state);
        return isOver ? there === 0 : there === told || null;
      },
      20_000,
    );
  }

  /** `host`: the host that serves the stack already is killed, and its Compose; else what the command itself starts. */
  for (const [name, running, args, victim] of [
    ["start", false, ["t", "dev", "-d"], "caller"],
    ["converge", true, ["t", "dev", "-d"], "host"],
    ["stop", true, ["stop", "t", "dev"], "caller"],
    ["restart", true, ["restart", "t", "dev"], "caller"],
    ["restart by the host", true, ["restart", "t", "dev"], "host"],
  ] as [string, boolean, string[], "caller" | "host"][]) {
    test(`SIGKILL at each step of ${name}`, async () => {
      const root = TestRoot.create({ "manifests/t.ts": MANIFEST, "compose.yaml": FILE });
      const { env } = engine;
      let kills = 0;
      try {
        await dt(root, "list");
        for (const call of KINDS) {
          for (let step = 1; step < 100; step += STRIDE) {
            const what = `${name} was killed at ${call} number ${step}`;
            if (running) await dt(root, "t", "dev", "-d");
            const killed =
              victim === "host"
                ? await hostKilledAt(root, { host: (await row(root))?.host?.pid as number, call, step, args, env })
                : await killedAt(root, call, step, args, { env });
            await expectTold(root, what);
            const stop = await dt(root, "stop", "t", "dev");
            expect({ what, code: stop.code, stderr: stop.code === 0 ? "" : stop.stderr }).toEqual({
              what,
              code: 0,
              stderr: "",
            });
            expect({ what, left: engine.containers() }).toEqual({ what, left: [] });
            if (!killed) break;
            kills++;
          }
        }
        expect(await dt(root, "t", "dev", "-d")).toMatchObject({ code: 0 });
        expect(await row(root)).toMatchObject({ state: "ready", host: { alive: true } });
        expect(engine.containers()).toHaveLength(1);
        tellNumbers(
          `stack, ${name}: killed at each of ${kills} steps; every container listed, none left by the next stop`,
        );
        expect(kills).toBeGreaterThan(STRIDE === 1 ? 5 : 0);
      } finally {
        await dt(root, "stop", "--all");
        const left = engine.containers();
        if (left.length > 0) engine.docker("rm", "--force", ...left);
        await root.dispose();
      }
    }, 1_800_000);
  }
});
