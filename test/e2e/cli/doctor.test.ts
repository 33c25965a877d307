/** `dt doctor`: what it finds, what it leaves alone, and what `--fix` repairs. */
import { expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import { rememberRootIn } from "../../../src/state/roots.ts";
import { type RunOptions, TestRoot, until, within } from "../../kit.ts";
import { launchRoot, psOf, readLog, runs } from "../kit/launch.ts";

const KEY = "t:dev:default";
const RECORD = `.dialtone/run/${KEY}.meta.json`;

interface Finding {
  check: string;
  level: string;
  key: string | null;
  text: string;
  hint: string | null;
  fixable: boolean;
  repaired: { done: boolean; text: string } | null;
  details: Record<string, unknown> | null;
}

async function doctor(root: TestRoot, args: string[] = [], options: RunOptions = {}) {
  const result = await root.dt(["doctor", "--json", ...args], options);
  expect(result.stderr).toBe("");
  const { ok, findings } = JSON.parse(result.stdout) as { ok: boolean; findings: Finding[] };
  expect(result.code).toBe(ok ? 0 : 1);
  return { ok, findings, wrong: findings.filter((one) => one.level === "attention") };
}

const of = (findings: Finding[], check: string) => findings.filter((one) => one.check === check);

function identityOf(pid: number) {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return {
    pid,
    startTime: stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] as string,
    bootId: readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim(),
    pidNamespace: readlinkSync("/proc/self/ns/pid"),
  };
}

function lockOf(holder: ReturnType<typeof identityOf>) {
  const since = "2026-01-02T03:04:05.000Z";
  return { version: 1, holder, nonce: "n", command: "dt stop t dev", doing: "stop", since, backend: "link" };
}

function sleeper() {
  return Bun.spawn(["sleep", "1000"], { detached: true, stdio: ["ignore", "ignore", "ignore"] });
}

/** A file as one that was left long ago. */
function age(path: string): void {
  utimesSync(path, new Date(Date.now() - 3_600_000), new Date(Date.now() - 3_600_000));
}

test("doctor on a sound project exits 0, shows the facts and changes nothing", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    const before = await doctor(root);
    expect(before.wrong).toEqual([]);
    expect(existsSync(join(root.dir, ".dialtone"))).toBe(false);
    await root.dt(["t", "dev", "-d"]);
    const files = readdirSync(root.run);
    const { ok, findings } = await doctor(root);
    expect(ok).toBe(true);
    expect(readdirSync(root.run)).toEqual(files);
    expect(of(findings, "version")[0]?.details).toMatchObject({ bun: Bun.version });
    expect(of(findings, "file-system")[0]?.details).toMatchObject({ links: true, flock: true, problem: null });
    expect(of(findings, "launch")[0]?.text).toBe("1 of 1 launches are as recorded.");
    expect(of(findings, "lock")[0]?.text).toBe("No key is locked.");
    const text = await root.dt(["doctor"]);
    expect([text.code, text.stdout.trimEnd().split("\n").at(-1)]).toEqual([0, "All is well."]);
    const outside = await root.dt(["doctor", "--json"], { cwd: root.base });
    expect([outside.code, outside.stdout.includes("There is no project here")]).toEqual([0, true]);
  });
});

