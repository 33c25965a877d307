/** `dt why`: what it says of a key in every state, from what is on disk; and what exit.json holds. */
import { expect, test } from "bun:test";
import { appendFileSync, chmodSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type TestRoot, until, within } from "../../kit.ts";
import { freePort, launchRoot, ps, psOf, readLog, runs } from "../kit/launch.ts";

const KEY = "t:dev:default";

interface Why {
  key: string;
  state: string | null;
  pid: number | null;
  why: string[];
  startedBy: { by: string; pid: number; command: string } | null;
  restarts: number;
  host: { pid: number; presence: string; detached: boolean } | null;
  ready: { is: string; why: string | null; waitsFor: string[] } | null;
  backoff: { because: string; nextAt: string; inRow: number } | null;
  want: { want: string; by: { by: string; command: string } } | null;
  exit: {
    code: number | null;
    signal: string | null;
    reason: string;
    meaning: string | null;
    uptimeMs: number;
    restarts: number;
    by: { by: string; command: string; pid: number } | null;
    error: { code: string; message: string } | null;
  } | null;
  drift: { field: string; name?: string; change?: string; was?: unknown; now?: unknown }[] | null;
  lock: { pid: number | null; presence: string; doing: string | null; backend: string | null } | null;
  log: { is: string; freeBytes: number | null };
  unreadable: { file: string }[];
  lastLines: string[];
}

async function whyOf(root: TestRoot, key = KEY, ...flags: string[]): Promise<Why> {
  const result = await root.dt(["why", "--json", ...flags, key]);
  expect({ code: result.code, stderr: result.stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(result.stdout) as Why;
}

async function textOf(root: TestRoot, key = KEY, ...flags: string[]): Promise<string> {
  const result = await root.dt(["why", ...flags, key]);
  expect({ code: result.code, stderr: result.stderr }).toEqual({ code: 0, stderr: "" });
  return result.stdout;
}

const file = (kind: string, key = KEY) => `.dialtone/run/${key}.${kind}`;

function change(root: TestRoot, path: string, edit: (value: never) => void): void {
  const value = JSON.parse(root.read(path));
  edit(value as never);
  root.writeState(path, value);
}

test("why explains a declared key that never ran, and answers an unknown one with the nearest names", async () => {
  const root = launchRoot("plain", "", `one: { kind: "oneshot", run: ["true"] },`);
  await within(root, async () => {
    await root.dt(["list"]);
    expect(await textOf(root)).toContain("t:dev:default has never run here. `dt t dev` starts it.");
    expect(await textOf(root, "t:one")).toContain("is a one-shot");
    const unknown = await root.dt(["why", "t", "devv"]);
    expect([unknown.code, unknown.stdout]).toEqual([2, ""]);
    expect(unknown.stderr).toContain("Did you mean t:dev?");
    expect(JSON.parse((await root.dt(["why", "t", "devv", "--json"])).stdout)).toMatchObject({
      error: { code: "unknown", status: 2, details: { names: ["t:devv:default"], nearest: ["t:dev"] } },
    });
    const mixed = await root.dt(["why", "t:dev", "x:y"]);
    expect([mixed.code, mixed.stdout]).toEqual([2, ""]);
    expect(mixed.stderr).toContain('There is no plugin named "x" in ');
    expect((await root.dt(["why", "nope"])).code).toBe(2);
    expect(await root.dt(["why", "t"])).toMatchObject({
      code: 3,
      stdout: "",
      stderr: "dt: nothing of t has run here\n",
    });
    expect(await root.dt(["why"])).toMatchObject({ code: 0, stdout: "Nothing has run here.\n" });
    expect((await root.dt(["why", "../x:y"])).code).toBe(2);
    expect(existsSync(root.run)).toBe(false);
  });
});

test("why says of a running launch since when, by whom and with which host, also without its host", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    const caller = root.spawn(["t", "dev", "-d"]);
    await caller.exited;
    const pid = (await psOf(root))?.pid as number;
    const why = await whyOf(root);
    expect(why).toMatchObject({
      key: KEY,
      state: "running",
      pid,
      startedBy: { by: "user", pid: caller.pid, command: "dt t dev -d" },
      host: { presence: "alive", detached: true },
      want: { want: "run", by: { command: "dt t dev -d" } },
      exit: null,
      drift: [],
      lock: null,
      unreadable: [],
      lastLines: [],
    });
    const text = await textOf(root);
    expect(text).toContain(`t:dev:default has been running as pid ${pid} for `);
    expect(text).toContain(`by dt t dev -d (pid ${caller.pid})`);
    process.kill(why.host?.pid as number, "SIGKILL");
    await until("the host is gone", () => !runs(why.host?.pid as number));
    expect(await whyOf(root)).toMatchObject({ state: "running", host: { presence: "gone" } });
    expect(await textOf(root)).toContain(`Its host (pid ${why.host?.pid}) is gone: it runs on`);
    process.kill(pid, "SIGKILL");
    await until("it is gone", () => !runs(pid));
    const after = await whyOf(root);
    expect(after).toMatchObject({ state: "failed", lastLines: [`plain ${pid}`] });
    expect(after.why[0]).toBe(
      "t:dev:default is not running: it ended while its host was gone, so when and how it ended is unknown.",
    );
  });
});

