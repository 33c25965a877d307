/**
 * `dt up`: one host for all, in order of needs; what fails takes its dependents along and no other; the host killed.
 */
import { expect, test } from "bun:test";
import { TestRoot, until } from "../../kit.ts";
import { hostsOf, ps, psOf, readLog } from "../kit/launch.ts";

function stack(more = "", groups = `groups: { default: ["s:web", "s:worker"] },`): TestRoot {
  return TestRoot.create({
    "schema.sql": "",
    "manifests/s.ts": `export default { name: "s", ${groups} commands: {
      db: { kind: "managed", run: "sleep 0.1; touch db.up; exec sleep 1000", ready: { exec: ["test", "-f", "db.up"] } },
      migrate: { kind: "oneshot", run: "test -f db.up && echo migrated", needs: ["s:db"], inputs: ["*.sql"] },
      web: { kind: "managed", run: "echo hello; exec sleep 1000", needs: ["s:migrate", "s:db"] },
      worker: { kind: "managed", run: ["sleep", "1000"], needs: [{ key: "s:db", condition: "started" }] },
      ${more} } };`,
  });
}

test("up starts the group and its needs with one host, prints a line for each key, and leaves running launches alone", async () => {
  const root = stack();
  try {
    const up = await root.dt(["up", "-d"]);
    expect(up.stderr + up.stdout).toContain("s:web");
    expect(up.code).toBe(0);
    expect(
      up.stdout
        .split("\n")
        .map((line) => line.split(" ").slice(0, 2).join(" "))
        .sort(),
    ).toEqual([
      "",
      "s:db:default ready",
      "s:migrate:default completed",
      "s:web:default running",
      "s:worker:default running",
    ]);
    expect(hostsOf(root)).toHaveLength(1);
    const before = await ps(root);
    expect(new Set(before.map((one) => one.host?.pid)).size).toBe(1);
    const again = await root.dt(["up", "-d", "--json"]);
    expect((JSON.parse(again.stdout) as { unchanged: boolean }[]).every((one) => one.unchanged)).toBe(true);
    expect((await ps(root)).map((one) => one.pid)).toEqual(before.map((one) => one.pid));
    // One of them replaced from elsewhere: its host lets go of it and serves the others on.
    expect((await root.dt(["s", "web", "-d"])).code).toBe(0);
    expect((await psOf(root, "s:db:default"))?.host).toEqual(before[0]?.host as never);
    expect((await psOf(root, "s:db:default"))?.host?.alive).toBe(true);
    expect((await root.dt(["restart", "s:worker"])).code).toBe(0);
    expect((await psOf(root, "s:worker:default"))?.host).toEqual(before[0]?.host as never);
    const host = before[0]?.host?.pid as number;
    process.kill(host, "SIGKILL");
    await until("it is gone", async () => (await psOf(root, "s:db:default"))?.host?.alive === false);
    expect(await psOf(root, "s:worker:default")).toMatchObject({ state: "running" });
    expect((await root.dt(["stop", "s:worker"])).code).toBe(0);
  } finally {
    await root.dispose();
  }
});

test("down stops dependents before their needs, and without names everything of the root", async () => {
  const root = stack();
  try {
    expect((await root.dt(["up", "-d"])).code).toBe(0);
    const down = await root.dt(["down"]);
    expect(down.code).toBe(0);
    const stopped = down.stderr.match(/s:\w+/g) ?? [];
    expect(stopped.at(-1)).toBe("s:db");
    expect(stopped).toHaveLength(3);
    expect(await ps(root)).toEqual([]);
    expect(hostsOf(root)).toEqual([]);
    expect(await root.dt(["down"])).toMatchObject({ code: 0 });
  } finally {
    await root.dispose();
  }
});

test("a need that fails prevents its dependents, with the reason, and not the rest", async () => {
  const root = stack(
    `bad: { kind: "oneshot", run: "echo no; exit 3" }, late: { kind: "managed", run: ["sleep", "1000"], needs: ["s:bad"] },`,
    "",
  );
  try {
    const up = await root.dt(["up", "s:late", "s:worker", "-d"]);
    expect(up.code).toBe(1);
    expect(up.stderr).toContain("s:late was not started: it needs s:bad:default, which failed with code 3");
    expect((await ps(root)).map(({ key, state }) => `${key} ${state}`)).toEqual([
      "s:bad:default failed",
      "s:db:default ready",
      "s:worker:default running",
    ]);
    const none = await root.dt(["up"]);
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining("groups: { default:") });
  } finally {
    await root.dispose();
  }
});

test("dt up in the foreground shows logs with their keys; Ctrl-C stops everything and ends with 130", async () => {
  const root = stack();
  try {
    const up = root.spawn(["up"]);
    await until("all runs", async () => (await psOf(root, "s:web:default"))?.state === "running");
    await until("it said hello", () => readLog(root, "s:web:default").includes("hello"));
    up.kill("SIGINT");
    expect(await up.exited).toBe(130);
    expect(await up.stdout.text()).toContain("s:web     │ hello");
    expect(await ps(root)).toEqual([]);
  } finally {
    await root.dispose();
  }
});

