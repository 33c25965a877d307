/**
 * Managed launches as a user drives them: start, replace, ready, stop, restart, ensure, what is printed and what is on
 * disk.
 */
import { expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { TestRoot, until, within } from "../../kit.ts";
import { freePort, lastLine, launchRoot, printed, ps, psOf, readLog, runs } from "../kit/launch.ts";

test("a detached start ends with the line of truth; its files exist, and go with the launch", async () => {
  const port = freePort();
  const root = launchRoot("server", `port: ${port}, ready: { http: "/" },`);
  await within(root, async () => {
    const started = await root.dt(["t", "dev", "--detach"]);
    expect(started.code).toBe(0);
    const [one] = await ps(root);
    expect(lastLine(started)).toBe(
      `t:dev:default ready pid ${one?.pid} http://localhost:${port} log .dialtone/run/t:dev:default.log`,
    );
    expect(one).toMatchObject({
      key: "t:dev:default",
      plugin: "t",
      command: "dev",
      variant: "default",
      state: "ready",
      ports: [port],
      url: `http://localhost:${port}`,
      restarts: 0,
      drift: false,
      exit: null,
      host: { alive: true },
      cwd: root.dir,
      argv: ["bun", "stubborn.ts", "server"],
    } as never);
    expect(root.read(".dialtone/run/t:dev:default.pid")).toBe(`${one?.pid}\n`);
    expect(statSync(root.run).mode & 0o777).toBe(0o700);
    expect(statSync(join(root.run, "t:dev:default.meta.json")).mode & 0o777).toBe(0o600);
    expect(await (await fetch(`http://localhost:${port}`)).text()).toBe("hello");
    expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
    for (const file of ["t:dev:default.pid", "t:dev:default.meta.json", "t:dev:default.lock"])
      expect(existsSync(join(root.run, file))).toBe(false);
    expect(JSON.parse(root.read(".dialtone/run/t:dev:default.exit.json"))).toMatchObject({
      reason: "stopped",
      signal: "SIGTERM",
      by: { by: "user", command: "dt stop t dev" },
    });
    expect(readdirSync(join(root.run, "launch"))).toEqual([]);
    expect(await ps(root)).toEqual([]);
  });
});

test("a rerun replaces the old launch, and keeps its log as the earlier run", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const first = (await psOf(root))?.pid as number;
    await until("it printed", () => readLog(root).includes("plain"));
    const again = await root.dt(["t", "dev", "-d"]);
    expect(again.code).toBe(0);
    expect(again.stderr).toContain(`t:dev:default runs (pid ${first}`);
    const second = (await psOf(root))?.pid as number;
    expect([runs(first), runs(second), first === second]).toEqual([false, true, false]);
    expect(root.read(".dialtone/run/t:dev:default.log.1")).toBe(`plain ${first}\n`);
    expect(JSON.parse(root.read(".dialtone/run/t:dev:default.exit.json"))).toMatchObject({
      reason: "replaced",
      by: { by: "rerun" },
    });
  });
});

test("a launch that is restarted or run again is listed all the while", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    let over = false;
    const again = (async () => {
      for (let at = 0; at < 12; at++) await root.dt(at % 2 === 0 ? ["restart", "t:dev"] : ["t", "dev", "-d"]);
      over = true;
    })();
    let looks = 0;
    for (; !over; looks++) expect((await ps(root)).map((one) => one.key)).toEqual(["t:dev:default"]);
    await again;
    expect(looks).toBeGreaterThan(12);
  });
}, 60_000);

test("fifty starts at once leave exactly one launch", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["list"]);
    const results = await Promise.all(
      Array.from({ length: 50 }, () => root.dt(["t", "dev", "-d"], { timeoutMs: 55_000 })),
    );
    expect(results.filter((one) => one.code !== 0)).toEqual([]);
    const one = await psOf(root);
    expect(one).toMatchObject({ state: "running", host: { alive: true } });
    const stubborn = root.processes().filter((pid) =>
      Bun.spawnSync(["cat", `/proc/${pid}/cmdline`])
        .stdout.toString()
        .includes("stubborn"),
    );
    expect(stubborn).toEqual([one?.pid as number]);
  });
});