test("why says what a starting launch waits for, then why it is unhealthy, then that it is ready", async () => {
  const port = freePort();
  const root = launchRoot(
    "plain",
    `ready: [{ log: "up now", timeout: "20s" }, { exec: ["test", "-f", "go"], timeout: "20s" }],`,
    `web: { kind: "managed", run: ["sleep", "1000"], port: ${port}, ready: { http: "/health", timeout: "150ms" } },`,
  );
  await within(root, async () => {
    const starting = root.spawn(["t", "dev", "-d"]);
    await until("it starts", async () => (await psOf(root))?.pid);
    expect(await whyOf(root)).toMatchObject({ state: "starting", ready: { is: "waiting" } });
    expect(await textOf(root)).toContain(
      "It waits for a line of its log that matches /up now/ (at most 20s), and for `test -f go` to succeed (at most 20s).",
    );
    appendFileSync(join(root.dir, file("log")), "up now\n");
    root.write("go", "");
    expect(await starting.exited).toBe(0);
    const ready = await whyOf(root);
    expect(ready).toMatchObject({ state: "ready", ready: { is: "ready" } });
    expect(ready.why[0]).toMatch(/is ready: it has been running as pid \d+ for .*; it was ready .* after its start\./);

    expect((await root.dt(["t", "web", "-d"])).code).toBe(124);
    const unhealthy = await whyOf(root, "t:web");
    expect(unhealthy).toMatchObject({ state: "unhealthy", ready: { is: "unhealthy" } });
    expect(unhealthy.ready?.why).toContain(`nothing listens on port ${port}`);
    expect(unhealthy.why.join(" ")).toContain(`The reason: nothing listens on port ${port}`);
  });
});

test("why says by whom and after how long a launch was stopped or replaced, and exit.json holds it all", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    await root.dt(["t", "dev", "-d"]);
    const rerun = await whyOf(root);
    expect(rerun.why.join("\n")).toMatch(/The run before it was replaced by dt t dev -d \(pid \d+\) after /);
    await until("it printed", () => readLog(root).includes("plain"));
    const pid = (await psOf(root))?.pid;
    const stopper = root.spawn(["stop", "t", "dev"]);
    await stopper.exited;
    const why = await whyOf(root);
    expect(why).toMatchObject({
      state: "stopped",
      want: { want: "stopped" },
      exit: { reason: "stopped", signal: "SIGTERM", by: { by: "user", pid: stopper.pid, command: "dt stop t dev" } },
      lastLines: [`plain ${pid}`],
    });
    expect(why.why[0]).toMatch(/is not running: it was stopped by dt stop t dev \(pid \d+\) after .*signal SIGTERM/);
    const exit = JSON.parse(root.read(file("exit.json")));
    expect(Object.keys(exit).sort()).toEqual(
      "argv at by code cwd key lastLines log reason restarts seal signal startedAt text token uptimeMs version".split(
        " ",
      ),
    );
  });
});

