/** Launches whose host was killed, with a daemon: each gets another host, and is then served as by its first. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { daemonPid, disposeWithDaemon } from "../e2e/kit/daemon.ts";
import { commandLineOf, type Ps, psOf, readLog, runs } from "../e2e/kit/launch.ts";
import { TestRoot, until } from "../kit.ts";

const make = (commands: string) =>
  TestRoot.create({ "manifests/t.ts": `export default { name: "t", commands: { ${commands} } };` });

async function start(root: TestRoot, ...words: string[]): Promise<Ps> {
  await root.dt(["daemon", "start"]);
  expect((await root.dt(["t", ...words, "-d"])).code).toBe(0);
  return (await psOf(root, `t:${words[0]}:default`)) as Ps;
}

function killHost({ host }: Ps): void {
  process.kill((host as { pid: number }).pid, "SIGKILL");
}

/** The same leader with another host. */
async function hosted(root: TestRoot, before: Ps): Promise<Ps> {
  return until(`${before.key} has another host`, async () => {
    const now = await psOf(root, before.key);
    return now?.pid === before.pid && now.host?.alive === true && now.host.pid !== before.host?.pid ? now : null;
  });
}

test("a launch whose host was killed runs on under another host: shown as before, probed, bounded, stopped with its exit, and tied to its owner", async () => {
  const root = make(`
    dev: { kind: "managed", run: "echo up; exec sleep 1000", ready: { log: "up" }, alive: { exec: ["test", "!", "-e", "sick"], interval: "100ms", failures: 1 } },
    owned: { kind: "managed", run: "exec sleep 1000" }`);
  const owner = Bun.spawn(["sleep", "1000"], { env: {}, cwd: "/", stdio: ["ignore", "ignore", "ignore"] });
  try {
    const before = await start(root, "dev");
    const owned = await start(root, "owned", "--owner", String(owner.pid));
    expect(before.state).toBe("ready");
    killHost(before);
    killHost(owned);
    const after = await hosted(root, before);
    expect(after).toMatchObject({ state: "ready", restarts: 0 });
    await hosted(root, owned);
    // It is asked whether it is alive, as the first host did.
    root.write("sick", "");
    await until("it is unhealthy", async () => (await psOf(root))?.state === "unhealthy");
    expect(readLog(root)).toBe("up\n");
    owner.kill();
    await until("its owner has gone", async () => (await psOf(root, owned.key))?.state === "stopped");
    expect((await root.dt(["why", "t", "owned"])).stdout).toContain("its owner has gone");
    const host = after.host?.pid as number;
    expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
    expect([runs(before.pid as number), runs(host)]).toEqual([false, false]);
    expect(await psOf(root)).toMatchObject({ state: "stopped", exit: { reason: "stopped" } });
  } finally {
    owner.kill("SIGKILL");
    await disposeWithDaemon(root);
  }
});

test("the new host does a restart; an end of the launch by itself has an unknown code, and its policy decides", async () => {
  const root = make(`
    dev: { kind: "managed", run: "echo run; exec sleep 1000", restart: { policy: "on-failure", delay: "100ms" } },
    once: { kind: "managed", run: "exec sleep 1000" }`);
  try {
    const before = await start(root, "dev");
    const once = await start(root, "once");
    killHost(before);
    killHost(once);
    const after = await hosted(root, before);
    await hosted(root, once);
    expect((await root.dt(["restart", "t", "dev"])).code).toBe(0);
    const restarted = (await psOf(root)) as Ps;
    expect(restarted).toMatchObject({ state: "running", host: after.host });
    killHost(restarted);
    const again = await hosted(root, restarted);
    process.kill(again.pid as number, "SIGKILL");
    const next = await until("the policy started it", async () => {
      const now = await psOf(root);
      return now?.state === "running" && now.pid !== again.pid ? now : null;
    });
    expect(next.restarts).toBe(again.restarts + 1);
    process.kill(once.pid as number, "SIGKILL");
    await until("the other's end is written", async () => (await psOf(root, once.key))?.exit?.reason === "unknown");
    expect((await psOf(root, once.key))?.exit).toMatchObject({ code: null, signal: null, reason: "unknown" });
    expect((await root.dt(["why", "t", "once"])).stdout).toContain("how it ended is unknown");
  } finally {
    await disposeWithDaemon(root);
  }
});

