/** Many callers of the root's host at once, very many after each other, and callers of two builds of dt. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { buildOther } from "../e2e/kit/build.ts";
import { hostsOf, type Ps, ps, psOf, runs } from "../e2e/kit/launch.ts";
import { DT, TestRoot, until, within } from "../kit.ts";
import { hostPidOf, hostRoot } from "./host.kit.ts";

const AT_ONCE = 50;
/** DT_HOST_RERUNS: how many. The soak has more. */
const RERUNS = Number(process.env.DT_HOST_RERUNS ?? 60);

test("fifty first starts of fifty commands at once: all run, under one host or two", async () => {
  const names = Array.from({ length: AT_ONCE }, (_, at) => `one${at}`);
  const one = hostRoot(names);
  await within(one.root, async () => {
    const asked = await Promise.all(names.map((name) => one.dt(["t", name, "-d"], { timeoutMs: 60_000 })));
    expect(asked.filter(({ code }) => code !== 0)).toEqual([]);
    const shown = await ps(one.root);
    expect(shown.map(({ state }) => state)).toEqual(names.map(() => "running"));
    const hosts = new Set(shown.map(hostPidOf));
    expect(hosts.size).toBeLessThanOrEqual(2);
    expect(hostsOf(one.root).toSorted()).toEqual([...hosts].toSorted());
  });
}, 120_000);

const descriptorsOf = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;
const memoryOf = (pid: number) => Number(/^RssAnon:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]);

test("reruns of one key in one host leave no descriptors and no memory behind", async () => {
  const one = hostRoot(["a", "b"]);
  await within(one.root, async () => {
    const host = hostPidOf(await one.start("b"));
    const rerun = async (count: number) => {
      for (let at = 0; at < count; at++) expect(hostPidOf(await one.start("a"))).toBe(host);
    };
    await rerun(20);
    const [descriptors, memory] = [descriptorsOf(host), memoryOf(host)];
    await rerun(RERUNS);
    await until("no descriptors are left", () => descriptorsOf(host) <= descriptors + 2);
    const grown = memoryOf(host) - memory;
    console.log(`${RERUNS} reruns: ${descriptorsOf(host) - descriptors} descriptors, ${grown} KiB more`);
    // A leak of all that a start holds is above 40 KiB each.
    expect(grown).toBeLessThan(12 * 1024 + 20 * RERUNS);
  });
}, 300_000);

test("a host of another build keeps its launches, and new ones get a host of the caller's build", async () => {
  const one = hostRoot(["a", "b", "c"]);
  const { root } = one;
  await within(root, async () => {
    const other = `${root.base}/dt-other`;
    await buildOther(other, { version: "9.9.9" });
    const start = async (name: string) => {
      const child = Bun.spawn([other, "t", name, "-d"], {
        cwd: root.dir,
        env: { ...root.env, XDG_RUNTIME_DIR: one.runtime },
        stdio: ["ignore", "ignore", "pipe"],
      });
      expect([await child.stderr.text(), await child.exited]).toEqual([expect.any(String), 0]);
      return (await psOf(root, `t:${name}:default`)) as Ps;
    };
    const old = await start("a");
    const own = await one.start("b");
    expect(hostPidOf(own)).not.toBe(hostPidOf(old));
    expect(await one.ps("a")).toMatchObject({ pid: old.pid, host: { pid: hostPidOf(old), alive: true } });
    // Each goes on to be found by its own build.
    expect(hostPidOf(await start("c"))).toBe(hostPidOf(old));
    // A rerun takes the launch over, and a stop ends one of the other build.
    expect(hostPidOf(await one.start("a"))).toBe(hostPidOf(own));
    expect(await one.ps("c")).toMatchObject({ state: "running", host: { pid: hostPidOf(old), alive: true } });
    expect((await one.dt(["stop", "t", "c"])).code).toBe(0);
    await until("the other build's host has ended", () => !runs(hostPidOf(old)));
    expect((await one.ps("b"))?.pid).toBe(own.pid);
  });
}, 60_000);

test("with few open files those launches run that fit, and the others are refused with a sentence", async () => {
  const names = Array.from({ length: 100 }, (_, at) => `c${at}`);
  const commands = Object.fromEntries(names.map((name) => [name, { kind: "managed", run: ["sleep", "1000"] }]));
  const root = TestRoot.create({ "manifests/t.json": JSON.stringify({ name: "t", commands }) });
  await within(root, async () => {
    await root.dt(["list"]);
    const up = Bun.spawn(["sh", "-c", 'ulimit -n 64; "$@"; exit $?', "sh", DT, "up", "t", "-d"], {
      cwd: root.dir,
      env: root.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const said = await up.stderr.text();
    expect(await up.exited).toBe(1);
    const rows = await ps(root);
    const running = rows.filter(({ state }) => state === "running").length;
    expect(running).toBeGreaterThan(5);
    expect(said.match(/could not be started/g)?.length).toBe(names.length - running);
    expect(said.match(/may open only 64 files/g)?.length).toBe(names.length - running);
    // What runs is served as ever.
    expect((await root.dt(["restart", rows.find(({ state }) => state === "running")?.key as string])).code).toBe(0);
    expect((await root.dt(["stop", "--all"])).code).toBe(0);
  });
}, 120_000);
