/** What callers hear when the host is killed while they wait, or when one of several that wait for a launch gives up. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { commandLineOf, hostsOf, type Ps, runs } from "../e2e/kit/launch.ts";
import { DT, stays, type TestRoot, until, within } from "../kit.ts";
import { type HostRoot, hostPidOf, hostRoot } from "./host.kit.ts";

/** It is ready once there is a file `go`, and ends with 7 once there is a file `bad`. */
const GATED = "echo $$ >> began; until [ -e go ]; do [ -e bad ] && exit 7; sleep 0.05; done; echo up; exec sleep 1000";
const gated = (more: object = {}) => ({
  kind: "managed",
  run: ["sh", "-c", GATED],
  ready: { log: "up" },
  stop: { timeout: "500ms" },
  ...more,
});

/** Both wait until the launch is ready. */
const WAITING: [call: string, words: string[]][] = [
  ["dt t slow -d", ["t", "slow", "-d"]],
  ["dt up t:slow -d", ["up", "t:slow", "-d"]],
];

const limitsOf = (pid: number | null | undefined) => readFileSync(`/proc/${pid}/limits`, "latin1");
const began = (root: TestRoot) => root.read("began").trim().split("\n").length;

async function outcomeOf(child: ReturnType<TestRoot["spawn"]>) {
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  return { code: child.exitCode, text: stdout + stderr };
}

const spawn = ({ root, runtime }: HostRoot, words: string[]) =>
  root.spawn(words, { env: { XDG_RUNTIME_DIR: runtime } });

/** Kills the host of a launch that is starting. */
async function killHostOf(one: HostRoot, name: string): Promise<number> {
  const launch = await until("it starts", async () => {
    const now = await one.ps(name);
    return now?.state === "starting" && now.host?.alive === true && now.pid !== null ? now : null;
  });
  const host = hostPidOf(launch);
  process.kill(host, "SIGKILL");
  await until("the host is gone", () => !runs(host));
  return host;
}

const servedAgain = (one: HostRoot, name: string) =>
  until("another host serves it", async () => {
    const now = await one.ps(name);
    return now?.host?.alive === true && now.state === "starting" ? now : null;
  });