test("a one-shot that is run by itself has its needs started first, and gets all its words", async () => {
  const root = stack(
    `ask: { kind: "oneshot", run: ["sh", "-c", 'echo "asked $*"; test -f db.up; exit 9', "sh"], needs: ["s:db"] },`,
  );
  try {
    const asked = await root.dt(["s", "ask", "--no-needs", "x"]);
    expect(asked).toMatchObject({ code: 9, stdout: "asked --no-needs x\n" });
    expect(await psOf(root, "s:db:default")).toMatchObject({ state: "ready" });
    const { pid } = (await psOf(root, "s:db:default")) ?? {};
    const captured = await root.dt(["--capture", "s", "ask"]);
    expect(captured).toMatchObject({ code: 9, stdout: "asked \n" });
    expect((await psOf(root, "s:db:default"))?.pid).toBe(pid as number);
    await root.dt(["stop", "--all"]);
    const dry = await root.dt(["--dry-run", "s", "ask"]);
    expect(dry.code).toBe(0);
    expect((await psOf(root, "s:db:default"))?.state).toBe("stopped");
  } finally {
    await root.dispose();
  }
});

function plain(commands: string): TestRoot {
  return TestRoot.create({ "manifests/p.ts": `export default { name: "p", commands: { ${commands} } };` });
}

test("dt up in the foreground ends with the code of the first launch that failed, and 0 when none did", async () => {
  const root = plain(`
    good: { kind: "managed", run: "exit 0" },
    three: { kind: "managed", run: "touch three; exit 3" },
    four: { kind: "managed", run: "until test -e three; do sleep 0.02; done; sleep 0.3; exit 4" },
    gone: { kind: "managed", run: ["no-such-program"] },
    killed: { kind: "managed", run: "kill -KILL $$" },
    nine: { kind: "oneshot", run: "exit 9" },
    needy: { kind: "managed", run: ["sleep", "1000"], needs: ["p:nine"] },`);
  try {
    const codes = [];
    for (const keys of [["good"], ["good", "three"], ["four", "three", "good"], ["gone"], ["killed"], ["needy"]]) {
      const up = await root.dt(["up", ...keys.map((one) => `p:${one}`)]);
      expect(up.stderr.match(/p:three failed/g)?.length ?? 1).toBe(1);
      codes.push(up.code);
    }
    expect(codes).toEqual([0, 3, 3, 127, 137, 9]);
  } finally {
    await root.dispose();
  }
}, 30_000);

test("dt up -d does not report a launch as up that ends at once or keeps ending; it waits for one that its policy brings up", async () => {
  const root = plain(`
    three: { kind: "managed", run: "exit 3" },
    loop: { kind: "managed", run: "exit 5", restart: { policy: "on-failure", delay: "100ms", limit: "none" } },
    third: { kind: "managed", run: "echo x >> n; test $(wc -l < n) -ge 3 || exit 1; exec sleep 1000", restart: { policy: "on-failure", delay: "100ms" } },
    plain: { kind: "managed", run: ["sleep", "1000"] },`);
  try {
    const once = await root.dt(["up", "p:three", "-d"]);
    expect(once).toMatchObject({ code: 1, stdout: expect.stringContaining("p:three:default failed") });
    const loop = await root.dt(["up", "p:loop", "-d"]);
    expect(loop).toMatchObject({ code: 1, stdout: expect.stringContaining("p:loop:default backoff") });
    expect(loop.stderr).toContain("p:loop is not up: it failed with code 5");
    expect(loop.stderr).not.toContain("is replaced");
    const third = await root.dt(["up", "p:third", "p:plain", "--wait"]);
    expect(third).toMatchObject({ code: 0, stdout: expect.stringContaining("p:third:default running pid") });
    expect((await root.dt(["up", "p:plain", "--no-wait"])).code).toBe(2);
  } finally {
    await root.dispose();
  }
}, 30_000);

test("dt up in the foreground shows a launch that already ran, which runs on after Ctrl-C; its end ends dt up", async () => {
  const root = plain(`tick: { kind: "managed", run: "echo early; while :; do echo tick; sleep 0.05; done" },`);
  try {
    await root.dt(["p", "tick", "-d"]);
    const first = root.spawn(["up", "p:tick"]);
    const reader = first.stdout.getReader();
    const shown = new TextDecoder().decode((await reader.read()).value);
    expect(shown).toContain("p:tick │ tick");
    expect(shown).not.toContain("early");
    first.kill("SIGINT");
    expect(await first.exited).toBe(130);
    expect(await psOf(root, "p:tick:default")).toMatchObject({ state: "running" });
    const second = root.spawn(["up", "p:tick"]);
    await second.stdout.getReader().read();
    await root.dt(["stop", "p:tick"]);
    expect(await second.exited).toBe(0);
  } finally {
    await root.dispose();
  }
}, 30_000);

test("a one-shot that a shared host runs, as a need or `before`, is not reported as a process of no launch", async () => {
  const root = plain(`
    on: { kind: "managed", run: ["sleep", "1000"] },
    init: { kind: "oneshot", run: "test -e none || sleep 1.2" },
    db: { kind: "managed", run: ["sleep", "1000"], before: ["p:init"] },
    app: { kind: "managed", run: ["sleep", "1000"], needs: ["p:init"] },`);
  try {
    for (const name of ["db", "app"]) {
      const up = await root.dt(["up", "p:on", `p:${name}`, "-d"]);
      expect(up.code).toBe(0);
      expect(up.stderr).not.toContain("nothing shows which launch");
      await root.dt(["down"]);
    }
  } finally {
    await root.dispose();
  }
}, 30_000);