test("a launch is ready by log, port, exec or delay", async () => {
  const port = freePort();
  const root = launchRoot(
    "server",
    `port: ${port}, ready: [{ log: "listening \\\\d+" }, { port: true }, { exec: ["test", "-f", "stubborn.ts"] }, { delay: "50ms" }],`,
  );
  await within(root, async () => {
    const started = await root.dt(["t", "dev", "--wait"]);
    expect([started.code, (await psOf(root))?.state]).toEqual([0, "ready"]);
  });
});

test("a start that is not ready in time ends with 124, and its launch stays and is unhealthy", async () => {
  const root = launchRoot("plain", `port: ${freePort()}, ready: { http: "/" },`);
  await within(root, async () => {
    const started = await root.dt(["t", "dev", "-d", "--timeout", "300ms"]);
    expect(started.code).toBe(124);
    expect(started.stderr).toContain("not ready in time");
    expect(await psOf(root)).toMatchObject({ state: "unhealthy" });
  });
});

test("a command that dies while it is waited for fails at once, with its last lines", async () => {
  const root = launchRoot(
    "plain",
    "",
    `dies: { kind: "managed", run: "echo the reason >&2; exit 3", port: ${freePort()}, ready: { port: true } },`,
  );
  await within(root, async () => {
    const started = await root.dt(["t", "dies", "-d"]);
    expect(started.code).toBe(1);
    expect(started.stderr).toContain("failed with code 3");
    expect(started.stderr).toContain("the reason");
    expect(await psOf(root, "t:dies:default")).toMatchObject({ state: "failed", exit: { code: 3, reason: "failed" } });
  });
});

test("a port that another process holds never counts as ready, and its holder is named", async () => {
  const stranger = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const root = launchRoot("plain", `port: ${stranger.port}, ready: { port: true },`);
  await within(root, async () => {
    const started = await root.dt(["t", "dev", "-d"]);
    expect(started.code).toBe(1);
    expect(started.stderr).toContain(`needs port ${stranger.port}, but pid ${process.pid}`);
    expect(await psOf(root)).toMatchObject({ state: "failed", pid: null, exit: { reason: "start-failed" } });
  });
  stranger.stop(true);
});

test("a bad start loses nothing: the old launch runs on", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const first = (await psOf(root))?.pid as number;
    root.write(
      "manifests/t.ts",
      `export default { name: "t", commands: { dev: { kind: "managed", run: ["no-such-program"], cwd: "nowhere" } } };`,
    );
    const bad = await root.dt(["t", "dev", "-d"]);
    expect(bad.code).toBe(127);
    expect(bad.stderr).toContain("working directory");
    expect(runs(first)).toBe(true);
    expect(await psOf(root)).toMatchObject({ state: "running", pid: first, drift: true });
  });
});

test("a restart is done by the living host, or by a new one where there is none", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d", "--", "more"]);
    const first = await psOf(root);
    expect((await root.dt(["restart", "t", "dev"])).code).toBe(0);
    const second = await psOf(root);
    expect(second).toMatchObject({ state: "running", restarts: 1, host: first?.host as never });
    expect(second?.pid).not.toBe(first?.pid as number);
    process.kill(second?.host?.pid as number, "SIGKILL");
    await until("the host is gone", () => !runs(second?.host?.pid as number));
    const restarted = await root.dt(["restart", "t:dev"]);
    expect(restarted.code).toBe(0);
    const third = await psOf(root);
    expect(third).toMatchObject({ state: "running", host: { alive: true } });
    expect([runs(second?.pid as number), third?.pid !== second?.pid]).toEqual([false, true]);
    expect((third as unknown as { argv: string[] }).argv.at(-1)).toBe("more");
  });
});