describe("the host is killed while a launch is not ready yet", () => {
  test.each(WAITING)("`%s` ends once the launch is ready, which was made once", async (_, words) => {
    const one = hostRoot([], { slow: gated() });
    await within(one.root, async () => {
      const caller = spawn(one, words);
      await killHostOf(one, "slow");
      const { pid } = await servedAgain(one, "slow");
      expect(caller.exitCode).toBe(null);
      one.root.write("go", "");
      const { code, text } = await outcomeOf(caller);
      expect({ code, text }).toMatchObject({ code: 0, text: expect.stringContaining("ready") });
      expect(text).not.toContain("left alone");
      expect(text).not.toContain("meanwhile");
      expect([(await one.ps("slow"))?.pid, began(one.root)]).toEqual([pid, 1]);
      expect(readdirSync(join(one.root.run, "starts"))).toEqual([]);
      expect((await one.dt(["stop", "t", "slow"])).stderr).not.toContain("called off");
    });
  });

  test.each(WAITING)("`%s` fails when the launch then ends", async (_, words) => {
    const one = hostRoot([], { slow: gated() });
    await within(one.root, async () => {
      const caller = spawn(one, words);
      await killHostOf(one, "slow");
      await servedAgain(one, "slow");
      one.root.write("bad", "");
      expect(await outcomeOf(caller)).toMatchObject({ code: 1 });
    });
  });

  test("what needs the launch begins once that is ready", async () => {
    const dev = { kind: "managed", run: ["sh", "-c", "[ -e go ] && exec sleep 1000"], needs: ["t:slow"] };
    const one = hostRoot([], { slow: gated(), dev });
    await within(one.root, async () => {
      const caller = spawn(one, ["t", "dev", "-d"]);
      await killHostOf(one, "slow");
      await servedAgain(one, "slow");
      expect(await one.ps("dev")).toBeUndefined();
      one.root.write("go", "");
      expect(await outcomeOf(caller)).toMatchObject({ code: 0 });
      expect([(await one.ps("dev"))?.state, began(one.root)]).toEqual(["running", 1]);
    });
  });

  test("a start that needs the launch gives it another host, and waits for it", async () => {
    const dev = { kind: "managed", run: ["sh", "-c", "[ -e go ] && exec sleep 1000"], needs: ["t:slow"] };
    const one = hostRoot([], { slow: gated(), dev });
    await within(one.root, async () => {
      await one.dt(["t", "slow", "--no-wait"]);
      await killHostOf(one, "slow");
      const caller = spawn(one, ["t", "dev", "-d"]);
      await servedAgain(one, "slow");
      one.root.write("go", "");
      expect(await outcomeOf(caller)).toMatchObject({ code: 0 });
      expect(began(one.root)).toBe(1);
    });
  });

  test("a start that needs the launch makes another where no host can take it over", async () => {
    const dev = { kind: "managed", run: ["sleep", "1000"], needs: ["t:slow"] };
    const one = hostRoot([], { slow: gated() });
    one.root.write("manifests/u.json", JSON.stringify({ name: "u", commands: { dev } }));
    await within(one.root, async () => {
      await one.dt(["t", "slow", "--no-wait"]);
      await killHostOf(one, "slow");
      const kept = join(one.root.env.DIALTONE_HOME as string, "launches");
      for (const name of readdirSync(kept)) rmSync(join(kept, name));
      one.root.write("go", "");
      expect(await outcomeOf(spawn(one, ["u", "dev", "-d"]))).toMatchObject({ code: 0 });
      expect([(await one.ps("slow"))?.state, began(one.root)]).toEqual(["ready", 2]);
    });
  }, 30_000);

  test("what needs the launch waits while a start replaces it, however long its end takes", async () => {
    const dev = { kind: "managed", run: ["sleep", "1000"], needs: ["t:slow"] };
    const deaf = gated({ run: ["sh", "-c", `trap "" TERM; ${GATED}`], stop: { timeout: "6500ms" } });
    const one = hostRoot([], { slow: deaf, dev });
    await within(one.root, async () => {
      await one.dt(["t", "slow", "--no-wait"]);
      await killHostOf(one, "slow");
      const next = spawn(one, ["t", "slow", "-d"]);
      await until("the old one ends", async () => (await one.ps("slow"))?.state === "stopping");
      const caller = spawn(one, ["t", "dev", "-d"]);
      await until("the new one starts", () => began(one.root) === 2);
      one.root.write("go", "");
      expect((await outcomeOf(next)).code).toBe(0);
      expect(await outcomeOf(caller)).toMatchObject({ code: 0 });
    });
  }, 40_000);

  test("dt wait goes on waiting, says why, and hears of it from the next host", async () => {
    const one = hostRoot(["other"], { slow: gated() });
    await within(one.root, async () => {
      await one.dt(["t", "slow", "--no-wait"]);
      const waiter = spawn(one, ["wait", "t", "slow"]);
      await killHostOf(one, "slow");
      expect((await one.dt(["wait", "t", "slow", "--timeout", "300ms"])).code).toBe(124);
      await one.start("other");
      await servedAgain(one, "slow");
      expect(waiter.exitCode).toBe(null);
      one.root.write("go", "");
      const { code, text } = await outcomeOf(waiter);
      expect({ code, text }).toMatchObject({ code: 0, text: expect.stringContaining("its host is gone") });
    });
  });
});

test("a stopped host that had to be killed leaves no launch without a host", async () => {
  const one = hostRoot(["a", "b", "c"]);
  await within(one.root, async () => {
    for (const name of ["a", "b", "c"]) await one.start(name);
    const host = hostPidOf(await one.ps("a"));
    process.kill(host, "SIGSTOP");
    expect((await one.dt(["t", "a", "-d"], { timeoutMs: 30_000 })).code).toBe(0);
    await until("the old host was killed", () => !runs(host));
    await until("all have the new host", async () => {
      const all = await Promise.all(["a", "b", "c"].map((name) => one.ps(name)));
      return all.every((launch) => launch?.host?.alive === true && launch.host.pid !== host);
    });
  });
}, 60_000);

