/**
 * Who serves a root: `dt daemon start` in it registers it, where its manifests ask for it; a `watch` or `schedule` that
 * nothing acts on is reported.
 */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { stays, TestRoot, until } from "../../kit.ts";
import { daemonPid, disposeWithDaemon, statusOf } from "../kit/daemon.ts";
import { psOf } from "../kit/launch.ts";

const JOB = { kind: "oneshot", run: "echo x >> ran" };
const WATCH = { name: "t", watch: [{ paths: ["*.md"], run: "t:job", debounce: "50ms" }], commands: { job: JOB } };
const SCHEDULE = { name: "t", commands: { job: { ...JOB, schedule: "* * * * * *" } } };
const BOOT = { name: "t", commands: { dev: { kind: "managed", run: ["sleep", "1000"], boot: true } } };
const PLAIN = { name: "t", commands: { job: JOB, dev: { kind: "managed", run: ["sleep", "1000"] } } };

const make = (manifest: object, name = "manifests/t.json") =>
  TestRoot.create({ [name]: JSON.stringify(manifest), "a.md": "" });
const rootsOf = async (root: TestRoot) => (await statusOf(root)).roots;
const NOTHING = "nothing acts on the";

test.each([
  ["watch", WATCH, "0 marked boot, 0 with a schedule, 1 watch"],
  ["schedule", SCHEDULE, "0 marked boot, 1 with a schedule, 0 watches"],
  ["boot", BOOT, "1 marked boot, 0 with a schedule, 0 watches"],
] as const)(
  "daemon start in a root with %s serves it from then on, says so, and boot remove takes it back",
  async (what, manifest, words) => {
    const root = make(manifest);
    // Not trusted: that it is data, and was registered by a person, is enough, as for `dt boot add`.
    const env = { DIALTONE_TRUST: undefined, CI: undefined };
    try {
      const started = await root.dt(["daemon", "start"], { env });
      expect(started).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^daemon started \(pid \d+\)\n$/),
        stderr: `dt: ${root.dir} is registered: ${words}; \`dt boot remove\` takes it back\n`,
      });
      expect(await rootsOf(root)).toEqual([root.dir]);
      expect((await root.dt(["trust", "--list"], { env })).stdout).toBe("No root is trusted.\n");
      if (what === "boot") await until("it runs", async () => (await psOf(root))?.state === "running");
      else {
        await until("its job is run", () => {
          if (what === "watch") root.write("a.md", String(performance.now()));
          return existsSync(join(root.dir, "ran"));
        });
      }
      const again = await root.dt(["daemon", "start"], { env });
      expect(again.stderr).toBe(`dt: ${root.dir} was registered already: ${words}\n`);
      expect(JSON.parse((await root.dt(["daemon", "start", "--json"], { env })).stdout)).toMatchObject({
        roots: [root.dir],
        registered: { root: root.dir, added: false },
      });
      expect((await root.dt(["list"], { env })).stderr).toBe("");
      expect((await root.dt(["boot", "remove"], { env })).stdout).toBe(`${root.dir} is no longer registered\n`);
      await until("the daemon knows", async () => ((await rootsOf(root)) as string[]).length === 0);
      await root.dt(["stop", "--all"], { env });
    } finally {
      await disposeWithDaemon(root);
    }
  },
);

test("a running daemon takes a root that is registered with it, and starts its boot commands", async () => {
  const root = make(BOOT);
  try {
    await root.dt(["daemon", "start"], { cwd: root.base });
    const pid = await daemonPid(root);
    const before = performance.now();
    const started = await root.dt(["daemon", "start"]);
    expect(started.stdout).toBe(`daemon is already running (pid ${pid})\n`);
    expect(started.stderr).toContain("is registered: 1 marked boot");
    expect(await rootsOf(root)).toEqual([root.dir]);
    expect(performance.now() - before).toBeLessThan(15_000);
    await until("it runs", async () => (await psOf(root))?.state === "running");
    // Stopped by a person it stays so, also when the root is registered again.
    await root.dt(["stop", "t", "dev"]);
    await root.dt(["boot", "remove"]);
    await until("the daemon knows", async () => ((await rootsOf(root)) as string[]).length === 0);
    await root.dt(["daemon", "start"]);
    await until("the daemon knows it again", async () => ((await rootsOf(root)) as string[]).length === 1);
    // What it starts runs within a tenth of this time; that it starts nothing shows in nothing else.
    await stays("it is stopped", async () => (await psOf(root))?.state === "stopped", 300);
  } finally {
    await root.dt(["stop", "--all"]);
    await disposeWithDaemon(root);
  }
}, 60_000);

