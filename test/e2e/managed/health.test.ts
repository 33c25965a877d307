/** Supervision of one command by its host: liveness, restart policies, limits. */
import { expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { TestRoot, until, within } from "../../kit.ts";
import { freePort, psOf } from "../kit/launch.ts";

const KEY = "h:dev:default";

function rootOf(fields: string): TestRoot {
  return TestRoot.create({
    "manifests/h.ts": `export default { name: "h", commands: { dev: { kind: "managed", stop: { timeout: "1s" }, ${fields} } } };`,
  });
}

test("ready.log matches across pieces of a write and across colours", () => {
  const script =
    "printf 'not yet\\r\\n\\033[32mser'; sleep 0.3; printf 'ver \\033[1mre'; sleep 0.3; printf 'ady\\033[0m'; exec sleep 1000";
  const root = rootOf(`run: ${JSON.stringify(script)}, ready: { log: "^server ready$", timeout: "10s" }`);
  return within(root, async () => {
    expect((await root.dt(["h", "dev", "-d"])).code).toBe(0);
    expect(await psOf(root, KEY)).toMatchObject({ state: "ready" });
  });
});

const stateIs = (root: TestRoot, state: string) =>
  until(`it is ${state}`, async () => {
    const one = await psOf(root, KEY);
    return one?.state === state ? one : null;
  });

/** A leader that has just ended is `failed` too, for the instant until its host asks the policy. */
const givenUp = (root: TestRoot) =>
  until("it is given up", async () => {
    const one = await psOf(root, KEY);
    return one?.note?.includes("given up") ? one : null;
  });

async function why(root: TestRoot): Promise<string> {
  return (await root.dt(["why", "h", "dev"])).stdout;
}

const SERVER = `run: ["bun", "-e", "Bun.serve({ port: process.env.PORT, fetch: () => new Response('', { status: require('node:fs').existsSync('sick') ? 500 : 200 }) })"],`;

test("a detached start waits for a launch that its policy starts again, until the third end in a row; so does a need", async () => {
  const root = TestRoot.create({
    "manifests/h.ts": `const loop = { policy: "on-failure", delay: "100ms", jitter: 0, limit: "none" };
      const flap = (run) => ({ kind: "managed", run, ready: { log: "up" }, restart: loop, stop: { timeout: "1s" } });
      export default { name: "h", commands: {
        dev: flap("echo bad; exit 5"),
        third: flap("echo x >> n; test $(wc -l < n) -ge 3 || exit 1; echo up; exec sleep 1000"),
        needy: { kind: "managed", run: ["sleep", "1000"], needs: ["h:dev"] },
      } };`,
  });
  await within(root, async () => {
    expect((await root.dt(["h", "third", "-d"])).code).toBe(0);
    const said = /failed with code 5 after .*, after 2 restarts; its policy goes on/;
    for (const words of [
      ["h", "dev", "-d"],
      ["h", "dev", "-d", "--timeout", "3s"],
    ]) {
      const start = await root.dt(words);
      expect(start).toMatchObject({ code: 1, stdout: "" });
      expect(start.stderr).toMatch(said);
      expect(start.stderr).toContain(`${KEY} is not up: it failed`);
      expect(start.stderr).toContain("bad");
    }
    expect((await psOf(root, KEY))?.restarts).toBeGreaterThan(0);
    await root.dt(["stop", "h", "dev"]);
    const json = await root.dt(["h", "dev", "-d", "--json"]);
    expect([json.code, JSON.parse(json.stdout)]).toEqual([1, { key: KEY, state: "backoff", pid: null }]);
    for (const isThere of [true, false]) {
      if (!isThere) await root.dt(["stop", "h", "dev"]);
      const needy = await root.dt(["h", "needy", "-d"]);
      expect(needy.code).toBe(1);
      expect(needy.stderr).toMatch(said);
      expect(needy.stderr).toContain("h:needy:default was not started: it needs h:dev:default, which failed");
    }
  });
});

test("a launch whose alive probe failed as often as it may is shown as unhealthy everywhere, and as ready when it holds again", async () => {
  const root = rootOf(
    `${SERVER} port: ${freePort()}, ready: { http: "/" }, alive: { http: "/", interval: "100ms", failures: 3 }`,
  );
  await within(root, async () => {
    expect((await root.dt(["h", "dev", "-d"])).code).toBe(0);
    const first = await psOf(root, KEY);
    root.write("sick", "");
    const sick = await stateIs(root, "unhealthy");
    expect(sick.note).toMatch(/^not alive: http:\/\/localhost:\d+\/ answered 500, 3 times in a row$/);
    expect(await why(root)).toMatch(/not alive: .* answered 500, 3 times in a row/);
    expect(JSON.parse((await root.dt(["status", "h", "dev", "--json"])).stdout)).toMatchObject({ state: "unhealthy" });
    rmSync(join(root.dir, "sick"));
    expect(await stateIs(root, "ready")).toMatchObject({ pid: first?.pid as number, note: null, restarts: 0 });
  });
});

test("a launch with alive and without ready goes from running to unhealthy and back", async () => {
  const root = rootOf(
    `run: ["sleep", "1000"], alive: { exec: ["test", "!", "-e", "sick"], interval: "100ms", failures: 1 }`,
  );
  await within(root, async () => {
    await root.dt(["h", "dev", "-d"]);
    expect(await psOf(root, KEY)).toMatchObject({ state: "running" });
    root.write("sick", "");
    await stateIs(root, "unhealthy");
    rmSync(join(root.dir, "sick"));
    await stateIs(root, "running");
  });
});

test("alive with a restart makes a counted new run with its reason, though the policy is no, until the limit makes it failed", async () => {
  const root = rootOf(
    `run: ["sleep", "1000"], restart: { policy: "no", delay: "100ms", limit: { count: 2, window: "1m" } },
     alive: { exec: ["test", "!", "-e", "sick"], interval: "100ms", failures: 2, action: "restart" }`,
  );
  await within(root, async () => {
    await root.dt(["h", "dev", "-d"]);
    const first = await psOf(root, KEY);
    root.write("sick", "");
    const second = await until("it runs anew", async () => {
      const one = await psOf(root, KEY);
      return one?.state === "running" && one.pid !== first?.pid ? one : null;
    });
    expect(second.restarts).toBe(1);
    expect(await why(root)).toMatch(
      /because it failed after \S+, as it was not alive: `test ! -e sick` ended with 1, 2 times in a row/,
    );
    const failed = await givenUp(root);
    expect(failed).toMatchObject({ pid: null, restarts: 2, exit: { reason: "failed" } });
    expect(failed.note).toMatch(/not alive: .*; given up after 2 restarts within 1m$/);
    expect(await why(root)).toContain("Its policy has given up after 2 restarts within 1m.");
    expect(root.processes()).toEqual([]);
  });
});

test("a crash loop ends at its limit", async () => {
  const root = rootOf(`run: "exit 3", restart: { delay: "100ms", maxDelay: "150ms", limit: { count: 3 } }`);
  await within(root, async () => {
    await root.dt(["h", "dev", "-d", "--no-wait"]);
    expect(await givenUp(root)).toMatchObject({ restarts: 3, exit: { code: 3 } });
    expect(await why(root)).toContain("given up after 3 restarts within 10m");
  });
});

test("an exit code that the manifest counts as success is no failure, and the state says so", async () => {
  const root = rootOf(`run: "exit 7", restart: { successCodes: [0, 7] }`);
  await within(root, async () => {
    await root.dt(["h", "dev", "-d", "--no-wait"]);
    expect(await stateIs(root, "exited")).toMatchObject({ restarts: 0, exit: { code: 7, reason: "exited" } });
  });
});

test("a stop while a hanging launch is being restarted is a stop", async () => {
  const root = rootOf(
    `run: "trap '' TERM; echo up; while :; do sleep 0.05; done", restart: { delay: "100ms" },
     alive: { exec: ["test", "!", "-e", "sick"], interval: "100ms", failures: 1, action: "restart" }`,
  );
  await within(root, async () => {
    await root.dt(["h", "dev", "-d"]);
    root.write("sick", "");
    await until("it is being ended", () => existsSync(join(root.run, `${KEY}.lock`)) || null);
    expect((await root.dt(["stop", "h", "dev"])).code).toBe(0);
    expect(await psOf(root, KEY)).toMatchObject({ state: "stopped", pid: null });
  });
});

test("a restart by policy reads the manifest and its environment again", async () => {
  const root = rootOf(`run: "cat value >> seen; exit 1", restart: { delay: "300ms" }`);
  await within(root, async () => {
    root.write("value", "old ");
    await root.dt(["h", "dev", "-d", "--no-wait"]);
    await until("it ran", () => existsSync(join(root.dir, "seen")) || null);
    root.write(
      "manifests/h.ts",
      `export default { name: "h", commands: { dev: { kind: "managed", env: { NEW: "yes" }, run: "echo $NEW > new; exec sleep 1000", restart: "on-failure" } } };`,
    );
    await stateIs(root, "running");
    await until("the new one ran", () => existsSync(join(root.dir, "new")) || null);
    expect(root.read("new")).toBe("yes\n");
  });
});

test("a ready URL at the command's own port is only answered by the launch itself, and a try ends at the time limit", async () => {
  const port = freePort();
  const root = rootOf(
    `run: ["sleep", "1000"], port: ${port}, ready: { http: "http://127.0.0.1:${port}/", timeout: "600ms" }`,
  );
  await within(root, async () => {
    const start = root.dt(["h", "dev", "-d"]);
    await until("it runs", async () => (await psOf(root, KEY))?.state === "starting" || null);
    const stranger = Bun.serve({ hostname: "127.0.0.1", port, fetch: () => new Response("") });
    expect(await start).toMatchObject({
      code: 124,
      stderr: expect.stringContaining("which does not belong to this launch"),
    });
    await stranger.stop(true);
  });
});

test("a ready program that hangs is tried no longer than the time limit, which begins after the start period", async () => {
  const root = rootOf(
    `run: ["sleep", "1000"], ready: { exec: ["sleep", "60"], timeout: "300ms", startPeriod: "400ms" }`,
  );
  await within(root, async () => {
    const began = performance.now();
    expect((await root.dt(["h", "dev", "-d"])).code).toBe(124);
    expect(performance.now() - began).toBeGreaterThan(690);
    expect(performance.now() - began).toBeLessThan(4000);
  });
});