test("doctor shows who holds each lock, since when and for what, and breaks only those whose holder is gone", async () => {
  const root = launchRoot("plain");
  const [alive, dead] = [sleeper(), sleeper()];
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const gone = identityOf(dead.pid);
    dead.kill("SIGKILL");
    await dead.exited;
    root.writeState(".dialtone/run/a:alive:default.lock", lockOf(identityOf(alive.pid)));
    root.writeState(".dialtone/run/a:dead:default.lock", lockOf(gone));
    root.write(".dialtone/run/a:empty:default.lock", "");
    root.writeState(".dialtone/run/a:reused:default.lock", lockOf({ ...identityOf(alive.pid), startTime: "1" }));
    root.writeState(".dialtone/run/a:foreign:default.lock", lockOf({ ...gone, pidNamespace: "pid:[1]" }));
    const shown = of((await doctor(root)).findings, "lock");
    expect(shown.map(({ key, level, fixable }) => [key, level, fixable])).toEqual([
      ["a:alive:default", "fine", false],
      ["a:dead:default", "attention", true],
      ["a:empty:default", "attention", true],
      ["a:foreign:default", "attention", false],
      ["a:reused:default", "attention", true],
    ]);
    expect(shown[0]?.text).toBe(
      `a:alive:default is locked by pid ${alive.pid} (dt stop t dev) since 2026-01-02T03:04:05.000Z, doing: stop (backend: link).`,
    );
    expect(readdirSync(root.run).filter((name) => name.endsWith(".lock"))).toHaveLength(5);
    const fixed = of((await doctor(root, ["--fix"])).findings, "lock");
    expect(fixed.map(({ key, repaired }) => [key, repaired?.done ?? null])).toEqual([
      ["a:alive:default", null],
      ["a:dead:default", true],
      ["a:empty:default", true],
      ["a:foreign:default", null],
      ["a:reused:default", true],
    ]);
    expect(
      readdirSync(root.run)
        .filter((name) => name.endsWith(".lock"))
        .sort(),
    ).toEqual(["a:alive:default.lock", "a:foreign:default.lock"]);
    expect(runs(alive.pid)).toBe(true);
  }).finally(async () => {
    alive.kill("SIGKILL");
    await alive.exited;
  });
});

test("doctor clears only records without processes, and leaves a launch without a host to the user", async () => {
  const root = launchRoot("plain", "", `two: { kind: "managed", run: ["sleep", "1000"] },`);
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    await root.dt(["t", "two", "-d"]);
    const [dev, two] = [await psOf(root), await psOf(root, "t:two:default")];
    const doomed = [dev?.host?.pid, two?.host?.pid, dev?.pid] as number[];
    for (const pid of doomed) process.kill(pid, "SIGKILL");
    await until("they are gone", () => !doomed.some(runs));
    const seen = await doctor(root);
    expect(seen.wrong.map(({ check, key, hint }) => [check, key, hint])).toEqual([
      ["record", KEY, "dt doctor --fix"],
      ["launch", "t:two:default", "dt restart t:two:default"],
    ]);
    expect(seen.wrong[0]?.text).toBe("t:dev:default ended while its host was gone, and none of its processes is left.");
    const fixed = await doctor(root, ["--fix"]);
    expect(fixed.wrong.map(({ key, repaired }) => [key, repaired?.done ?? null])).toEqual([
      [KEY, true],
      ["t:two:default", null],
    ]);
    expect(existsSync(join(root.dir, RECORD))).toBe(false);
    expect(await psOf(root)).toMatchObject({ state: "failed", exit: { reason: "unknown" } });
    expect(await psOf(root, "t:two:default")).toMatchObject({ state: "running", pid: two?.pid as number });
    expect((await root.dt(["restart", "t", "two"])).code).toBe(0);
    expect((await doctor(root)).wrong).toEqual([]);
  });
});

test("doctor mends a start, a stop and a wait that were cut off", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const one = await psOf(root);
    const doomed = [one?.host?.pid, one?.pid] as number[];
    for (const pid of doomed) process.kill(pid, "SIGKILL");
    await until("they are gone", () => !doomed.some(runs));
    const whole = JSON.parse(root.read(RECORD));
    const by = { by: "user", pid: 4, command: "dt stop t dev" };
    for (const [phase, text, more] of [
      ["starting", "was being started when its host ended", { leader: null }],
      [
        "stopping",
        "was being stopped when the process that did so (pid 4) ended",
        { stopping: { by, at: whole.startedAt } },
      ],
      ["backoff", "was waiting for its policy to restart it, but its host is gone", { leader: null }],
    ] as const) {
      root.writeState(RECORD, { ...whole, phase, ...more });
      expect((await doctor(root)).wrong.map((finding) => finding.text)).toEqual([
        `t:dev:default ${text}, and none of its processes is left.`,
      ]);
      expect((await doctor(root, ["--fix"])).ok).toBe(true);
      expect(existsSync(join(root.dir, RECORD))).toBe(false);
    }
  });
});