test("why explains an end's code, with at most fifty last lines, without escape sequences off a terminal", async () => {
  const root = launchRoot(
    "plain",
    "",
    `killed: { kind: "managed", run: "kill -9 $$" },
     shell: { kind: "managed", run: "sh -c 'kill -9 $$'; exit $?" },
     absent: { kind: "managed", run: "no-such-program-here" },
     talks: { kind: "managed", run: "seq 1 200; printf '\\\\033[31mred\\\\033[0m\\\\033[2K end\\\\n'; exit 3" },
     long: { kind: "managed", run: "head -c 3000000 /dev/zero | tr '\\\\0' x; exit 4" },
     fine: { kind: "managed", run: "exit 0", restart: "on-failure" },`,
  );
  await within(root, async () => {
    for (const name of ["killed", "shell", "absent", "talks", "long", "fine"]) {
      await root.dt(["t", name, "-d"]);
      await until(`${name} has ended`, async () => (await whyOf(root, `t:${name}`)).exit !== null);
    }
    expect(await whyOf(root, "t:killed")).toMatchObject({
      state: "failed",
      exit: { code: null, signal: "SIGKILL", by: null },
    });
    expect(await textOf(root, "t:killed")).toContain("the kernel's out-of-memory killer did");
    expect(await textOf(root, "t:killed")).toContain('It is not restarted: its manifest says `restart: "no"`');
    expect(await textOf(root, "t:shell")).toContain("137 is 128 + 9");
    expect(await textOf(root, "t:absent")).toContain("127 is what a shell returns when a command was not found");
    const talks = await whyOf(root, "t:talks");
    expect(talks.lastLines).toHaveLength(50);
    expect([talks.lastLines[0], talks.lastLines[48], talks.lastLines[49]]).toEqual(["152", "200", "red end"]);
    expect(await textOf(root, "t:talks")).toContain("    200\n    red end\n");
    expect(await textOf(root, "t:talks", "--color")).toContain("    \x1b[31mred\x1b[0m end");
    const long = await whyOf(root, "t:long");
    expect(long.lastLines).toHaveLength(1);
    expect(Buffer.byteLength(long.lastLines[0] as string)).toBeLessThanOrEqual(64 * 1024);
    expect(await textOf(root, "t:fine")).toContain('`restart: "on-failure"` does that only after a failure');
  });
});

test("why says of a waiting launch because of which exit it waits and until when, then that its policy started it", async () => {
  const root = launchRoot("plain", `restart: "on-failure",`);
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const first = (await psOf(root))?.pid as number;
    process.kill(first, "SIGKILL");
    const waits = await until("it waits", async () => {
      const why = await whyOf(root);
      return why.state === "backoff" ? why : null;
    });
    expect(waits).toMatchObject({ pid: null, backoff: { inRow: 1 }, exit: { signal: "SIGKILL" }, restarts: 1 });
    expect(Date.parse(waits.backoff?.nextAt as string)).toBeGreaterThan(
      Date.parse(waits.exit ? (waits.exit as never as { at: string }).at : ""),
    );
    expect(waits.why[0]).toContain("waiting to be restarted: it failed with signal SIGKILL after");
    expect(waits.why[1]).toMatch(/^Its policy restarts it in .* \(at .*\), for the 1st time in a row\./);
    const again = await until("it runs again", async () => {
      const why = await whyOf(root);
      return why.state === "running" ? why : null;
    });
    expect(again).toMatchObject({
      restarts: 1,
      startedBy: { by: "policy", pid: again.host?.pid as number, command: 'restart: "on-failure" in the manifest' },
    });
    expect(again.why.join("\n")).toContain("The run before it failed with signal SIGKILL");
    process.kill(again.pid as number, "SIGKILL");
    await until("it waits again", async () => (await psOf(root))?.state === "backoff");
    process.kill(again.host?.pid as number, "SIGKILL");
    await until("its host is gone", () => !runs(again.host?.pid as number));
    expect((await whyOf(root)).why[1]).toContain("Its policy would have restarted it, but its host");
  });
});

test("a failed start with nothing left running is recorded; one whose old launch runs on is not", async () => {
  const port = freePort();
  const root = launchRoot("plain", `port: ${port},`);
  await within(root, async () => {
    const stranger = Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } });
    const failed = await root.dt(["t", "dev", "-d"]);
    stranger.stop(true);
    expect(failed.code).toBe(1);
    const why = await whyOf(root);
    expect(why).toMatchObject({
      state: "failed",
      want: { want: "run" },
      exit: {
        reason: "start-failed",
        code: null,
        signal: null,
        error: { code: "port-taken" },
        by: { command: "dt t dev -d" },
      },
    });
    expect(why.why[0]).toContain(`is not running: it could not be started: t:dev:default needs port ${port}`);
    expect((await root.dt(["ps"])).stdout).toContain("could not be started");
    expect((await root.dt(["t", "dev", "-d"])).code).toBe(0);

    // Refused before the lock: nothing is touched, and nothing written.
    const before = root.read(file("exit.json"));
    root.write(
      "manifests/t.ts",
      `export default { name: "t", commands: { dev: { kind: "managed", run: ["no-such-program"] } } };`,
    );
    expect((await root.dt(["t", "dev", "-d"])).code).toBe(127);
    expect(root.read(file("exit.json"))).toBe(before);
    expect(await psOf(root)).toMatchObject({ state: "running" });
  });
});