test("a launch whose project was moved after its host was killed gets another host there, which starts it again", async () => {
  const again = {
    kind: "managed",
    run: ["sh", "-c", "echo $$ >> ran; exec sleep 1002"],
    restart: { policy: "always", delay: "100ms" },
  };
  const one = hostRoot(["next"], { again });
  const { root } = one;
  await within(root, async () => {
    const { pid, host } = await one.start("again");
    process.kill(host?.pid as number, "SIGKILL");
    await until("the host is gone", () => !runs(host?.pid as number));
    const moved = `${root.dir}-moved`;
    renameSync(root.dir, moved);
    const dt = (...words: string[]) => one.dt(["-C", moved, ...words], { cwd: root.base });
    try {
      await dt("trust");
      expect(await dt("t", "next", "-d")).toMatchObject({ code: 0 });
      const shown = async () => {
        const all = JSON.parse((await dt("ps", "--json")).stdout) as Ps[];
        return all.find(({ key }) => key === "t:again:default");
      };
      await until("it has a host again", async () => {
        const now = await shown();
        return now?.pid === pid && now?.host?.alive === true;
      });
      process.kill(pid as number, "SIGKILL");
      await until("it was started again", async () => {
        const now = await shown();
        return now !== undefined && now.pid !== null && now.pid !== pid;
      });
    } finally {
      await dt("stop", "--all");
      renameSync(moved, root.dir);
    }
  });
}, 60_000);

describe.skipIf(process.getuid?.() !== 0 || process.platform !== "linux")("a launch of another namespace", () => {
  test("is served by the host that takes it over, and is not started again in that one's namespaces", async () => {
    const again = { kind: "managed", run: ["sleep", "1003"], restart: { policy: "always", delay: "100ms" } };
    const one = hostRoot(["next"], { again });
    const { root } = one;
    await within(root, async () => {
      const inside = Bun.spawn(["unshare", "-u", DT, "t", "again", "-d"], {
        cwd: root.dir,
        env: { ...root.env, XDG_RUNTIME_DIR: one.runtime },
        stdio: ["ignore", "ignore", "pipe"],
      });
      expect([await inside.exited, await inside.stderr.text()]).toMatchObject([0, expect.anything()]);
      const { pid, host } = (await one.ps("again")) as Ps;
      process.kill(host?.pid as number, "SIGKILL");
      await one.start("next");
      await until("it has a host again", async () => (await one.ps("again"))?.host?.alive === true);
      process.kill(pid as number, "SIGKILL");
      await until("it is over", async () => (await one.ps("again"))?.state === "failed");
      expect((await one.dt(["why", "t", "again"])).stdout).toContain("its namespaces would be another");
      expect(root.processes().filter((one) => commandLineOf(one) === "sleep 1003 ")).toEqual([]);
    });
  });
});

