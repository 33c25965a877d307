/** What callers hear whose host is stopped (SIGSTOP), or ends, after it has greeted them. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { idleSocketsOf, type Ps, runs, socketsOf } from "../e2e/kit/launch.ts";
import { stays, type TestRoot, until, within } from "../kit.ts";
import { type HostRoot, hostPidOf, hostRoot } from "./host.kit.ts";

/** It is ready once there is a file `go`. */
const SLOW = {
  kind: "managed",
  run: ["sh", "-c", "echo $$ >> began; until [ -e go ]; do sleep 0.05; done; echo up; exec sleep 1000"],
  ready: { log: "up" },
  stop: { timeout: "500ms" },
};
/** A manifest that is loaded only once there is a file `loaded`. */
const LATE = `import { existsSync } from "node:fs";
while (!existsSync(\`\${import.meta.dirname}/../loaded\`)) await new Promise((done) => setTimeout(done, 20));
export default { name: "s", commands: { x: { kind: "managed", run: ["sh", "-c", "echo $$ >> ran; exec sleep 1001"] } } };
`;

const spawn = ({ root, runtime }: HostRoot, words: string[]) =>
  root.spawn(words, { env: { XDG_RUNTIME_DIR: runtime } });

async function outcomeOf(child: ReturnType<TestRoot["spawn"]>) {
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  return { code: child.exitCode, text: stdout + stderr };
}

const linesOf = (root: TestRoot, file: string) => root.read(file).trim().split("\n").length;

function isAnnounced({ root }: HostRoot): boolean {
  const starts = join(root.run, "starts");
  return existsSync(starts) && readdirSync(starts).some((name) => name.startsWith("unnamed."));
}

/** A start whose host has greeted it, and that has not asked for anything yet. */
async function greeted(one: HostRoot, host: number) {
  one.root.write("manifests/s.ts", LATE);
  const idle = await idleSocketsOf(host);
  const caller = spawn(one, ["s", "x", "-d"]);
  await until("the host greets it", () => socketsOf(host) > idle);
  await until("it is announced", () => isAnnounced(one));
  return caller;
}

const psOf = async (one: HostRoot, key: string) =>
  (JSON.parse((await one.dt(["ps", "--all", "--json"])).stdout) as Ps[]).find((launch) => launch.key === key);

/** Stops a host for as long as the work takes. */
async function whileStopped(host: number, work: () => Promise<void>): Promise<void> {
  process.kill(host, "SIGSTOP");
  try {
    await work();
  } finally {
    if (runs(host)) process.kill(host, "SIGCONT");
  }
}

describe.skipIf(process.platform !== "linux")("the host is stopped", () => {
  test.each([
    ["dt t slow -d", ["t", "slow", "-d"]],
    ["dt up t:slow -d", ["up", "t:slow", "-d"]],
  ] as [string, string[]][])(
    "`%s`, which waits for a launch, ends and says so",
    async (_, words) => {
      const one = hostRoot([], { slow: SLOW });
      await within(one.root, async () => {
        const caller = spawn(one, words);
        const launch = await until("it starts", async () => {
          const now = await one.ps("slow");
          return now?.state === "starting" && now.pid !== null ? now : null;
        });
        const host = hostPidOf(launch);
        await whileStopped(host, async () => {
          const { code, text } = await outcomeOf(caller);
          expect(text).toMatch(
            new RegExp(`host \\(pid ${host}\\) is stopped, (and so does not answer|so it goes on with t:slow)`),
          );
          expect(code).toBe(124);
          expect(linesOf(one.root, "began")).toBe(1);
        });
        one.root.write("go", "");
        await until("its host goes on", async () => (await one.ps("slow"))?.state === "ready");
        expect((await one.ps("slow"))?.pid).toBe(launch.pid as number);
      });
    },
    30_000,
  );

  test("Ctrl-C at a start that waits for it ends that start, and the launch once the host goes on", async () => {
    const one = hostRoot([], { slow: SLOW });
    await within(one.root, async () => {
      const caller = spawn(one, ["t", "slow", "-d"]);
      const launch = await until("it starts", async () => {
        const now = await one.ps("slow");
        return now?.state === "starting" && now.pid !== null ? now : null;
      });
      await whileStopped(hostPidOf(launch), async () => {
        caller.kill("SIGINT");
        const { code, text } = await outcomeOf(caller);
        expect(text).toContain("gives up t:slow:default only when it goes on itself");
        expect(text).toContain("dt stop t:slow:default");
        expect(code).toBe(130);
      });
      await until("the launch is over", () => !runs(launch.pid as number));
    });
  });

  test.each([
    ["dt t last -d", ["t", "last", "-d"], "Ctrl-C", 130],
    ["dt t last -d", ["t", "last", "-d"], "time", 124],
    ["dt up t:last -d", ["up", "t:last", "-d"], "time", 124],
  ] as const)(
    "what runs before a launch runs once (%s), and a stop calls the start off that is left with that host, after %s",
    async (_, words, by, code) => {
      const first = "echo $$ >> first; until [ -e go ]; do sleep 0.05; done";
      const one = hostRoot(["a"], {
        first: { kind: "oneshot", run: ["sh", "-c", first] },
        last: { kind: "managed", run: ["sh", "-c", "echo $$ >> last; exec sleep 1000"], before: ["t:first"] },
      });
      const exists = (name: string) => existsSync(join(one.root.dir, name));
      await within(one.root, async () => {
        const host = hostPidOf(await one.start("a"));
        const caller = spawn(one, [...words]);
        await until("it runs", () => exists("first"));
        await whileStopped(host, async () => {
          if (by === "Ctrl-C") caller.kill("SIGINT");
          const { code: got, text } = await outcomeOf(caller);
          expect({ got, text }).toEqual({ got: code, text: expect.stringContaining(`kill -CONT ${host}`) });
          const stop = await one.dt(["stop", "t", "last"]);
          expect(stop).toMatchObject({ code: 0, stderr: expect.stringContaining("its start was called off") });
        });
        await until("the host gives it up", () => readdirSync(join(one.root.run, "starts")).length === 0);
        one.root.write("go", "");
        // What it is asked for later comes later.
        await one.dt(["restart", "t", "a"]);
        expect([exists("last"), linesOf(one.root, "first")]).toEqual([false, 1]);
        expect((await psOf(one, "t:last:default"))?.pid ?? null).toBe(null);
      });
    },
    30_000,
  );

  test("before it was asked: another host does the start, once", async () => {
    const one = hostRoot(["a"]);
    await within(one.root, async () => {
      const host = hostPidOf(await one.start("a"));
      const caller = await greeted(one, host);
      await whileStopped(host, async () => {
        one.root.write("loaded", "");
        expect(await outcomeOf(caller)).toMatchObject({ code: 0 });
        expect(hostPidOf(await psOf(one, "s:x:default"))).not.toBe(host);
      });
      const { pid } = (await psOf(one, "s:x:default")) as Ps;
      // What it was asked meanwhile it has read by then.
      await one.dt(["restart", "t", "a"]);
      expect([(await psOf(one, "s:x:default"))?.pid, linesOf(one.root, "ran")]).toEqual([pid, 1]);
    });
  }, 30_000);
});