test("doctor names the processes of an unreadable record, and --fix does not stop them", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const one = await psOf(root);
    process.kill(one?.host?.pid as number, "SIGKILL");
    await until("the host is gone", () => !runs(one?.host?.pid as number));
    root.write(RECORD, "{");
    const { wrong } = await doctor(root, ["--fix"]);
    expect(wrong).toMatchObject([
      { check: "record", hint: "dt stop t:dev:default", fixable: false, details: { pids: [one?.pid] } },
    ]);
    expect(runs(one?.pid as number)).toBe(true);
    expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
    expect(of((await doctor(root)).findings, "set-aside")).toMatchObject([{ level: "note" }]);
  });
});

test("doctor removes leftovers of dead processes, not those of living or young ones", async () => {
  const root = launchRoot("plain");
  const [alive, dead] = [sleeper(), sleeper()];
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    dead.kill("SIGKILL");
    await dead.exited;
    const old = [
      `.a.json.${dead.pid}.abc.tmp`,
      `.a.json.${alive.pid}.abc.tmp`,
      "launch/00000000000000000000000000000000.json",
    ];
    const young = [`.b.json.${dead.pid}.abc.tmp`, "launch/11111111111111111111111111111111.json"];
    const foreign = "launch/22222222222222222222222222222222.json";
    const note = (name: string) => ({
      version: 1,
      token: name.slice("launch/".length, -".json".length),
      ready: null,
      exited: null,
      adopted: [],
    });
    for (const name of [...old, ...young])
      if (name.startsWith("launch/")) root.writeState(`.dialtone/run/${name}`, note(name));
      else root.write(`.dialtone/run/${name}`, "{}");
    root.write(`.dialtone/run/${foreign}`, JSON.stringify(note(foreign)));
    for (const name of [...old, foreign]) age(join(root.run, name));
    expect((await doctor(root)).wrong.map(({ check }) => check)).toEqual(["temporary", "history"]);
    expect((await doctor(root, ["--fix"])).ok).toBe(true);
    // What this user's dt did not write is left as it is.
    expect([...old, ...young, foreign].map((name) => existsSync(join(root.run, name)))).toEqual([
      false,
      true,
      false,
      true,
      true,
      true,
    ]);
    expect(await psOf(root)).toMatchObject({ state: "running", host: { alive: true } });
  }).finally(async () => {
    alive.kill("SIGKILL");
    await alive.exited;
  });
});

test("doctor reports a run directory that others can read, and one that is a link", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    mkdirSync(root.run, { recursive: true });
    chmodSync(root.run, 0o755);
    chmodSync(join(root.dir, ".dialtone"), 0o700);
    const { wrong } = await doctor(root, ["--fix"]);
    expect(wrong).toMatchObject([{ check: "run-directory", details: { mode: "0755" }, repaired: { done: true } }]);
    expect(statSync(root.run).mode & 0o777).toBe(0o700);
    renameSync(root.run, `${root.run}.real`);
    symlinkSync(`${root.run}.real`, root.run);
    const linked = await doctor(root, ["--fix"]);
    expect(linked.wrong).toMatchObject([{ check: "run-directory", fixable: false }]);
    expect(linked.wrong[0]?.text).toContain("is a symbolic link");
    rmSync(root.run);
  });
});

test("doctor reports a run directory that cannot be made", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    const env = { DIALTONE_RUN_DIR: join(root.dir, "manifests", "file", "run") };
    root.write("manifests/file", "");
    const { wrong } = await doctor(root, [], { env });
    expect(wrong).toHaveLength(1);
    expect(wrong[0]).toMatchObject({ check: "run-directory", fixable: false });
    expect(wrong[0]?.text).toContain("cannot be used: ENOTDIR");
  });
});