test("a start that fails under the lock overwrites nothing of the old launch that runs on", async () => {
  const manifest = (log: string) => `export default { name: "t", commands: {
    dev: { kind: "managed", run: ["sleep", "1000"], log: "${log}" },
    two: { kind: "managed", run: ["sleep", "1000"], log: "two.log" },
  } };`;
  const root = launchRoot("plain");
  await within(root, async () => {
    root.write("manifests/t.ts", manifest("dev.log"));
    await root.dt(["t", "dev", "-d"]);
    await root.dt(["t", "two", "-d"]);
    const pid = (await psOf(root))?.pid as number;
    root.write("manifests/t.ts", manifest("two.log"));
    const refused = await root.dt(["t", "dev", "-d"]);
    expect([refused.code, refused.stderr.includes("cannot write one log")]).toEqual([1, true]);
    expect(await whyOf(root)).toMatchObject({ state: "running", pid, exit: null });
    expect(existsSync(join(root.dir, file("exit.json")))).toBe(false);
  });
});

test("why reports a start that failed after the old launch was ended, and who asked for it", async () => {
  // What is to be started is there when it is looked for, and gone when the old launch has ended.
  const root = launchRoot("plain", `run: "trap 'rm -f prog; exit 0' TERM; echo up; while :; do sleep 0.02; done",`);
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    await until("it listens to SIGTERM", () => readLog(root).includes("up") || null);
    const old = (await psOf(root))?.pid as number;
    chmodSync(root.write("prog", "#!/bin/sh\nsleep 1000\n"), 0o755);
    root.write(
      "manifests/t.ts",
      `export default { name: "t", commands: { dev: { kind: "managed", run: ["./prog"] } } };`,
    );
    expect((await root.dt(["t", "dev", "-d"])).code).toBe(127);
    expect(runs(old)).toBe(false);
    expect(await whyOf(root)).toMatchObject({
      state: "failed",
      exit: { reason: "start-failed", error: { code: "not-found" } },
    });
    await until("no host is left", () => root.processes().length === 0);
  });
});

test("a policy's restart that cannot be prepared is recorded by its host", async () => {
  const root = launchRoot("plain", `restart: "always", cwd: "here", run: ["sleep", "1000"],`);
  await within(root, async () => {
    mkdirSync(join(root.dir, "here"));
    await root.dt(["t", "dev", "-d"]);
    const pid = (await psOf(root))?.pid as number;
    rmSync(join(root.dir, "here"), { recursive: true });
    process.kill(pid, "SIGKILL");
    const why = await until("it gave up", async () => {
      const one = await whyOf(root);
      return one.exit?.reason === "start-failed" ? one : null;
    });
    expect(why.exit).toMatchObject({ reason: "start-failed", error: { code: "bad-directory" }, by: { by: "policy" } });
    expect(why.why.join("\n")).toContain('by its own policy, restart: "always" in the manifest');
    await until("no host is left", () => root.processes().length === 0);
  });
});

test("a cancelled start is no failure, and is no longer wanted", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["list"]);
    mkdirSync(root.run, { recursive: true, mode: 0o700 });
    // A lock that lives holds the start up until it is cancelled, which a signal to the caller asks its host for.
    const holder = Bun.spawn(["sleep", "1000"], { stdio: ["ignore", "ignore", "ignore"] });
    root.writeState(file("lock"), lockOf(holder.pid));
    const starting = root.spawn(["t", "dev", "-d"]);
    await until("it waits for the lock", () => root.processes().length === 2);
    expect((await whyOf(root)).lock).toMatchObject({
      pid: holder.pid,
      presence: "alive",
      doing: "test",
      backend: "excl",
    });
    expect(await textOf(root)).toContain(`It is being changed right now: its lock was taken by pid ${holder.pid}`);
    starting.kill("SIGINT");
    expect(await starting.exited).toBe(130);
    holder.kill("SIGKILL");
    await holder.exited;
    expect(await textOf(root)).toContain("That process is gone, so the next start or stop breaks the lock");
    expect(await ps(root)).toEqual([]);
  });
});