describe("several starts wait for the same launch", () => {
  /** Three that are asked for while the launch before takes its time to end, so that one launch does for all. */
  async function three(one: HostRoot) {
    one.root.write("go", "");
    await one.start("slow");
    rmSync(join(one.root.dir, "go"));
    const callers = [1, 2, 3].map(() => spawn(one, ["t", "slow", "-d"]));
    const launch = await until("the new one starts", async () => {
      const now = await one.ps("slow");
      return now?.state === "starting" && now.pid !== null ? now : null;
    });
    await until("all wait for it", async () => {
      const waiting = callers.filter(({ exitCode }) => exitCode === null);
      return waiting.length === 3 && readdirSync(join(one.root.run, "starts")).length === 0;
    });
    const maker = callers.find(({ pid }) => pid === (launch as Ps & { startedBy: { pid: number } }).startedBy.pid);
    if (maker === undefined) throw new Error("none of them made it");
    return { maker, others: callers.filter((caller) => caller !== maker), launch };
  }

  const deaf = gated({ run: ["sh", "-c", `trap "" TERM; ${GATED}`], stop: { timeout: "700ms" } });

  test("Ctrl-C at the one that made it ends that start alone", async () => {
    const one = hostRoot([], { slow: deaf });
    await within(one.root, async () => {
      const { maker, others, launch } = await three(one);
      maker.kill("SIGINT");
      expect(await outcomeOf(maker)).toMatchObject({ code: 130, text: expect.stringContaining("runs on") });
      await stays("the launch runs on", async () => (await one.ps("slow"))?.pid === launch.pid, 300);
      const [second, last] = others as [(typeof others)[number], (typeof others)[number]];
      second.kill("SIGINT");
      expect(await outcomeOf(second)).toMatchObject({ code: 130, text: expect.stringContaining("runs on") });
      one.root.write("go", "");
      expect(await outcomeOf(last)).toMatchObject({ code: 0 });
      expect(one.root.read(".dialtone/run/host.err")).not.toContain("abort");
      expect((await one.ps("slow"))?.pid).toBe(launch.pid);
    });
  });

  test("Ctrl-C at the one that made it leaves it to a start with --ensure, too", async () => {
    const one = hostRoot([], { slow: gated() });
    await within(one.root, async () => {
      const maker = spawn(one, ["t", "slow", "-d"]);
      await until("it starts", async () => (await one.ps("slow"))?.state === "starting");
      const other = spawn(one, ["t", "slow", "-d", "--ensure"]);
      await until("it waits", () => readdirSync(join(one.root.run, "starts")).length === 0 && other.exitCode === null);
      await stays("it waits", () => other.exitCode === null, 300);
      maker.kill("SIGINT");
      expect((await outcomeOf(maker)).code).toBe(130);
      one.root.write("go", "");
      expect(await outcomeOf(other)).toMatchObject({ code: 0 });
      expect(began(one.root)).toBe(1);
    });
  });

  test("Ctrl-C at all of them ends the launch", async () => {
    const one = hostRoot([], { slow: deaf });
    await within(one.root, async () => {
      const { maker, others } = await three(one);
      for (const caller of [maker, ...others]) caller.kill("SIGINT");
      for (const caller of [maker, ...others]) expect((await outcomeOf(caller)).code).toBe(130);
      await until(
        "nothing runs",
        async () => (await one.ps("slow"))?.state !== "starting" && hostsOf(one.root).length === 0,
      );
    });
  });
});

test("a launch of dt up that another start replaces while dt up still waits for others is up", async () => {
  const one = hostRoot(["fast"], { slow: gated() });
  await within(one.root, async () => {
    const up = spawn(one, ["up", "t:slow", "t:fast", "-d"]);
    const { pid } = await until("both are there", async () => {
      const [fast, slow] = [await one.ps("fast"), await one.ps("slow")];
      return fast?.state === "running" && slow?.state === "starting" ? fast : null;
    });
    const now = await one.start("fast");
    expect(now.pid).not.toBe(pid);
    one.root.write("go", "");
    const { code, text } = await outcomeOf(up);
    expect({ code, text }).toMatchObject({ code: 0 });
    expect(text).toContain("t:fast:default running");
  });
});

test.skipIf(process.platform !== "linux")(
  "the soft limits of a host's first asker are no limits of its own",
  async () => {
    const one = hostRoot(["a", "b"]);
    const { root } = one;
    await within(root, async () => {
      const low = Bun.spawn(["bash", "-c", `ulimit -Sf 2; exec "${DT}" t a -d`], {
        cwd: root.dir,
        env: { ...root.env, XDG_RUNTIME_DIR: one.runtime },
        stdio: ["ignore", "ignore", "ignore"],
      });
      expect(await low.exited).toBe(0);
      await one.start("b");
      const [a, b] = [await one.ps("a"), await one.start("b")]; // a replacement asks the disk for more room than the limit
      expect(b.host?.pid).toBe(a?.host?.pid as number);
      expect(limitsOf(a?.pid)).toMatch(/Max file size +2048 /);
      expect(limitsOf(b.pid)).toMatch(/Max file size +unlimited /);
    });
  },
);

test("a restart that a stop cuts off ends as any start does that is stopped before it is ready", async () => {
  const one = hostRoot([], { slow: gated() });
  await within(one.root, async () => {
    one.root.write("go", "");
    await one.start("slow");
    rmSync(join(one.root.dir, "go"));
    const restart = spawn(one, ["restart", "t", "slow"]);
    await until("it starts", async () => (await one.ps("slow"))?.state === "starting");
    expect((await one.dt(["stop", "t", "slow"])).code).toBe(0);
    expect(await outcomeOf(restart)).toMatchObject({ code: 130, text: expect.stringContaining("before it was ready") });
  });
});