test("doctor names commands whose run calls dt again, with the direct command", async () => {
  const root = TestRoot.create({
    "manifests/a.ts": `export default { name: "a", commands: {
      build: { kind: "oneshot", run: ["bun", "build", "it all"], variants: { fast: { run: "make fast" } } },
      db: { kind: "managed", run: ["sleep", "1000"] },
      array: { kind: "oneshot", run: ["dt", "a", "build", "--x"] },
      text: { kind: "oneshot", run: "cd x && FOO=1 exec ./dialtone.sh --quiet a build fast" },
      dev: { kind: "managed", run: "dt a db -d; exec node ." },
      looks: { kind: "oneshot", run: "dt ps --json | grep a; echo 'dt a build'" },
      self: { kind: "oneshot", run: "bash -c 'dt a self'" },
      start: { kind: "oneshot", run: ["dt", "a", "db", "-d"] },
      stop: { kind: "oneshot", run: ["dt", "stop", "a:db"] },
      reset: { kind: "oneshot", run: "dt stop a:db && rm -rf data" },
      ends: { kind: "managed", run: ["dt", "stop", "a:db"] },
    } };`,
    "manifests/broken.ts": "export default {",
  });
  await within(root, async () => {
    await root.dt(["list"]);
    const { findings, wrong } = await doctor(root);
    expect(
      of(findings, "nested").map(({ key, level, details, hint }) => [key, level, details?.direct ?? hint]),
    ).toEqual([
      ["a:array:default", "note", "bun build 'it all' --x"],
      ["a:text:default", "note", "make fast"],
      ["a:dev:default", "note", 'Write `needs: ["a:db"]` instead: dt starts it first.'],
      ["a:reset:default", "note", null],
      ["a:ends:default", "note", null],
    ]);
    expect(wrong.map(({ check }) => check)).toEqual(["manifest"]);
    expect(wrong[0]?.text).toContain("broken.ts");
  });
});

test("doctor forgets projects that no longer exist, and only those", async () => {
  const root = launchRoot("plain");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    const [roots, gone] = [join(root.home, ".dialtone", "roots"), join(root.base, "gone")];
    mkdirSync(gone);
    rememberRootIn(roots, gone);
    rmSync(gone, { recursive: true });
    expect((await doctor(root)).wrong).toMatchObject([{ check: "root", details: { root: gone } }]);
    expect((await doctor(root, ["--fix"])).ok).toBe(true);
    expect((await doctor(root)).wrong).toEqual([]);
    expect(readdirSync(roots)).toHaveLength(1);
    // What dt did not write names no root, and is not removed either.
    root.write(join(roots, "planted"), `${root.base}/gone\n`);
    expect((await doctor(root, ["--fix"])).findings.filter(({ check }) => check === "root")).toEqual([]);
    expect(readdirSync(roots)).toHaveLength(2);
  });
});

/** The run directory is removed, and before that its host is killed: no process writes the record again. */
async function loseEverything(root: TestRoot): Promise<number> {
  const one = await psOf(root);
  process.kill(one?.host?.pid as number, "SIGKILL");
  await until("the host is gone", () => !runs(one?.host?.pid as number));
  rmSync(root.run, { recursive: true });
  return one?.pid as number;
}

test("doctor lists processes that no record knows, and --fix stops their whole trees", async () => {
  const root = launchRoot("background child");
  await within(root, async () => {
    await root.dt(["t", "dev", "-d"]);
    await until("both printed", () => /child \d+/.test(readLog(root)));
    const child = Number(/child (\d+)/.exec(readLog(root))?.[1]);
    const leader = await loseEverything(root);
    expect(await psOf(root)).toBeUndefined();
    const { wrong } = await doctor(root);
    expect(wrong).toMatchObject([{ check: "lost-processes", key: KEY, fixable: true }]);
    const named = wrong[0]?.details?.processes as { pid: number }[];
    expect(named.map((one) => one.pid).sort()).toEqual([leader, child].sort());
    expect([runs(leader), runs(child)]).toEqual([true, true]);
    const fixed = await doctor(root, ["--fix"]);
    expect(fixed.wrong).toMatchObject([{ repaired: { done: true, text: "stopped what was left of t:dev:default" } }]);
    expect([runs(leader), runs(child)]).toEqual([false, false]);
    expect((await doctor(root)).wrong).toEqual([]);
    expect((await root.dt(["why", KEY])).stdout).toContain("its record was lost");
  });
});