test("--ensure leaves the same healthy launch alone and replaces a different one", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const first = (await psOf(root))?.pid;
    const same = await root.dt(["t", "dev", "-d", "--ensure", "--json"]);
    expect([same.code, JSON.parse(same.stdout)]).toEqual([
      0,
      expect.objectContaining({ key: "t:dev:default", pid: first, unchanged: true }),
    ]);
    expect((await root.dt(["t", "dev", "-d", "--ensure", "--", "other"])).code).toBe(0);
    expect((await psOf(root))?.pid).not.toBe(first);
  });
});

test("restart on-failure starts a crashed command again, and a stop is not undone", async () => {
  const root = launchRoot("plain", `restart: "on-failure",`);
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const first = (await psOf(root))?.pid as number;
    process.kill(first, "SIGKILL");
    await until("it waits", async () => (await psOf(root))?.state === "backoff");
    const again = await until("it runs again", async () => {
      const one = await psOf(root);
      return one?.state === "running" && one.pid !== first ? one : null;
    });
    expect(again.restarts).toBe(1);
    process.kill(again.pid as number, "SIGKILL");
    await until("it waits again", async () => (await psOf(root))?.state === "backoff");
    expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
    expect(await psOf(root)).toMatchObject({ state: "stopped" });
    await until("its host is gone", () => root.processes().length === 0);
  });
});

test("SIGKILL of the caller changes nothing; Ctrl-C in the caller stops the launch", async () => {
  const root = launchRoot("plain", `ready: { log: "never" },`);
  await within(root, async () => {
    const killed = root.spawn(["t", "dev", "-d"]);
    const pid = await until("it runs", async () => (await psOf(root))?.pid);
    killed.kill("SIGKILL");
    await killed.exited;
    expect(runs(pid)).toBe(true);
    expect(await psOf(root)).toMatchObject({ state: "starting", host: { alive: true } });

    const cancelled = root.spawn(["t", "dev", "-d"]);
    const second = await until("the second runs", async () => {
      const one = await psOf(root);
      return one?.pid && one.pid !== pid ? one.pid : null;
    });
    cancelled.kill("SIGINT");
    expect(await cancelled.exited).toBe(130);
    expect(runs(second)).toBe(false);
    expect(await psOf(root)).toMatchObject({ state: "stopped" });
  });
});

test("a record that is not JSON is set aside and its launch is found", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const pid = (await psOf(root))?.pid as number;
    root.write(".dialtone/run/t:dev:default.meta.json", "{ not json");
    expect(await psOf(root)).toMatchObject({ state: "running", pid });
    expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
    expect(runs(pid)).toBe(false);
    expect(readdirSync(root.run).filter((name) => name.endsWith(".corrupt"))).toHaveLength(1);
  });
});

test("two launches in one log are refused, naming both", async () => {
  const root = launchRoot(
    "plain",
    `log: "dev.log",`,
    `two: { kind: "managed", run: ["sleep", "1000"], log: "dev.log" },`,
  );
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    await until("it printed", () => root.read("dev.log").includes("plain"));
    const second = await root.dt(["t", "two", "-d"]);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain("t:two:default and t:dev:default cannot write one log");
    expect(await psOf(root, "t:two:default")).toMatchObject({
      state: "failed",
      pid: null,
      exit: { reason: "start-failed" },
    });
  });
});

test("a launch may look at itself, but not stop or replace itself", async () => {
  const root = launchRoot(
    "plain",
    "",
    `self: { kind: "managed", run: "dt ps; dt stop t self; echo stop=$?; dt t self -d; echo rerun=$?; exec sleep 1000" },`,
  );
  await within(root, async () => {
    await root.dt(["t", "self", "-d"]);
    const log = await until("it tried", () =>
      /^rerun=\d/m.test(readLog(root, "t:self:default")) ? readLog(root, "t:self:default") : null,
    );
    // It may look before its host has written its pid down.
    expect(Bun.stripANSI(log)).toMatch(/t:self:default {2}(running|starting)/);
    expect(log).toContain("stop=2");
    expect(log).toContain("rerun=2");
    expect(Bun.stripANSI(log)).toContain("inside t:self:default itself");
    expect(await psOf(root, "t:self:default")).toMatchObject({ state: "running" });
  });
});