test("a start that is stopped while its manifests load holds up no other", async () => {
  const one = hostRoot(["a"]);
  await within(one.root, async () => {
    await one.dt(["list"]);
    one.root.write("manifests/s.ts", LATE);
    const caller = spawn(one, ["s", "x", "-d"]);
    const lock = join(one.root.dir, ".dialtone/cache/loading.lock");
    await until(
      "its load has the turn",
      () => existsSync(lock) && readFileSync(lock, "utf8").includes(`${caller.pid}`),
    );
    caller.kill("SIGSTOP");
    try {
      one.root.write("loaded", "");
      expect(await one.dt(["t", "a", "-d"], { timeoutMs: 15_000 })).toMatchObject({ code: 0 });
    } finally {
      caller.kill("SIGCONT");
    }
    expect(await outcomeOf(caller)).toMatchObject({ code: 0 });
  });
}, 30_000);

test("a start that is stopped while its manifests load holds up no stop of what does not run", async () => {
  const one = hostRoot(["a"]);
  await within(one.root, async () => {
    await one.dt(["list"]);
    one.root.write("manifests/s.ts", LATE);
    const caller = spawn(one, ["s", "x", "-d"]);
    await until("it is announced", () => isAnnounced(one));
    caller.kill("SIGSTOP");
    try {
      expect(await one.dt(["stop", "s", "x"], { timeoutMs: 10_000 })).toMatchObject({ code: 0 });
    } finally {
      one.root.write("loaded", "");
      caller.kill("SIGCONT");
    }
    expect((await outcomeOf(caller)).code).toBe(130);
  });
}, 30_000);

describe.skipIf(process.platform !== "linux")("the host ends", () => {
  test.each([
    ["with its last launch", async (one: HostRoot) => void (await one.dt(["stop", "t", "a"]))],
    ["by SIGKILL", async (one: HostRoot) => void process.kill(hostPidOf(await one.ps("a")), "SIGKILL")],
  ])("%s, before it was asked: a stop that comes meanwhile wins", async (_, end) => {
    const one = hostRoot(["a"]);
    await within(one.root, async () => {
      const caller = await greeted(one, hostPidOf(await one.start("a")));
      await end(one);
      const stop = spawn(one, ["stop", "s", "x"]);
      await stays("the stop waits for the start", () => stop.exitCode === null, 300);
      one.root.write("loaded", "");
      expect(await outcomeOf(caller)).toMatchObject({ code: 130, text: expect.stringContaining("stopped meanwhile") });
      expect((await outcomeOf(stop)).code).toBe(0);
      expect((await psOf(one, "s:x:default"))?.pid ?? null).toBe(null);
    });
  });
});

test.skipIf(process.platform !== "linux")(
  "a library that the host's first caller preloads is in that caller's launch, and not in the host",
  async () => {
    const one = hostRoot(["a", "b"]);
    await within(one.root, async () => {
      const preload = { LD_PRELOAD: "/nowhere/preloaded.so" };
      expect((await one.dt(["t", "a", "-d"], { env: preload })).code).toBe(0);
      const [a, b] = [await one.ps("a"), await one.start("b")];
      expect(hostPidOf(a)).toBe(hostPidOf(b));
      const isIn = [a?.pid, a?.host?.pid, b.pid].map((pid) =>
        readFileSync(`/proc/${pid}/environ`, "latin1").includes("/nowhere/preloaded.so"),
      );
      expect(isIn).toEqual([true, false, false]);
    });
  },
);