test("the policy goes on when host and leader are killed at once, and when a host that waits between two runs is", async () => {
  const root = make(`
    dev: { kind: "managed", run: "exec sleep 1000", restart: "always" },
    gone: { kind: "managed", run: "exec sleep 1000" },
    loop: { kind: "managed", run: "echo x >> runs; sleep 0.2; exit 1", restart: { policy: "on-failure", delay: "3s", jitter: 0 } }`);
  try {
    const before = await start(root, "dev");
    const gone = await start(root, "gone");
    await root.dt(["t", "loop", "-d"]);
    for (const one of [before, gone]) {
      process.kill((one.host as { pid: number }).pid, "SIGKILL");
      process.kill(one.pid as number, "SIGKILL");
    }
    const waiting = await until("it waits", async () => {
      const now = await psOf(root, "t:loop:default");
      return now?.state === "backoff" ? now : null;
    });
    killHost(waiting);
    await until("it is started again", async () => {
      const now = await psOf(root);
      return now?.state === "running" && now.pid !== before.pid && now.restarts === 1;
    });
    await until("what has no policy has failed", async () => (await psOf(root, gone.key))?.exit?.reason === "unknown");
    await until("the other goes on as well", () => root.read("runs").split("\n").length > 2);
    await root.dt(["stop", "t", "loop"]);
    expect(await psOf(root, "t:loop:default")).toMatchObject({ state: "stopped" });
  } finally {
    await disposeWithDaemon(root);
  }
});

test("when the root's host is killed, all of its launches get one other", async () => {
  const root = make(`a: { kind: "managed", run: "exec sleep 1000" }, b: { kind: "managed", run: "exec sleep 1000" }`);
  try {
    await root.dt(["daemon", "start"]);
    expect((await root.dt(["up", "t", "-d"])).code).toBe(0);
    const [a, b] = [(await psOf(root, "t:a:default")) as Ps, (await psOf(root, "t:b:default")) as Ps];
    expect(a.host).toEqual(b.host);
    killHost(a);
    const [one, other] = [await hosted(root, a), await hosted(root, b)];
    expect(one.host?.pid).toBe(other.host?.pid);
    expect((await root.dt(["down"])).code).toBe(0);
  } finally {
    await disposeWithDaemon(root);
  }
});

test("a stop that was cut off is finished; a launch with another host can be stopped without a daemon", async () => {
  const root = make(
    `dev: { kind: "managed", run: ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], stop: { timeout: "1s" } }`,
  );
  try {
    const before = await start(root, "dev");
    killHost(before);
    await hosted(root, before);
    const stop = root.spawn(["stop", "t", "dev"]);
    await until("it is being stopped", async () => (await psOf(root))?.state === "stopping");
    const { host } = (await psOf(root)) as Ps;
    stop.kill("SIGKILL");
    process.kill((host as { pid: number }).pid, "SIGKILL");
    await until(
      "the daemon has finished it",
      async () => (await psOf(root))?.state === "stopped" && !runs(before.pid as number),
      20_000,
    );
    const next = await start(root, "dev");
    killHost(next);
    await hosted(root, next);
    await root.dt(["daemon", "stop"]);
    expect((await root.dt(["t", "dev", "-d"])).code).toBe(0);
    expect(runs(next.pid as number)).toBe(false);
  } finally {
    await disposeWithDaemon(root);
  }
});