test("words, keys, plugins and --all name what to stop; stopping a launch that does not run says so", async () => {
  const root = launchRoot("plain", "", `two: { kind: "managed", run: ["sleep", "1000"], variants: { x: {} } },`);
  await within(root, async () => {
    const start = () =>
      Promise.all(
        [
          ["t", "dev", "-d"],
          ["t", "two", "-d"],
          ["t", "two", "x", "-d"],
        ].map((words) => root.dt(words)),
      );
    const keys = async () => (await ps(root)).map((one) => one.key);
    await start();
    expect(await keys()).toEqual(["t:dev:default", "t:two:default", "t:two:x"]);
    await root.dt(["stop", "t", "two", "x"]);
    expect(await keys()).toEqual(["t:dev:default", "t:two:default"]);
    await root.dt(["stop", "t:two", "t:dev:default"]);
    expect(await keys()).toEqual([]);
    await start();
    await root.dt(["stop", "t"]);
    expect(await keys()).toEqual([]);
    const nothing = await root.dt(["stop", "t", "dev"]);
    expect([nothing.code, nothing.stderr]).toEqual([0, "dt: t:dev:default is not running\n"]);
    expect((await root.dt(["status", "t", "dev"])).code).toBe(3);
    expect((await root.dt(["stop"])).code).toBe(2);
    expect((await root.dt(["stop", "../x:y"])).code).toBe(2);
    expect((await root.dt(["stop", "a", "b", "c", "d"])).code).toBe(2);
  });
});

test("PORT, key, token, root and colour hints reach the command, and automatic ports are free and stable", async () => {
  const root = launchRoot(
    "plain",
    "",
    `env: { kind: "managed", run: "env; exec sleep 1000", port: "auto", env: { MINE: "1" } },`,
  );
  await within(root, async () => {
    await root.dt(["t", "env", "-d"]);
    const log = await until("env is printed", () =>
      readLog(root, "t:env:default").includes("PWD=") ? readLog(root, "t:env:default") : null,
    );
    const env = Object.fromEntries(log.split("\n").map((line) => line.split(/=(.*)/s).slice(0, 2)));
    expect(env).toMatchObject({
      MINE: "1",
      DIALTONE_KEY: "t:env:default",
      DIALTONE_ROOT: root.dir,
      FORCE_COLOR: "1",
      PYTHONUNBUFFERED: "1",
    });
    expect(env.DIALTONE_TOKEN).toMatch(/^[0-9a-f]{32}$/);
    expect(env.DIALTONE_HOST).toBeUndefined();
    expect(Number(env.PORT)).toBeGreaterThanOrEqual(20_000);
    await root.dt(["t", "env", "-d"]);
    expect(await psOf(root, "t:env:default")).toMatchObject({ url: `http://localhost:${env.PORT}` });
  });
});

test("printed pids are those of ps", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const pid = await until("it printed", () => printed(readLog(root)).get("plain"));
    expect((await psOf(root))?.pid).toBe(pid);
  });
});

test("--dry-run of stop and restart says what would be done and does nothing", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const { pid } = (await psOf(root)) as { pid: number };
    expect(await root.dt(["stop", "--all", "--dry-run"])).toMatchObject({
      code: 0,
      stdout: `stop     t:dev:default  pid ${pid}\n`,
    });
    const restart = await root.dt(["--dry-run", "restart", "t", "dev"]);
    expect([restart.code, restart.stdout]).toEqual([0, expect.stringContaining("command  bun stubborn.ts plain")]);
    expect(await psOf(root)).toMatchObject({ pid, state: "running" });
  });
});

