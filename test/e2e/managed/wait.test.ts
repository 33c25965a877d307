/** `dt wait`: for readiness, for an end with its code, and at once when it cannot come. */
import { expect, test } from "bun:test";
import { TestRoot, until } from "../../kit.ts";
import { type Ps, psOf, runs } from "../kit/launch.ts";

test("dt wait ends when a launch is ready, with its code when it has ended, and at once when it never will be ready", async () => {
  const root = TestRoot.create({
    "manifests/w.ts": `export default { name: "w", commands: {
      slow: { kind: "managed", run: "sleep 0.3; touch up; exec sleep 1000", ready: { exec: ["test", "-f", "up"] } },
      ends: { kind: "managed", run: "sleep 0.3; echo bad; exit 7", ready: { log: "never" } } } };`,
  });
  try {
    await root.dt(["w", "slow", "--no-wait"]);
    expect(await root.dt(["wait", "w:slow", "--timeout", "10ms"])).toMatchObject({ code: 124 });
    expect(await root.dt(["wait", "w:slow"])).toMatchObject({ code: 0, stdout: "w:slow:default ready\n" });
    await root.dt(["w", "ends", "--no-wait"]);
    expect(await root.dt(["wait", "w:ends"])).toMatchObject({ code: 1, stderr: expect.stringContaining("bad") });
    await root.dt(["w", "ends", "--no-wait"]);
    expect((await root.dt(["wait", "w:ends", "--for", "exit"])).code).toBe(7);
  } finally {
    await root.dispose();
  }
});

test("what failed unseen, since its host was killed first, is no success to wait for", async () => {
  const root = TestRoot.create({
    "manifests/t.json": `{"name": "t", "commands": {"dev": {"kind": "managed", "run": ["sleep", "1000"]}}}`,
  });
  try {
    await root.dt(["t", "dev", "-d"]);
    const { pid, host } = (await psOf(root)) as Ps;
    for (const one of [host?.pid as number, pid as number]) {
      process.kill(one, "SIGKILL");
      await until(`pid ${one} is gone`, () => !runs(one));
    }
    const waited = await root.dt(["wait", "t:dev", "--for", "exit"]);
    expect(waited).toMatchObject({ code: 1, stdout: "t:dev:default failed\n" });
  } finally {
    await root.dispose();
  }
});

test("dt wait and dt attach refuse a one-shot, which never runs as a launch", async () => {
  const root = TestRoot.create({
    "manifests/w.ts": `export default { name: "w", commands: { once: { kind: "oneshot", run: "true" }, dev: { kind: "managed", run: "true" } } };`,
  });
  try {
    await root.dt(["w", "once"]);
    expect(await root.dt(["wait", "w:once", "--timeout", "20s"])).toMatchObject({
      code: 2,
      stderr: "dt: w:once is a one-shot, which does not become ready.\n    Run it: dt w once\n",
    });
    expect(await root.dt(["attach", "w", "once"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("w:once is a one-shot, which has no terminal of its own to join."),
    });
    expect((await root.dt(["wait", "w:dev", "--timeout", "10ms"])).code).toBe(124);
    expect((await root.dt(["wait", "w:once", "--for", "exit"])).code).toBe(0);
  } finally {
    await root.dispose();
  }
});
