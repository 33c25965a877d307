/**
 * Between two runs of a policy, and while what an ended launch left is swept: never shown as failed, waited through,
 * and with its pids.
 */
import { expect, test } from "bun:test";
import { TestRoot, until } from "../../kit.ts";
import { psOf, runs } from "../kit/launch.ts";

function rootOf(commands: string): TestRoot {
  return TestRoot.create({ "manifests/a.ts": `export default { name: "a", commands: { ${commands} } };` });
}

const LOOP = `{ policy: "on-failure", delay: "100ms", maxDelay: "100ms", limit: "none" }`;

/** States of the key as they come, by as many looks as fit. */
async function statesOf(root: TestRoot, ms: number): Promise<Set<string>> {
  const seen = new Set<string>();
  const end = performance.now() + ms;
  const look = async () => {
    while (performance.now() < end) seen.add((await psOf(root, "a:x:default"))?.state ?? "nothing");
  };
  await Promise.all([look(), look(), look()]);
  return seen;
}

test("a crash loop is never shown as failed or missing, with its own host or a shared one", async () => {
  const root = rootOf(`x: { kind: "managed", run: "exit 3", restart: ${LOOP} }`);
  try {
    for (const start of [
      ["a", "x", "-d", "--no-wait"],
      ["up", "a:x"],
    ]) {
      const starting = root.spawn(start);
      await until("it waits for its next run", async () => (await psOf(root, "a:x:default"))?.state === "backoff");
      const seen = await statesOf(root, 2000);
      expect(seen).toContain("backoff");
      expect([...seen].filter((one) => ["failed", "exited", "stopped", "nothing"].includes(one))).toEqual([]);
      await root.dt(["stop", "a:x"]);
      await starting.exited;
    }
  } finally {
    await root.dispose();
  }
}, 30_000);

test("a launch that waits for its next run can be restarted and rerun by the user", async () => {
  const root = rootOf(
    `x: { kind: "managed", run: "test -e up || exit 3; exec sleep 1000", restart: { policy: "on-failure", delay: "1h", maxDelay: "1h" } }`,
  );
  try {
    for (const again of [
      ["restart", "a:x"],
      ["a", "x", "-d"],
      ["up", "a:x", "-d"],
    ]) {
      await root.dt(["a", "x", "-d", "--no-wait"]);
      await until("it waits", async () => (await psOf(root, "a:x:default"))?.state === "backoff");
      root.write("up", "");
      const [restarted, seen] = await Promise.all([root.dt(again), statesOf(root, 500)]);
      expect({ code: restarted.code, said: restarted.stderr }).toMatchObject({ code: 0 });
      expect(restarted.stderr).not.toContain("in phase");
      expect([...seen].filter((one) => ["failed", "exited", "stopped", "nothing"].includes(one))).toEqual([]);
      expect((await psOf(root, "a:x:default"))?.state).toBe("running");
      await root.dt(["stop", "a:x"]);
      (await import("node:fs")).rmSync(`${root.dir}/up`);
    }
  } finally {
    await root.dispose();
  }
}, 30_000);

test("`wait` waits through the retries of a policy, and ends when the policy gives up", async () => {
  const root = rootOf(`
    x: { kind: "managed", run: "echo x >> n; test $(wc -l < n) -ge 3 || exit 1; exec sleep 1000", restart: { policy: "on-failure", delay: "300ms" }, ready: { delay: "200ms" } },
    y: { kind: "managed", run: "exit 1", restart: { policy: "on-failure", delay: "100ms", limit: { count: 2, window: "1m" } } },`);
  try {
    await root.dt(["a", "x", "-d", "--no-wait"]);
    expect(await root.dt(["wait", "a:x", "--timeout", "20s"])).toMatchObject({
      code: 0,
      stdout: "a:x:default ready\n",
    });
    await root.dt(["a", "y", "-d", "--no-wait"]);
    const ended = await root.dt(["wait", "a:y", "--for", "exit", "--timeout", "20s"]);
    expect(ended.code).toBe(1);
    expect(await psOf(root, "a:y:default")).toMatchObject({ state: "failed", restarts: 2 });
  } finally {
    await root.dispose();
  }
}, 30_000);

test("while what a launch left is ended, the launch is stopping, with the pid and port of what is left", async () => {
  const root = rootOf(
    `x: { kind: "managed", run: "sh -c 'trap \\"\\" TERM; echo $$ > child; sleep 500; sleep 500' & until test -e child; do sleep 0.02; done; exit 7", stop: { timeout: "1500ms" } }`,
  );
  try {
    await root.dt(["a", "x", "-d", "--no-wait"]);
    const swept = await until("it is swept", async () => {
      const one = await psOf(root, "a:x:default");
      return one?.state === "stopping" && one.pid !== null ? one : null;
    });
    expect(runs(swept.pid as number)).toBe(true);
    const why = await root.dt(["why", "a:x"]);
    expect(why.stdout).toContain("a:x:default has ended by itself with code 7, and what it left is being stopped.");
    await until("it is over", async () => (await psOf(root, "a:x:default"))?.state === "failed");
    expect(runs(swept.pid as number)).toBe(false);
  } finally {
    await root.dispose();
  }
}, 30_000);