test("a rerun onto a port that another process holds leaves the old launch running", async () => {
  const port = freePort();
  const root = launchRoot("server", `port: ${port}, ready: { port: true },`);
  const stranger = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const before = await psOf(root);
    const manifest = root.read("manifests/t.ts");
    root.write("manifests/t.ts", manifest.replace(`port: ${port}`, `port: ${stranger.port}`));
    const refused = await root.dt(["t", "dev", "-d"]);
    expect({ code: refused.code, stderr: refused.stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining(`needs port ${stranger.port}`),
    });
    expect(await psOf(root)).toMatchObject({ state: "ready", pid: before?.pid as number });
    root.write("manifests/t.ts", manifest);
    expect((await root.dt(["t", "dev", "-d"])).code).toBe(0); // its own port is no stranger's
  });
  stranger.stop(true);
});

test("without its manifests a launch is still listed and stopped, also from below", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const pid = (await psOf(root))?.pid as number;
    renameSync(join(root.dir, "manifests"), join(root.dir, "elsewhere"));
    expect(await psOf(root)).toMatchObject({ state: "running", pid });
    expect((await root.dt(["stop", "t", "dev"], { cwd: join(root.dir, "elsewhere") })).code).toBe(0);
    expect(runs(pid)).toBe(false);
    renameSync(join(root.dir, "elsewhere"), join(root.dir, "manifests"));
  });
});

test("a log in the place of the user's own file moves that file aside, also where no run is kept", async () => {
  const root = launchRoot("plain", `log: "mine.txt", logs: { keep: 0 },`);
  await within(root, async () => {
    root.write("mine.txt", "precious\n");
    await root.dt(["t", "dev", "-d"]);
    expect(root.read("mine.txt.1")).toBe("precious\n");
    await root.dt(["t", "dev", "-d"]);
    expect(root.read("mine.txt.1")).toBe("precious\n");
  });
});

test("a manifests folder that is refused is named when its plugin is asked for", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    chmodSync(join(root.dir, "manifests"), 0o777);
    const refused = await root.dt(["t", "dev", "-d"]);
    expect({ code: refused.code, stderr: refused.stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining("manifests"),
    });
    expect(refused.stderr).toContain("chmod");
  });
});

test("a frozen host does not outlive a stop: it could serve its key again", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const host = (await psOf(root))?.host?.pid as number;
    process.kill(host, "SIGSTOP");
    expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
    expect(runs(host)).toBe(false);
    expect(root.processes()).toEqual([]);
  });
});

test("two keys with one log, started at the same instant, never both run", async () => {
  const root = launchRoot(
    "plain",
    `log: "dev.log",`,
    `two: { kind: "managed", run: ["sleep", "1000"], log: "dev.log" },`,
  );
  await within(root, async () => {
    await root.dt(["list"]);
    for (let round = 0; round < 5; round++) {
      const both = await Promise.all([root.dt(["t", "dev", "-d"]), root.dt(["t", "two", "-d"])]);
      expect(both.filter((one) => one.code === 0).length).toBeLessThan(2);
      expect((await ps(root)).filter((one) => one.pid !== null).length).toBeLessThan(2);
      await root.dt(["stop", "t"]);
    }
  });
});

test("waiting for a detached launch to be ready costs no processor", async () => {
  const root = TestRoot.create({
    "manifests/t.ts": `export default { name: "t", commands: { dev: { kind: "managed", run: ["sleep", "1000"], ready: { delay: "3s" } } } };`,
  });
  try {
    for (const words of [
      ["t", "dev", "-d"],
      ["up", "t:dev", "-d"],
    ]) {
      await root.dt(["stop", "t", "dev"]);
      const child = root.spawn(words);
      expect(await child.exited).toBe(0);
      // Microseconds; a wait that polls without a pause uses all three seconds.
      expect(Number(child.resourceUsage()?.cpuTime.total)).toBeLessThan(1_500_000);
    }
  } finally {
    await root.dispose();
  }
});