function statOf(pid: number): string[] {
  const text = require("node:fs").readFileSync(`/proc/${pid}/stat`, "latin1") as string;
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

function lockOf(pid: number) {
  const { readFileSync, readlinkSync } = require("node:fs") as typeof import("node:fs");
  return {
    version: 1,
    holder: {
      pid,
      startTime: statOf(pid)[19],
      bootId: readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim(),
      pidNamespace: readlinkSync("/proc/self/ns/pid"),
    },
    nonce: "1",
    command: "dt test",
    doing: "test",
    since: new Date().toISOString(),
    backend: "excl",
  };
}

test("why says what differs from the manifest, with values of variables only on request", async () => {
  const port = freePort();
  const manifest = (command: string) =>
    `export default { name: "t", commands: { dev: { kind: "managed", ${command} } } };`;
  const root = launchRoot("plain");
  await within(root, async () => {
    mkdirSync(join(root.dir, "there"));
    root.write(
      "manifests/t.ts",
      manifest(`run: ["sleep", "1000"], env: { KEEP: "1", OLD: "secret-1", SAME: "secret-2" }`),
    );
    await root.dt(["t", "dev", "-d"]);
    expect((await whyOf(root)).drift).toEqual([]);
    root.write(
      "manifests/t.ts",
      manifest(
        `run: ["sleep", "2000"], cwd: "there", port: ${port}, env: { KEEP: "1", SAME: "secret-3", NEW: "secret-4" }`,
      ),
    );
    await root.dt(["list"]);
    const why = await whyOf(root);
    expect(why.drift).toEqual([
      { field: "argv", was: ["sleep", "1000"], now: ["sleep", "2000"] },
      { field: "cwd", was: root.dir, now: join(root.dir, "there") },
      { field: "port", was: null, now: port },
      { field: "env", name: "NEW", change: "added" },
      { field: "env", name: "OLD", change: "removed" },
      { field: "env", name: "SAME", change: "changed" },
    ]);
    const text = await textOf(root);
    expect(text).toContain("the command was `sleep 1000` and is now `sleep 2000`");
    expect(text).toContain("the variable SAME has another value");
    expect(text + JSON.stringify(why)).not.toContain("secret-");
    expect((await whyOf(root, KEY, "--verbose")).drift?.at(-1)).toEqual({
      field: "env",
      name: "SAME",
      change: "changed",
      was: "secret-2",
      now: "secret-3",
    });
    expect(await textOf(root, KEY, "--verbose")).toContain('SAME: "secret-2" is now "secret-3"');
    expect(await psOf(root)).toMatchObject({ drift: true });
    root.write("manifests/t.ts", `export default { name: "t", commands: {} };`);
    await root.dt(["list"]);
    expect((await whyOf(root)).drift).toEqual([{ field: "command", was: KEY, now: null }]);
  });
});

test("why never runs plugin code", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    root.write(
      "manifests/t.ts",
      `require("node:fs").writeFileSync(${JSON.stringify(join(root.dir, "ran"))}, ""); throw new Error("no");`,
    );
    expect(await whyOf(root)).toMatchObject({ state: "running" });
    expect((await root.dt(["doctor"])).code).toBe(0);
    expect(existsSync(join(root.dir, "ran"))).toBe(false);
    await root.dt(["list"]);
    expect(existsSync(join(root.dir, "ran"))).toBe(true);
  });
});

test("why names unreadable files and explains an earlier boot", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const host = (await psOf(root))?.host?.pid as number;
    process.kill(host, "SIGKILL");
    await until("the host is gone", () => !runs(host));
    const whole = root.read(file("meta.json"));
    root.write(file("meta.json"), whole.slice(0, 200));
    root.write(file("want.json"), "");
    const why = await whyOf(root);
    expect(why).toMatchObject({ state: "running", pid: (await psOf(root))?.pid as number });
    expect(why.unreadable.map((one) => one.file)).toEqual([
      join(root.dir, file("meta.json")),
      join(root.dir, file("want.json")),
    ]);
    expect(await textOf(root)).toContain(`${join(root.dir, file("meta.json"))} cannot be read (`);
    root.write(file("meta.json"), whole);

    change(root, file("meta.json"), (record: { leader: { bootId: string }; host: { bootId: string } }) => {
      record.leader.bootId = record.host.bootId = "00000000-0000-0000-0000-000000000000";
    });
    expect(await whyOf(root)).toMatchObject({ state: "failed", pid: null });
    expect(await textOf(root)).toContain("a reboot of the machine has ended it since");
    root.write(file("meta.json"), whole);
  });
});