test("nothing is registered without such fields, from elsewhere, in a home directory, by a launch, by other verbs or in the foreground", async () => {
  const root = make(SCHEDULE);
  const plain = join(root.base, "plain");
  root.write(join(plain, "manifests/t.json"), JSON.stringify(PLAIN));
  root.write(join(root.home, "manifests/t.json"), JSON.stringify(SCHEDULE));
  const calls: [string[], { cwd?: string; env?: Record<string, string | undefined> }][] = [
    [["start"], { cwd: plain }],
    [["start"], { cwd: root.base, env: { DIALTONE_ROOT: root.dir } }],
    [["start"], { env: { DIALTONE_KEY: "t:job:default" } }],
    [["start"], { env: { DIALTONE_JOB: "x" } }],
    [["restart"], { cwd: plain }],
    [["stop"], {}],
  ];
  try {
    for (const [words, options] of calls) {
      const { code, stderr } = await root.dt(["daemon", ...words], options);
      expect({ words, options, code, stderr }).toEqual({ words, options, code: 0, stderr: "" });
    }
    expect((await root.dt(["-C", root.dir, "daemon", "start"], { cwd: plain })).stderr).toBe("");
    expect((await root.dt(["-C", plain, "daemon", "start"])).stderr).toBe("");
    const dry = await root.dt(["daemon", "start", "--dry-run"]);
    expect(dry.stderr).toBe(`dt: ${root.dir} would be registered: 0 marked boot, 1 with a schedule, 0 watches\n`);
    await root.dt(["list"]);
    expect((await root.dt(["daemon", "restart"])).stderr).toContain("of t: `dt boot add` has the daemon do it");
    const home = await root.dt(["daemon", "start"], { cwd: root.home });
    expect(home.stderr).toContain(
      `${root.home} is a home directory, and is not registered in passing: \`dt boot add\``,
    );
    await root.dt(["daemon", "stop"]);
    // As a service manager starts it, in whichever directory.
    const child = root.spawn(["daemon", "start", "--foreground", "--quiet"]);
    await daemonPid(root);
    expect(await rootsOf(root)).toEqual([]);
    child.kill("SIGTERM");
    await child.exited;
    expect((await root.dt(["boot", "list"])).stdout).toBe("No root is registered.\n");
  } finally {
    await disposeWithDaemon(root);
  }
}, 60_000);

test("a manifest that fails, and code of an untrusted root, are reported as unread, not as empty", async () => {
  const root = TestRoot.create({ "manifests/t.ts": "export default { name: 't', comands: {} }" });
  const env = { DIALTONE_TRUST: undefined, CI: undefined };
  try {
    const failed = await root.dt(["daemon", "start"]);
    expect(failed.code).toBe(0);
    expect(failed.stderr).toContain("a manifest could not be loaded, and what it declares is not known");
    expect(failed.stderr).toContain("comands");
    expect(failed.stderr).toContain("does not register it: `dt boot add` there registers it");
    expect(await rootsOf(root)).toEqual([]);
    const added = await root.dt(["boot", "add"]);
    expect(added.stdout).toContain(
      "is registered: what it declares is not known yet, as 1 manifest has not been read\n",
    );
    expect(added.stderr).toContain("a manifest could not be loaded, and what it declares is not known");
    // Mended: the next command that is run there takes it over.
    root.write("manifests/t.ts", `export default ${JSON.stringify(SCHEDULE)}`);
    const waits = await root.dt(["daemon", "start"]);
    expect(waits.stderr).toContain("manifests/t.ts changed since you last ran a command here");
    await root.dt(["trust"]);
    await until("its schedule is run", () => existsSync(join(root.dir, "ran")), 20_000);

    await root.dt(["untrust"]);
    await root.dt(["boot", "remove"]);
    const unread = await root.dt(["daemon", "start"], { env });
    expect(unread.stderr).toContain("1 manifest is code that was not read, since this root is not trusted yet");
    expect(unread.stderr).toContain("does not register it: `dt trust`, then `dt boot add` there registers it");
    expect((await root.dt(["boot", "list"])).stdout).toBe("No root is registered.\n");
  } finally {
    await disposeWithDaemon(root);
  }
}, 60_000);