test("doctor does not take for lost the processes of another root or run directory, spared ones or a launch whose host lives", async () => {
  const [root, other] = [launchRoot("plain"), launchRoot("plain")];
  const moved = { env: { DIALTONE_RUN_DIR: join(root.base, "moved") } };
  await within(root, async () => {
    root.write(
      "manifests/s.ts",
      `export default { name: "s", commands: { dev: { kind: "managed", run: ["sleep", "1000"], stop: { spare: ["sleep"] } } } };`,
    );
    await other.dt(["t", "dev", "-d"]);
    await root.dt(["t", "dev", "-d"], moved);
    await root.dt(["t", "dev", "-d"]);
    // In the foreground, so that it has a host of its own.
    const shown = root.spawn(["s", "dev"]);
    await until("it runs", async () => (await psOf(root, "s:dev:default"))?.state === "running");
    const spared = (await psOf(root, "s:dev:default"))?.pid as number;
    const hosted = (await psOf(root))?.pid as number;
    const elsewhere = [
      (await psOf(other))?.pid,
      JSON.parse((await root.dt(["ps", "--json"], moved)).stdout)[0].pid,
    ] as number[];
    shown.kill("SIGKILL");
    await shown.exited;
    rmSync(root.run, { recursive: true });
    const { wrong, findings } = await doctor(root, ["--fix"]);
    expect(wrong).toEqual([]);
    expect(of(findings, "lost-processes")).toMatchObject([{ level: "note", key: "s:dev:default" }]);
    expect([spared, hosted, ...elsewhere].map(runs)).toEqual([true, true, true, true]);
    expect(await psOf(root)).toMatchObject({ state: "running", pid: hosted });
    expect((await root.dt(["stop", "--all"], moved)).code).toBe(0);
    process.kill(spared, "SIGKILL");
    await until("it is gone", () => !runs(spared));
  }).finally(() => other.dispose());
});

test("doctor reports a stack without Compose, or whose engine does not answer", async () => {
  const stack = { name: "s", commands: { dev: { kind: "managed", compose: { file: "compose.yaml" } } } };
  const root = TestRoot.create({ "manifests/s.json": JSON.stringify(stack), "compose.yaml": "services: {}\n" });
  const bin = join(root.base, "bin");
  const run = async (PATH: string, more: Record<string, string | undefined> = {}) => {
    const { code, stdout } = await root.dt(["doctor"], { env: { PATH, ...more } });
    return {
      code,
      said: stdout.split("\n").filter((line) => /Compose|engine|All is well|needs? attention/.test(line)),
    };
  };
  const program = (name: string, text: string) => {
    root.write(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  await within(root, async () => {
    mkdirSync(bin);
    await root.dt(["list"]);
    const none = await run(bin);
    expect(none.code).toBe(1);
    expect(none.said[0]).toContain(
      "s:dev needs Compose, and none was found: docker compose: there is no docker in PATH;",
    );
    expect(none.said.at(-1)).toBe("1 thing needs attention.");
    // Docker without the plugin: its own words.
    program(
      "docker",
      'case "$1" in compose) echo "docker: compose is not a docker command" >&2; exit 1;; esac; exit 1',
    );
    expect((await run(bin)).said[0]).toContain("compose is not a docker command");
    program("docker", 'test "$1" = compose');
    const silent = await run(bin);
    expect(silent.code).toBe(1);
    expect(silent.said[0]).toContain(
      "s:dev needs Compose: docker compose is installed, but its engine does not answer",
    );
    // Where something else can be run, that is worth a note.
    root.write(
      "manifests/u.json",
      JSON.stringify({ name: "u", commands: { dev: { kind: "managed", run: ["true"] } } }),
    );
    await root.dt(["list"]);
    expect(await run(bin)).toMatchObject({
      code: 0,
      said: [expect.stringMatching(/^note /), expect.stringContaining("Start the engine"), "All is well."],
    });
    program("docker", "exit 0");
    expect(await run(bin)).toEqual({
      code: 0,
      said: [expect.stringContaining("docker compose is installed, and its engine answers."), "All is well."],
    });
    // In a root that is not trusted no program is run.
    program("docker", `touch ${root.base}/RAN`);
    expect((await run(bin, { DIALTONE_TRUST: undefined, CI: undefined })).said).toEqual(["All is well."]);
    expect(existsSync(join(root.base, "RAN"))).toBe(false);
  });
});