test("why and ps report an unreadable exit file, and a stop leaves it alone", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    await root.dt(["stop", "t", "dev"]);
    root.write(file("exit.json"), root.read(file("exit.json")).slice(0, 30));
    expect(await psOf(root)).toMatchObject({
      state: "failed",
      pid: null,
      note: expect.stringContaining("cannot be read"),
    });
    expect(await textOf(root)).toContain("t:dev:default is not running; how it last ended cannot be read.");
    expect((await root.dt(["stop", "t", "dev"])).stderr).toBe("dt: t:dev:default is not running\n");
  });
});

test("why explains a stop and a start that were cut off", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const one = await psOf(root);
    process.kill(one?.host?.pid as number, "SIGKILL");
    await until("the host is gone", () => !runs(one?.host?.pid as number));
    const by = { by: "user", pid: 1, command: "dt stop t dev" };
    change(root, file("meta.json"), (record: { phase: string; stopping: unknown }) => {
      record.phase = "stopping";
      record.stopping = { by, at: new Date().toISOString() };
    });
    const stopping = await textOf(root);
    expect(stopping).toContain("is being stopped, asked for");
    expect(stopping).toContain("That stop was cut off: the next start or stop finishes it (dt stop t:dev:default).");
    process.kill(one?.pid as number, "SIGKILL");
    await until("it is gone", () => !runs(one?.pid as number));
    expect(await textOf(root)).toContain("is not running: it was stopped");
    change(root, file("meta.json"), (record: { phase: string; stopping: unknown; leader: unknown }) => {
      record.phase = "starting";
      record.stopping = record.leader = null;
    });
    expect(await textOf(root)).toContain("is not running: its start was cut off. Its host (pid");
  });
});

test("with the clock set back, why reports times later than now and no negative duration", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const one = await psOf(root);
    process.kill(one?.host?.pid as number, "SIGKILL");
    await until("the host is gone", () => !runs(one?.host?.pid as number));
    const later = new Date(Date.now() + 3_600_000).toISOString();
    change(root, file("meta.json"), (record: { startedAt: string }) => {
      record.startedAt = later;
    });
    expect((await ps(root))[0]).toMatchObject({ state: "running", uptimeMs: 0 } as never);
    const text = await textOf(root);
    expect(text).toContain(`t:dev:default has been running as pid ${one?.pid}.`);
    expect(text).toContain(`at ${later} (in the future: was this machine's clock set back?)`);
    expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
    expect(await whyOf(root)).toMatchObject({ state: "stopped", exit: { uptimeMs: 0 } });
    expect((await root.dt(["ps", "--all"])).stdout).not.toContain("-1");
  });
});

test("why reports a removed log, and one whose disk is full", async () => {
  const root = launchRoot(
    "plain",
    "",
    `noisy: { kind: "managed", run: "while :; do echo 0123456789; sleep 0.01; done 2>/dev/null", log: "small/noisy.log" },`,
  );
  const small = join(root.dir, "small");
  mkdirSync(small);
  const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=256k", "dt-test", small]).exitCode === 0;
  await within(root, async () => {
    try {
      await root.dt(["t", "dev", "-d"]);
      rmSync(join(root.dir, file("log")));
      expect(await whyOf(root)).toMatchObject({ log: { is: "missing" } });
      expect((await root.dt(["logs", "t", "dev"])).stderr).toContain(
        "t:dev:default is running, but its log was moved or removed: ",
      );
      expect(await textOf(root)).toContain("was removed: its output goes to a file that no longer has a name");
      root.write(file("log"), "");
      expect(await whyOf(root)).toMatchObject({ log: { is: "other" } });
      expect(await root.dt(["logs", "t", "dev"])).toMatchObject({
        code: 0,
        stderr: expect.stringContaining("since its own was moved or removed"),
      });
      if (!mounted) return console.error("the full disk was skipped: this machine does not let us mount one");
      await root.dt(["t", "noisy", "-d"]);
      expect(await textOf(root, "t:noisy")).not.toContain("is full");
      try {
        for (;;) appendFileSync(join(small, "ballast"), "x".repeat(16_384));
      } catch {
        // full
      }
      expect(await textOf(root, "t:noisy")).toContain("The disk that holds its log is full (0 bytes are free)");
      expect((await root.dt(["stop", "t", "noisy"])).code).toBe(0);
    } finally {
      await root.dt(["stop", "--all"]);
      if (mounted) Bun.spawnSync(["umount", small]);
    }
  });
});