test("list, doctor, jobs and a start report a watch or schedule that nothing acts on; not as JSON, with --quiet or once it is served", async () => {
  const both = { ...PLAIN, watch: WATCH.watch, commands: { ...PLAIN.commands, job: SCHEDULE.commands.job } };
  const root = TestRoot.create({
    "manifests/t.json": JSON.stringify(both),
    "manifests/u.json": JSON.stringify({ ...PLAIN, name: "u", commands: { dev: PLAIN.commands.dev } }),
  });
  const told = async (...words: string[]) => {
    const { stderr } = await root.dt(words, { env: { CI: undefined } });
    return stderr.split("\n").filter((line) => line.includes(NOTHING));
  };
  const line =
    "dt: nothing acts on the `watch` and `schedule` of t: `dt daemon start` has the daemon do it (`dt boot add` if it should begin later); `dt watch` does it in this terminal";
  try {
    for (const words of [["list"], ["list"], ["jobs"], ["t", "dev", "-d"], ["t", "dev", "-d"], ["up", "-d", "t:dev"]])
      expect({ words, told: await told(...words) }).toEqual({ words, told: [line] });
    // A one-shot's standard error may be read by a program: once.
    expect([await told("t", "job"), await told("t", "job")]).toEqual([[line], []]);
    for (const words of [
      ["u", "dev", "-d"],
      ["list", "--json"],
      ["list", "--quiet"],
      ["--quiet", "t", "dev", "-d"],
      ["t", "dev", "-d", "--json"],
      ["jobs", "--json"],
      ["--dry-run", "t", "dev"],
      ["ps"],
    ])
      expect({ words, told: await told(...words) }).toEqual({ words, told: [] });
    expect((await root.dt(["t", "dev", "-d"], { env: { CI: "true" } })).stderr).not.toContain(NOTHING);
    const doctor = await root.dt(["doctor"]);
    expect([doctor.code, doctor.stdout]).toEqual([
      0,
      expect.stringContaining("Nothing acts on the `watch` and `schedule` of t."),
    ]);
    const { findings } = JSON.parse((await root.dt(["doctor", "--json"])).stdout);
    expect(findings.filter(({ check }: { check: string }) => check === "daemon")).toHaveLength(1);

    // Watched in a terminal, only the schedule is left.
    const watching = root.spawn(["watch"]);
    await until("it watches", async () => (await told("list"))[0]?.includes("the `schedule` of t") === true);
    watching.kill("SIGTERM");
    await watching.exited;
    expect(await told("list")).toEqual([line]);

    await root.dt(["daemon", "start"], { cwd: root.base });
    expect((await told("list"))[0]).toContain("t: `dt boot add` has the daemon do it; ");
    await root.dt(["boot", "add"]);
    expect(await told("list")).toEqual([]);
    expect((await root.dt(["doctor"])).stdout).not.toContain("Nothing acts");
    process.kill(await daemonPid(root), "SIGKILL");
    await until("it is gone", async () => (await told("list")).length === 1);
    expect((await told("list"))[0]).toContain("t: `dt daemon start` has the daemon do it; ");
  } finally {
    await root.dt(["stop", "--all"]);
    await disposeWithDaemon(root);
  }
}, 60_000);

test("two starts at once in two roots make one daemon that serves both", async () => {
  const root = make(SCHEDULE);
  const other = join(root.base, "other");
  root.write(join(other, "manifests/t.json"), JSON.stringify(SCHEDULE));
  try {
    const results = await Promise.all([root.dt(["daemon", "start"]), root.dt(["daemon", "start"], { cwd: other })]);
    expect(results.map(({ code }) => code)).toEqual([0, 0]);
    for (const { stderr } of results) expect(stderr).toContain("is registered: 0 marked boot, 1 with a schedule");
    await until("both are run", () => [root.dir, other].every((at) => existsSync(join(at, "ran"))), 20_000);
  } finally {
    await disposeWithDaemon(root);
  }
}, 60_000);

test("dt boot add and dt trust of what is not a directory name it, and register nothing", async () => {
  const root = TestRoot.create({ "manifests/t.json": JSON.stringify(BOOT) });
  try {
    for (const words of [["boot", "add"], ["boot", "add", "--dry-run"], ["trust"]])
      for (const name of ["none", "manifests/t.json"])
        expect(await root.dt([...words, name])).toMatchObject({
          code: 2,
          stdout: "",
          stderr: `dt: ${join(root.dir, name)} is not a directory.\n`,
        });
    expect((await root.dt(["boot", "remove", "none"])).stdout).toBe(`${join(root.dir, "none")} was not registered\n`);
    expect((await root.dt(["boot", "list"])).stdout).toBe("No root is registered.\n");
  } finally {
    await root.dispose();
  }
});

test("--dry-run of dt boot says what it would do, and does nothing", async () => {
  const root = TestRoot.create({
    "manifests/t.json": '{"name":"t","commands":{"x":{"kind":"oneshot","run":["true"]}}}',
  });
  try {
    expect(await root.dt(["--dry-run", "boot", "add"])).toMatchObject({
      code: 0,
      stdout: `would register ${root.dir}\n`,
    });
    expect((await root.dt(["boot"])).stdout).toBe("No root is registered.\n");
    await root.dt(["boot", "add"]);
    expect((await root.dt(["boot", "remove", "--dry-run"])).stdout).toBe(`would unregister ${root.dir}\n`);
    expect((await root.dt(["boot"])).stdout).toContain(root.dir);
  } finally {
    await root.dispose();
  }
});
