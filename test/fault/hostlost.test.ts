/** The root's host is killed: in the middle of a start, and with many launches. Nothing is lost, nothing done twice. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { commandLineOf, hostsOf, ps, psOf, runs } from "../e2e/kit/launch.ts";
import { TestRoot, until, within } from "../kit.ts";
import { hostPidOf, hostRoot } from "./host.kit.ts";
import { STRACE } from "./steps.kit.ts";

const ran = (root: TestRoot) =>
  existsSync(`${root.dir}/ran`) ? root.read("ran").trim().split("\n").filter(Boolean) : [];

/** What a host does for a start, by itself: the spawn, and what comes before it or after it. */
const SPAWN = "vfork";
const AROUND = ["fsync", "rename", "link", "flock", "pidfd_open", "sendto", "write"];
const STEPS = [1, 2, 4];

/** strace on this process: it is killed as it enters its Nth such call. */
async function killAt(pid: number, { call, step, trace }: { call: string; step: number; trace: string }) {
  const words = [
    "-f",
    "-p",
    String(pid),
    "-o",
    trace,
    "-e",
    `trace=${call}`,
    "-e",
    `inject=${call}:signal=SIGKILL:when=${step}`,
  ];
  const strace = Bun.spawn([STRACE as string, ...words], { stdio: ["ignore", "ignore", "pipe"] });
  const traced = () => /^TracerPid:\s*[1-9]/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  await until("strace has it", traced);
  return strace;
}

describe.skipIf(STRACE === null || process.getuid?.() !== 0)("a host that is killed while it starts a launch", () => {
  test.each([SPAWN, ...AROUND])(
    "at its %s: one launch is there, and the start is not done twice",
    async (call) => {
      const once = {
        kind: "managed",
        run: ["sh", "-c", "echo $$ >> ran; exec sleep 1001"],
        stop: { timeout: "500ms" },
      };
      const one = hostRoot(["a"], { once });
      const { root } = one;
      let killed = 0;
      await within(root, async () => {
        for (const step of STEPS) {
          const before = ran(root).length;
          const first = hostPidOf(await one.start("a"));
          const strace = await killAt(first, { call, step, trace: `${root.base}/trace` });
          const asked = await one.dt(["t", "once", "-d"]);
          strace.kill("SIGKILL");
          await strace.exited;
          if (!runs(first)) killed++;
          expect({ step, ...asked }).toMatchObject({ code: 0 });
          await until("it has written", () => ran(root).length > before);
          const launch = await one.ps("once");
          const alive = () => root.processes().filter((pid) => commandLineOf(pid) === "sleep 1001 ");
          expect({ step, alive: alive() }).toEqual({ step, alive: [launch?.pid as number] });
          // The next host replaces what the first one had spawned: a launch whose host is gone is not joined.
          const begun = ran(root).slice(before);
          expect({ step, last: begun.at(-1) }).toEqual({ step, last: String(launch?.pid) });
          expect(begun.length).toBeLessThanOrEqual(call === SPAWN ? 1 : 2);
          expect(launch).toMatchObject({ state: "running", host: { alive: true } });
          await until("the other is served as well", async () => (await one.ps("a"))?.host?.alive === true);
          expect((await one.dt(["stop", "--all"])).code).toBe(0);
          await until("no host is left", () => hostsOf(root).length === 0);
        }
      });
      // Else the test shows nothing of this call.
      if (call === SPAWN || call === "rename") expect(killed).toBeGreaterThan(0);
    },
    120_000,
  );
});

test("a host that is killed with 200 launches: they run on, `ps` is true at once, and the next start gives all one other host", async () => {
  const names = Array.from({ length: 200 }, (_, at) => `many${at}`);
  const one = hostRoot([...names, "next"]);
  const { root } = one;
  await within(root, async () => {
    expect((await one.dt(["up", ...names.map((name) => `t:${name}`), "-d"], { timeoutMs: 60_000 })).code).toBe(0);
    const before = await ps(root);
    expect(before).toHaveLength(200);
    const host = hostPidOf(before[0]);
    expect(new Set(before.map(hostPidOf))).toEqual(new Set([host]));
    process.kill(host, "SIGKILL");
    const seen = await ps(root);
    expect(seen.map(({ key, pid, state }) => ({ key, pid, state }))).toEqual(
      before.map(({ key, pid }) => ({ key, pid, state: "running" })),
    );
    expect(seen.filter((launch) => launch.host?.alive === true)).toEqual([]);
    const began = performance.now();
    const next = hostPidOf(await one.start("next"));
    await until("all have the new host", async () => {
      const now = await ps(root);
      return now.length === 201 && now.every((launch) => launch.host?.alive === true && launch.host.pid === next);
    });
    console.log(`200 launches had a new host ${Math.round(performance.now() - began)} ms after the next start began`);
    expect((await ps(root)).filter(({ key }) => key !== "t:next:default").map(({ pid }) => pid)).toEqual(
      before.map(({ pid }) => pid),
    );
    // Ends are noted by it, and a stop works.
    process.kill(before[7]?.pid as number, "SIGKILL");
    await until("its end is noticed", async () => !(await ps(root)).some(({ pid }) => pid === before[7]?.pid));
    expect((await one.dt(["stop", "--all"], { timeoutMs: 60_000 })).code).toBe(0);
    await until("no host is left", () => hostsOf(root).length === 0);
  });
}, 180_000);

test("a launch of dt up that is replaced before it is ready is let go of at once, although its host goes on", async () => {
  const ready = { log: "never", timeout: "60s" };
  const commands = { dev: { kind: "managed", run: ["sleep", "1000"], ready } };
  const root = TestRoot.create({ "manifests/t.json": JSON.stringify({ name: "t", commands }) });
  await within(root, async () => {
    const up = root.spawn(["up", "t:dev", "-d"]);
    const before = await until("it starts", async () => {
      const one = await psOf(root);
      return one?.pid == null ? null : one;
    });
    // In the foreground, so in another host.
    const shown = root.spawn(["t", "dev"]);
    await until("it is replaced", async () => {
      const now = await psOf(root);
      return now?.pid != null && now.pid !== before.pid;
    });
    // A host that is waited for in vain is killed.
    expect(runs(before.host?.pid as number)).toBe(true);
    expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
    await Promise.all([up.exited, shown.exited]);
    await until("the host has ended", () => !runs(before.host?.pid as number));
  });
}, 60_000);