test("hosts that are killed again and again are replaced, a living host takes the next start, and a launch that the user stopped meanwhile gets none", async () => {
  const root = make(
    `dev: { kind: "managed", run: "exec sleep 1000" }, other: { kind: "managed", run: "exec sleep 1001" }`,
  );
  try {
    const before = await start(root, "dev");
    let now = before;
    for (let round = 0; round < 2; round++) {
      killHost(now);
      now = await hosted(root, now);
    }
    expect(root.processes().filter((pid) => commandLineOf(pid) === "sleep 1000 ")).toEqual([before.pid as number]);
    expect(readFileSync(`${root.run}/host.err`, "utf8")).toBe("");
    // A host that lives is left alone, and takes the next start.
    let other = await start(root, "other");
    expect(other.host).toEqual(now.host);
    killHost(other);
    expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
    other = await hosted(root, other);
    // That the other one gets a host shows that the daemon has looked.
    killHost(other);
    other = await hosted(root, other);
    expect(await psOf(root)).toMatchObject({ state: "stopped" });
    const left = [await daemonPid(root), other.pid as number, other.host?.pid as number];
    expect(root.processes().sort()).toEqual(left.sort());
  } finally {
    await disposeWithDaemon(root);
  }
}, 60_000);

test("a policy's restarts are counted on under another host, during its wait and while the launch runs", async () => {
  const root = make(`
    dev: { kind: "managed", run: "echo run >> runs; test -e hold && exec sleep 1000; exit 1", restart: { policy: "on-failure", delay: "300ms", maxDelay: "300ms", limit: { count: 4, window: "1h" } } }`);
  try {
    await root.dt(["daemon", "start"]);
    expect((await root.dt(["t", "dev", "-d"])).code).toBe(0);
    const waits = await until("it waits", async () => {
      const now = await psOf(root);
      return now?.state === "backoff" ? now : null;
    });
    killHost(waits);
    const again = await until("it waits, or runs, under another host", async () => {
      const now = await psOf(root);
      return now?.host?.alive === true && now.host.pid !== waits.host?.pid ? now : null;
    });
    root.write("hold", "");
    const running = await until("it runs", async () => {
      const now = await psOf(root);
      return now?.state === "running" ? now : null;
    });
    expect(running.host).toEqual(again.host);
    killHost(running);
    const third = await hosted(root, running);
    (await import("node:fs")).rmSync(`${root.dir}/hold`);
    process.kill(third.pid as number, "SIGKILL");
    await until("the policy has given up", async () => {
      const now = await psOf(root);
      return now?.state === "failed" && now.note?.includes("given up") === true;
    });
    expect(root.read("runs").trim().split("\n")).toHaveLength(5);
  } finally {
    await disposeWithDaemon(root);
  }
}, 60_000);

test("a launch from before the machine was started again is not started again, whether it ran or waited", async () => {
  const root = make(`
    dev: { kind: "managed", run: "echo dev >> runs; exec sleep 1000", restart: "always" },
    wait: { kind: "managed", run: "echo wait >> runs; exit 1", restart: { policy: "on-failure", delay: "1h", maxDelay: "1h" } },
    now: { kind: "managed", run: "exec sleep 1000" }`);
  try {
    for (const name of ["dev", "wait", "now"]) {
      await root.dt(["t", name, "-d", "--no-wait"]);
      const one = await until("it is there", async () => {
        const seen = await psOf(root, `t:${name}:default`);
        return (name === "wait" ? seen?.state === "backoff" : seen?.state === "running") ? seen : null;
      });
      killHost(one as Ps);
      if (name === "now") continue;
      if (one?.pid != null) process.kill(one.pid, "SIGKILL");
      const file = `.dialtone/run/t:${name}:default.meta.json`;
      const earlier = '"bootId": "00000000-0000-0000-0000-000000000000"';
      root.writeState(file, JSON.parse(root.read(file).replaceAll(/"bootId": "[^"]+"/g, earlier)));
    }
    const left = (await psOf(root, "t:now:default")) as Ps;
    await root.dt(["daemon", "start"]);
    await hosted(root, left);
    expect(await psOf(root, "t:dev:default")).toMatchObject({ state: "failed", pid: null });
    expect(await psOf(root, "t:wait:default")).toMatchObject({ state: "failed", pid: null });
    expect(root.read("runs")).toBe("dev\nwait\n");
    expect((await root.dt(["t", "dev", "-d"])).code).toBe(0);
  } finally {
    await disposeWithDaemon(root);
  }
}, 60_000);
