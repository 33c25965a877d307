/**
 * What another host finds of a launch: notes of the first one, and what it was started with, which no other user may
 * read.
 */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { HOST_PROTOCOL } from "../../src/supervisor/callers/wire.ts";
import { connectForLines } from "../../src/sys/net/lineclient.ts";
import { disposeWithDaemon } from "../e2e/kit/daemon.ts";
import { launchRoot, leadersOf, type Ps, psOf, runs } from "../e2e/kit/launch.ts";
import { settled, TestRoot, until } from "../kit.ts";
import { tellNumbers } from "./numbers.ts";
import { CALLS, killedAt, STRACE } from "./steps.kit.ts";

/** False while no host listens there. */
async function askAt(address: string, request: object): Promise<boolean> {
  try {
    const line = await connectForLines(address, { onMessage() {}, onClose() {} });
    line.send(request);
    return true;
  } catch {
    return false;
  }
}

const STRIDE = Number(process.env.DT_FAULT_STRIDE ?? 5);

function tokenOf(root: TestRoot): string {
  return JSON.parse(root.read(".dialtone/run/t:dev:default.meta.json")).token;
}

test("a process that cleared its environment and lost its parent is known to the next host, and ends with a stop", async () => {
  // Nothing but the first host's note shows it: an orphan without the token, in a session of its own, that writes
  // nowhere.
  const root = TestRoot.create({
    "manifests/t.ts": `export default { name: "t", commands: { dev: { kind: "managed",
      run: ["sh", "-c", "(env -i setsid sleep 4711 </dev/null >/dev/null 2>&1 &); exec sleep 1000"],
      alive: { exec: ["test", "!", "-e", "sick"], interval: "100ms", failures: 1 } } } };`,
  });
  try {
    await root.dt(["t", "dev", "-d"]);
    const before = (await psOf(root)) as Ps;
    const adopted = () => {
      const path = join(root.run, "launch", `${tokenOf(root)}.json`);
      const noted = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")).adopted as { pid: number }[]) : [];
      return noted.map(({ pid }) => pid);
    };
    const [hidden] = await until("it is noted", () => (adopted().length > 0 ? adopted() : null));
    process.kill((before.host as { pid: number }).pid, "SIGKILL");
    await root.dt(["daemon", "start"]);
    await until("it has another host", async () => (await psOf(root))?.host?.alive === true);
    // Now the new host writes down what it knows.
    root.write("sick", "");
    await until("it is unhealthy", async () => (await psOf(root))?.state === "unhealthy");
    expect(adopted()).toContain(hidden as number);
    expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
    expect(runs(hidden as number)).toBe(false);
  } finally {
    await disposeWithDaemon(root);
  }
});

test("what a launch was started with is private to its user, goes with the launch, and holds for its next run", async () => {
  const root = launchRoot("plain", 'restart: { policy: "always", delay: "100ms" },');
  // Not in the project, which is archived, committed and shared.
  const launches = join(root.home, ".dialtone", "launches");
  try {
    await root.dt(["t", "dev", "-d"], { env: { SECRET: "only here" } });
    expect(readdirSync(launches)).toEqual([`${tokenOf(root)}.spec`]);
    expect(statSync(join(launches, `${tokenOf(root)}.spec`)).mode & 0o777).toBe(0o600);
    expect(statSync(launches).mode & 0o777).toBe(0o700);
    expect(Bun.spawnSync(["grep", "-rl", "only here", root.dir]).stdout.toString()).toBe("");
    const before = (await psOf(root)) as Ps;
    for (const pid of [(before.host as { pid: number }).pid, before.pid as number]) process.kill(pid, "SIGKILL");
    await root.dt(["daemon", "start"]);
    const next = await until("the policy started it", async () => {
      const now = await psOf(root);
      return now?.state === "running" && now.pid !== before.pid ? now : null;
    });
    expect(readFileSync(`/proc/${next.pid}/environ`, "utf8")).toContain("\0SECRET=only here\0");
    expect(readdirSync(launches)).toEqual([`${tokenOf(root)}.spec`]);
    await root.dt(["stop", "t", "dev"]);
    expect(readdirSync(launches)).toEqual([]);
    expect(readdirSync(join(root.run, "launch"))).toEqual([]);
  } finally {
    await disposeWithDaemon(root);
  }
});

test.skipIf(STRACE === null)(
  "a new host killed at each of its steps leaves the list true and one leader, and the next one hosts the launch",
  async () => {
    const root = launchRoot("plain");
    let kills = 0;
    try {
      await root.dt(["t", "dev", "-d"]);
      const { pid } = (await psOf(root)) as Ps;
      const ground = {
        root: root.dir,
        home: join(root.home, ".dialtone"),
        runDirectory: root.run,
        cache: join(root.dir, ".dialtone/cache"),
        openFiles: null,
        lockBackend: null,
      };
      const request = {
        is: "adopt",
        version: HOST_PROTOCOL,
        ground,
        env: root.env,
        keyring: 0,
        blocked: "0",
        keys: null,
      };
      const address = join(root.base, "host.sock");
      for (const call of CALLS) {
        for (let step = 1; step < 100; step += STRIDE) {
          const host = (await psOf(root))?.host;
          if (host?.alive) process.kill(host.pid, "SIGKILL");
          await until("it has no host", async () => (await psOf(root))?.host?.alive === false);
          let isAsked = false;
          const killed = await killedAt(root, call, step, ["__host", root.dir, address, "own"], {
            isThrough: async () => {
              isAsked ||= await askAt(address, request);
              if (!isAsked) return false;
              if ((await psOf(root))?.host?.alive !== true) return false;
              await settled("what follows the new record", () => statSync(`${root.base}/trace`).size);
              return true;
            },
          });
          const now = (await psOf(root)) as Ps;
          expect({ call, step, pid: now.pid, leaders: leadersOf(root) }).toEqual({
            call,
            step,
            pid,
            leaders: [pid as number],
          });
          if (!killed) break;
          kills++;
        }
      }
      tellNumbers(`another host: killed at each of ${kills} steps, the list true and one leader each time`);
      expect(kills).toBeGreaterThan(2);
      await root.dt(["daemon", "start"]);
      await until("it has a host", async () => (await psOf(root))?.host?.alive === true);
      expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
      expect(runs(pid as number)).toBe(false);
    } finally {
      await disposeWithDaemon(root);
    }
  },
  600_000,
);
