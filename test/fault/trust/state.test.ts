/** State that came with a clone is shown as foreign and never acted on: whatever it says, whatever is in its place. */
import { afterEach, describe, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { HOST_PROTOCOL } from "../../../src/supervisor/callers/wire.ts";
import { connectForLines } from "../../../src/sys/net/lineclient.ts";
import { psOf, runs } from "../../e2e/kit/launch.ts";
import { DT, type Result, stays, until } from "../../kit.ts";
import {
  describe as describeAll,
  ENDING,
  forged,
  forgedFiles,
  inodeOf,
  KEY,
  LOOKING,
  linkAt,
  makeStranger,
  oldStack,
  type Stranger,
  writeForged,
} from "./stranger.kit.ts";
import { canMount } from "./users.kit.ts";

const open: { dispose(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.dispose();
});

function stranger(): Stranger {
  const made = makeStranger();
  open.push(made);
  return made;
}

const states = async ({ dt }: Stranger): Promise<Record<string, string>> =>
  Object.fromEntries(
    (JSON.parse((await dt(["ps", "--all", "--json"])).stdout) as { key: string; state: string }[]).map((one) => [
      one.key,
      one.state,
    ]),
  );

/** No bug of dt's, no signal, no time-out. */
function expectPlain({ code, signal, stderr }: Result, words: readonly string[]): void {
  expect([words.join(" "), signal, code === 125 ? stderr : ""]).toEqual([words.join(" "), null, ""]);
}

describe("a forged record", () => {
  const BOOT = "00000000-0000-0000-0000-000000000000";
  const kinds: [what: string, more: (of: Stranger) => Record<string, unknown>][] = [
    ["that names a living process", () => ({})],
    [
      "whose stop is to be finished",
      ({ victim }) => ({
        phase: "stopping",
        stopping: { by: { by: "user", pid: victim.pid, command: "x" }, at: "2026-01-01T00:00:00Z" },
      }),
    ],
    [
      "of a start that was cut off",
      ({ victim }) => ({ phase: "starting", leader: null, host: { ...victim, startTime: "1" } }),
    ],
    [
      "of a launch in backoff without a host",
      ({ victim }) => ({ phase: "backoff", leader: null, host: { ...victim, startTime: "1" } }),
    ],
    [
      "of another boot, with a log that is written to",
      ({ victim }) => ({ host: { ...victim, bootId: BOOT }, leader: null }),
    ],
    ["of a host that is a stranger's process", ({ victim }) => ({ leader: null, host: victim, shared: true })],
    ["with a stack as it was once written", (of) => ({ stack: oldStack(of) })],
    [
      "with a stack as it is now written",
      ({ root }) => ({
        stack: { engine: "docker compose", file: "x", profiles: [], project: "x", off: [], cwd: `${root.dir}/bin` },
      }),
    ],
    ["with a seal of no user", ({ root }) => ({ seal: { path: root.run, ...inodeOf(root.dir), mac: "0".repeat(64) } })],
  ];
  for (const [what, more] of kinds) {
    test(`looking, stopping, clearing and mending do not run, signal or change anything for a forged record ${what}`, async () => {
      const of = stranger();
      const { root, dt, harm } = of;
      for (const words of [...LOOKING, ...ENDING]) {
        writeForged(root, `.dialtone/run/${KEY}.meta.json`, forged(of, more(of)));
        expectPlain(await dt(words), words);
        expect([words.join(" "), ...harm()]).toEqual([words.join(" ")]);
      }
      expect(await states(of)).toEqual({ [KEY]: "foreign" });
      expect((await dt(["ps"])).stdout).toContain("foreign: not written by your dt");
      expect((await dt(["why", "a", "b"])).stdout).toContain("dt ignores it");
      expect((await dt(["doctor"])).stdout).toContain(`${KEY} is foreign`);
      expect((await dt(["stop", "a", "b"])).stderr).toContain("nothing was touched");
      const down = await dt(["down", "--json"]);
      expect(down.stderr).toContain(`${KEY} is foreign`);
      expect([down.code, JSON.parse(down.stdout)]).toEqual([0, [{ key: KEY, stopped: false }]]);
    });
  }

  test("a start sets a forged record aside, and the process it named lives", async () => {
    const of = stranger();
    const { root, dt, harm } = of;
    for (const [path, content] of Object.entries(forgedFiles(of))) writeForged(root, path, content);
    expect((await dt(["a", "b", "-d"])).code).toBe(0);
    expect((await psOf(root, KEY))?.state).toBe("running");
    expect(readdirSync(root.run).filter((name) => name.startsWith(`${KEY}.meta.json.`))).toHaveLength(1);
    expect(harm()).toEqual([]);
    expect((await dt(["stop", "a", "b"])).code).toBe(0);
    expect(harm()).toEqual([]);
  });
});

test("a daemon does nothing with forged state of every kind at once", async () => {
  const of = stranger();
  const { root, dt, harm } = of;
  // Used once, so that the daemon knows the root; registered, so that it works for it.
  expect((await dt(["a", "b", "-d"])).code).toBe(0);
  await dt(["stop", "--all"]);
  expect((await dt(["boot", "add"])).code).toBe(0);
  expect((await dt(["daemon", "start"])).code).toBe(0);
  try {
    for (const [path, content] of Object.entries(forgedFiles(of))) writeForged(root, path, content);
    const log = join(root.home, ".dialtone", "logs", "daemon.log");
    // It looks every three seconds: two looks after the files came.
    const before = Date.now();
    await until("the daemon has looked twice", () => Date.now() - before > 7000, 15_000);
    expect(readFileSync(log, "utf8")).not.toMatch(/gets another one|is finished/);
    expect(harm()).toEqual([]);
    expect((await dt(["jobs"])).stdout).not.toContain("zz");
  } finally {
    await dt(["daemon", "stop"]);
  }
}, 60_000);

describe("an own record", () => {
  test("an own record with one word changed is foreign, and the process it then names is not signalled", async () => {
    const of = stranger();
    const { root, dt, victim, harm } = of;
    await dt(["a", "b", "-d"]);
    const one = await psOf(root, KEY);
    process.kill(one?.host?.pid as number, "SIGKILL");
    await until("the host is gone", () => !runs(one?.host?.pid as number));
    const path = `.dialtone/run/${KEY}.meta.json`;
    const record = JSON.parse(root.read(path));
    root.write(path, JSON.stringify({ ...record, leader: victim }));
    expect(await states(of)).toEqual({ [KEY]: "foreign" });
    // The launch itself is found by what the kernel says of it, and ended.
    expect((await dt(["stop", "a", "b"])).code).toBe(0);
    expect([runs(one?.pid as number), ...harm()]).toEqual([false]);
  });

  test("an own record under another key's name is foreign", async () => {
    const of = stranger();
    const { root, dt } = of;
    await dt(["a", "b", "-d"]);
    const text = root.read(`.dialtone/run/${KEY}.meta.json`).replaceAll('"b"', '"c"').replaceAll("a:b:", "a:c:");
    root.write(".dialtone/run/a:c:default.meta.json", text);
    root.write(".dialtone/run/a:d:default.meta.json", root.read(`.dialtone/run/${KEY}.meta.json`));
    expect(await states(of)).toEqual({ [KEY]: "running", "a:c:default": "foreign", "a:d:default": "foreign" });
  });

  test("an own record of another home is foreign, and a rerun from there replaces the launch all the same", async () => {
    const of = stranger();
    const { root, dt } = of;
    await dt(["a", "b", "-d"]);
    const pid = (await psOf(root, KEY))?.pid as number;
    const env = { DIALTONE_HOME: join(root.base, "other-home") };
    const seen = JSON.parse((await dt(["ps", "--json"], { env })).stdout) as { state: string; note: string }[];
    expect(seen).toMatchObject([{ state: "foreign", note: expect.stringContaining("not written by your dt") }]);
    expect((await dt(["a", "b", "-d"], { env })).code).toBe(0);
    expect(runs(pid)).toBe(false);
    await dt(["stop", "--all"], { env });
  });
});

test("an exit file by another's hand is foreign in ps, and dt doctor names the file and what removes it", async () => {
  const of = stranger();
  const { root, dt } = of;
  await dt(["a", "b", "-d"]);
  await dt(["stop", "a", "b"]);
  const path = join(root.run, `${KEY}.exit.json`);
  const { seal: _seal, ...unsealed } = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, JSON.stringify(unsealed)); // as an earlier dt left it
  expect((await states(of))[KEY]).toBe("foreign");
  const said = (await dt(["doctor"])).stdout;
  expect(said).toContain(`${KEY} is foreign: ${path} was not written by your dt`);
  expect(said).toContain(`rm ${path}`);
  rmSync(path);
  expect((await dt(["doctor"])).stdout).not.toContain("foreign");
});

test("a copied project is another root, where start, stop and down never touch the original's launch", async () => {
  const of = stranger();
  const { root, dt } = of;
  const copy = join(root.base, "copy");
  for (const words of [
    ["ps"],
    ["stop", "--all"],
    ["down"],
    ["doctor", "--fix"],
    ["gc", "--yes"],
    ["a", "b", "-d"],
    ["a", "b", "-d", "--ensure"],
    ["restart", "a", "b"],
  ]) {
    await dt(["a", "b", "-d"]);
    const pid = (await psOf(root, KEY))?.pid as number;
    rmSync(copy, { recursive: true, force: true });
    cpSync(root.dir, copy, { recursive: true, preserveTimestamps: true });
    await dt(words, { cwd: copy });
    expect([words.join(" "), runs(pid)]).toEqual([words.join(" "), true]);
    await dt(["stop", "--all"], { cwd: copy });
    expect(runs(pid)).toBe(true);
  }
}, 60_000);

test("in a moved project the launch is listed and logged, its host starts it again there, and stop ends it", async () => {
  const of = stranger();
  const { root, dt } = of;
  root.write(
    "manifests/a.json",
    JSON.stringify({
      name: "a",
      commands: {
        b: {
          kind: "managed",
          run: "echo hello; exec sleep 1000",
          restart: { policy: "always", delay: "100ms" },
          stop: { timeout: "300ms" },
        },
      },
    }),
  );
  await dt(["a", "b", "-d"]);
  const first = (await psOf(root, KEY))?.pid as number;
  const moved = join(root.base, "moved");
  renameSync(root.dir, moved);
  const seen = async () =>
    (
      JSON.parse((await dt(["ps", "--json"], { cwd: moved })).stdout) as {
        state: string;
        pid: number | null;
        log: string;
      }[]
    )[0];
  expect(await seen()).toMatchObject({
    state: "running",
    pid: first,
    log: join(moved, ".dialtone", "run", `${KEY}.log`),
  });
  expect((await dt(["logs", "a", "b"], { cwd: moved })).stdout).toBe("hello\n");
  process.kill(first, "SIGKILL");
  const second = await until("the policy has started it again", async () => {
    const now = await seen();
    return now?.state === "running" && now.pid !== first ? now.pid : null;
  });
  expect((await dt(["restart", "a", "b"], { cwd: moved })).code).toBe(0);
  expect((await dt(["ps", "--all-roots"], { cwd: root.base })).stdout).toContain(`${moved}\n`);
  expect((await dt(["stop", "--all"], { cwd: moved })).code).toBe(0);
  expect([runs(second), existsSync(root.dir)]).toEqual([false, false]);
}, 60_000);

test.skipIf(process.platform !== "linux")(
  "a launch in a moved project is not left over; one in a removed original whose copy stays is",
  async () => {
    const of = stranger();
    const { root, dt } = of;
    const command = (cwd: string) => ({ kind: "managed", run: ["sleep", "1000"], cwd });
    root.write("manifests/a.json", JSON.stringify({ name: "a", commands: { b: command("."), c: command("/") } }));
    await dt(["a", "b", "-d"]);
    await dt(["a", "c", "-d"]);
    const [moved, copied] = [join(root.base, "moved"), join(root.base, "copied")];
    renameSync(root.dir, moved);
    const left = async (...flags: string[]) =>
      (JSON.parse((await dt(["gc", "--json", ...flags], { cwd: root.base })).stdout) as { key: string }[])
        .map(({ key }) => key)
        .sort();
    // What says where it is now: the host of both, and of `b`, whose host is gone, the directory that it is in.
    expect(await left("--yes")).toEqual([]);
    const list = async () =>
      JSON.parse((await dt(["ps", "--json"], { cwd: moved })).stdout) as {
        key: string;
        state: string;
        pid: number;
        host: { pid: number };
      }[];
    const rows = await list();
    expect(rows.map(({ state }) => state)).toEqual(["running", "running"]);
    process.kill(rows[0]?.host.pid as number, "SIGKILL");
    await until("its host is gone", () => !runs(rows[0]?.host.pid as number));
    expect(await left()).toEqual([]);
    expect(Bun.spawnSync(["cp", "-a", moved, copied]).exitCode).toBe(0);
    rmSync(moved, { recursive: true });
    expect(await left("--yes")).toEqual([KEY, "a:c:default"]);
    await until("nothing is left", () => rows.every(({ pid }) => !runs(pid)));
  },
  60_000,
);

test.skipIf(!canMount)(
  "what runs in a project mounted elsewhere alone, as in a container, is not left over here",
  async () => {
    const { root, dt } = stranger();
    const place = join(root.base, "mounted");
    mkdirSync(place);
    const manifest = JSON.stringify({ name: "a", commands: { b: { kind: "managed", run: ["sleep", "1000"] } } });
    const script = `mount -t tmpfs tmpfs ${place} && mkdir -p ${place}/p/manifests && cd ${place}/p &&
      printf '%s' "$0" > manifests/a.json && exec "$@"`;
    const argv = ["unshare", "-m", "--propagation", "private", "sh", "-c", script, manifest, DT, "a", "b", "-d"];
    const started = Bun.spawnSync(argv, { env: { ...root.env, CI: undefined, DIALTONE_TRUST: undefined } });
    const [pid] = /pid (\d+)/.exec(`${started.stdout}${started.stderr}`)?.slice(1).map(Number) ?? [];
    expect({ code: started.exitCode, runs: runs(pid as number) }).toEqual({ code: 0, runs: true });
    const home = join(root.base, "otherhome");
    for (const env of [{}, { DIALTONE_HOME: home }])
      expect((await dt(["gc", "--yes", "--json"], { cwd: root.base, env })).stdout).toBe("[]\n");
    expect(runs(pid as number)).toBe(true);
    process.kill(pid as number, "SIGKILL");
    await until("its host has ended", () => root.processes().length === 0);
  },
  60_000,
);

test.skipIf(process.platform !== "linux")(
  "of a new project where a moved one was each keeps its own launches, and the new one's leftovers end alone",
  async () => {
    const { root, dt } = stranger();
    const command = (cwd = ".") => ({ kind: "managed", run: ["sleep", "1000"], cwd });
    const text = JSON.stringify({ name: "a", commands: { b: command(), c: command(), d: command("/") } });
    root.write("manifests/a.json", text);
    const moved = join(root.base, "moved");
    const rows = async (cwd: string) =>
      JSON.parse((await dt(["ps", "--json"], { cwd })).stdout) as { key: string; state: string; pid: number }[];
    const gone = async (...flags: string[]) =>
      (JSON.parse((await dt(["gc", "--json", ...flags], { cwd: root.base })).stdout) as { key: string }[]).map(
        ({ key }) => key,
      );
    await dt(["up", "a:b", "a:c", "-d"]);
    const attached = root.spawn(["a", "d"]);
    await until("it runs in the foreground, too", async () => (await rows(root.dir)).length === 3);
    const before = await rows(root.dir);
    renameSync(root.dir, moved);
    expect(await gone("--yes")).toEqual([]);
    root.write("manifests/a.json", text);
    expect((await dt(["a", "b", "-d"])).code).toBe(0);
    const [fresh] = await rows(root.dir);
    // A host looks twice a second whether the record of its launch is another's, and leaves no trace of a look.
    const alive = (all: { pid: number }[]) => all.map(({ pid }) => runs(pid));
    await stays("all four run", () => [...alive(before), runs(fresh?.pid as number)].every(Boolean), 1200);
    expect(await rows(moved)).toMatchObject(before.map(({ key, pid }) => ({ key, pid, state: "running" })));
    rmSync(root.dir, { recursive: true });
    expect(await gone("--yes")).toEqual([KEY]);
    expect([alive(before), runs(fresh?.pid as number)]).toEqual([[true, true, true], false]);
    // Read again under another name, which the index does not know yet.
    renameSync(join(moved, "manifests/a.json"), join(moved, "manifests/z.json"));
    expect(await gone("--yes")).toEqual([]);
    expect((await dt(["stop", "--all"], { cwd: moved })).code).toBe(0);
    await attached.exited;
    expect(alive(before)).toEqual([false, false, false]);
  },
  60_000,
);

test("when a directory is swapped before a host looks at it, the host says so to its caller", async () => {
  const { root } = stranger();
  const run = join(root.dir, ".dialtone/run");
  mkdirSync(join(root.dir, ".dialtone"), { mode: 0o700 });
  linkAt(root, ".dialtone/run", root.base);
  const ground = {
    root: root.dir,
    home: join(root.base, "home/.dialtone"),
    runDirectory: run,
    cache: `${run}.cache`,
    openFiles: null,
    lockBackend: null,
    owner: null,
  };
  const address = join(root.base, "s");
  const host = Bun.spawn([DT, "__host", root.dir, address, "own"], { env: root.env, stdin: "ignore", stdout: "pipe" });
  await until("it listens", () => existsSync(address));
  const heard: { is: string; error?: { code: string; message: string } }[] = [];
  const over = Promise.withResolvers<void>();
  const line = await connectForLines(address, {
    onMessage: (word) => heard.push(word as (typeof heard)[number]),
    onClose: over.resolve,
  });
  line.send({
    is: "start",
    version: HOST_PROTOCOL,
    ground,
    env: root.env,
    keyring: 0,
    blocked: "0",
    spec: { key: KEY },
  });
  await over.promise;
  const failed = heard.find(({ is }) => is === "failed");
  expect(failed?.error?.code).toBe("unsafe-directory");
  expect(failed?.error?.message).toStartWith(`${run} is a symbolic link`);
  await host.exited;
});

describe("in the place of a state file", () => {
  const things: [what: string, put: (of: Stranger, path: string) => void][] = [
    ["a link to a file of one's own", ({ root, treasure }, path) => linkAt(root, path, join(treasure, "1.json"))],
    ["a link to a device without an end", ({ root }, path) => linkAt(root, path, "/dev/zero")],
    ["a link to nothing", ({ root }, path) => linkAt(root, path, join(root.base, "nowhere"))],
    ["a named pipe", ({ root }, path) => void Bun.spawnSync(["mkfifo", join(root.dir, path)])],
    ["a directory", ({ root }, path) => void mkdirSync(join(root.dir, path))],
    [
      "a hard link of a file of one's own",
      ({ root, treasure }, path) => linkSync(join(treasure, "1.json"), join(root.dir, path)),
    ],
  ];
  for (const [what, put] of things) {
    test(`no verb waits, follows, writes or removes through ${what} in a state file's place`, async () => {
      const of = stranger();
      const { root, dt, harm } = of;
      const paths = Object.keys(forgedFiles(of));
      for (const path of paths) {
        mkdirSync(join(root.dir, path, ".."), { recursive: true });
        put(of, path);
      }
      for (const words of [...LOOKING, ...ENDING]) {
        expectPlain(await dt(words, { timeoutMs: 8000 }), words);
        expect([words.join(" "), ...harm()]).toEqual([words.join(" ")]);
      }
      // A start works, or refuses with a sentence; what is there stays what it was.
      const started = await dt(["a", "b", "-d"], { timeoutMs: 8000 });
      expectPlain(started, ["a", "b", "-d"]);
      expect(harm()).toEqual([]);
      if (started.code !== 0)
        expect(started.stderr).toMatch(/dt keeps its state only in regular files that it made itself/);
      expect(existsSync(join(root.base, "nowhere"))).toBe(false);
      await dt(["stop", "--all"], { timeoutMs: 8000 });
      expect(harm()).toEqual([]);
    }, 60_000);
  }
});

describe("in the place of a directory of dt's", () => {
  for (const place of [
    ".dialtone",
    ".dialtone/run",
    ".dialtone/run/launch",
    ".dialtone/run/jobs",
    ".dialtone/run/watch",
    ".dialtone/cache",
  ]) {
    test(`a link for ${place} is refused, and nothing behind it is made, removed or given another mode`, async () => {
      const of = stranger();
      const { root, dt, treasure, harm } = of;
      linkAt(root, place, treasure);
      root.write(
        "manifests/a.json",
        JSON.stringify({
          name: "a",
          commands: { b: { kind: "managed", run: ["sleep", "1000"] }, o: { kind: "oneshot", run: ["touch", "ran"] } },
          watch: [{ paths: ["src/*"], run: "a:o" }],
        }),
      );
      for (const words of [...LOOKING, ...ENDING, ["a", "o"], ["--capture", "a", "o"], ["a", "b", "-d"]]) {
        expectPlain(await dt(words), words);
        expect([words.join(" "), ...harm()]).toEqual([words.join(" ")]);
      }
      const watch = root.spawn(["watch"], { env: { CI: undefined } });
      try {
        // Changed until it was seen: what is watched, or that it is not, shows in what its job leaves.
        let changes = 0;
        await until("the job has run, or watching was refused", () => {
          root.write("src/x", String(++changes));
          return watch.exitCode !== null || existsSync(join(root.dir, "ran"));
        });
      } finally {
        watch.kill("SIGTERM");
        await watch.exited;
      }
      expect(harm()).toEqual([]);
      await dt(["stop", "--all"]);
    }, 60_000);
  }
});

test("a directory of dt's that others may write to is made private, or refused", async () => {
  const of = stranger();
  const { root, dt } = of;
  mkdirSync(root.run, { recursive: true });
  Bun.spawnSync(["chmod", "-R", "0777", join(root.dir, ".dialtone")]);
  await dt(["ps"]);
  for (const place of [join(root.dir, ".dialtone"), root.run])
    expect(Bun.spawnSync(["stat", "-c", "%a", place]).stdout.toString()).toBe("700\n");
});

test("a launch that an earlier dt left without seals and still hosts is taken over once", async () => {
  const of = stranger();
  const { root, dt } = of;
  await dt(["a", "b", "-d"]);
  const before = await psOf(root, KEY);
  const path = join(root.run, `${KEY}.meta.json`);
  const { seal: _seal, ...unsealed } = JSON.parse(readFileSync(path, "utf8"));
  // The host writes it again within half a second where it is foreign: it is not.
  writeFileSync(path, JSON.stringify(unsealed));
  expect(await psOf(root, KEY)).toMatchObject({ state: "running", pid: before?.pid });
  // The same words about a process without the token do not count.
  writeFileSync(path, JSON.stringify({ ...unsealed, token: "c".repeat(32) }));
  expect((await states(of))[KEY]).toBe("foreign");
  writeFileSync(path, JSON.stringify(unsealed));
  expect((await dt(["stop", "a", "b"])).code).toBe(0);
  expect(runs(before?.pid as number)).toBe(false);
});

/** Each takes some 20 ms, those of 16 MB up to 400. Parsing what is nested takes more than a second. */
const MOST_CPU_MS = 1000;

test("state that is nested deeper than can be written, or large, is foreign at once, with a made-up seal or none", async () => {
  const stranger = makeStranger();
  const { root, dt } = stranger;
  const run = join(root.dir, ".dialtone/run");
  const nested = `${'{"a":'.repeat(200_000)}1${"}".repeat(200_000)}`;
  mkdirSync(run, { recursive: true, mode: 0o700 });
  const sealOf = (ino: number) => JSON.stringify({ path: run, dev: 1, ino, mac: "0" });
  const sealed = (value: string, ino: number) => `{\n  "a": ${value},\n  "seal": ${sealOf(ino)}\n}\n`;
  const here = statSync(run).ino;
  const texts = {
    nested,
    sealed: sealed(nested, 1),
    "as if sealed here": sealed(nested, here),
    "large, as if sealed here": sealed(`[${"1,".repeat(8_000_000)}1]`, here),
    "of many lines, as if sealed here": sealed(`[\n${"    1,\n".repeat(2_000_000)}    1\n  ]`, here),
    "short and nested, as if sealed here": sealed(`${"[".repeat(30_000)}${"]".repeat(30_000)}`, here),
    large: `{"a":[${"1,".repeat(8_000_000)}1]}`,
    "cut off": `{"a":[${"1,".repeat(8_000_000)}`,
  };
  try {
    for (const [name, text] of Object.entries(texts)) {
      for (const kind of ["meta.json", "exit.json", "want.json", "lock"])
        root.write(`.dialtone/run/${KEY}.${kind}`, text);
      root.write(".dialtone/run/jobs/zz.json", text);
      for (const words of [["ps"], ["why"], ["status"], ["jobs"], ["doctor"], ["stop", "a", "b"], ["stop", "--all"]]) {
        const child = root.spawn(words, { env: { CI: undefined, DIALTONE_TRUST: undefined } });
        const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
        expect({ name, words, isDone: code < 70 }).toEqual({ name, words, isDone: true });
        const cpuMs = Number(child.resourceUsage()?.cpuTime.total) / 1000;
        expect({ name, words, cpuMs, isQuick: cpuMs < MOST_CPU_MS }).toMatchObject({ isQuick: true });
        if (words[0] !== "jobs")
          expect({ name, words, said: stdout + stderr }).toMatchObject({ said: expect.stringContaining("foreign") });
      }
      expect(stranger.harm()).toEqual([]);
    }
    expect((await dt(["a", "b", "-d"])).code).toBe(0);
    expect((await dt(["stop", "a", "b"])).code).toBe(0);
  } finally {
    await stranger.dispose();
  }
}, 120_000);

test("a log that came with a clone is not shown: in a root where nothing ever ran, no launch wrote it", async () => {
  const stranger = makeStranger();
  const { root, dt } = stranger;
  root.write(
    "manifests/d.json",
    `{"name": "d", "commands": {"own": {"kind": "oneshot", "capture": true, "log": "logs/own.log", "run": ["echo", "ran"]}}}`,
  );
  const hidden = "shipped \x1b]0;pwned\x07\n";
  try {
    for (const path of [`${KEY}.log`, `${KEY}.log.1`, "d:own:default.log", "a:o:default.log"])
      root.write(`.dialtone/run/${path}`, hidden);
    root.write("logs/own.log", hidden);
    root.write(`.dialtone/run/${KEY}.pid`, "1\n");
    await dt(["list"]);
    for (const words of [
      ["logs"],
      ["logs", "a", "b"],
      ["logs", "a", "b", "--previous"],
      ["logs", "a"],
      ["logs", "d", "own"],
      ["logs", "a:b", "a:o"],
      ["logs", "a", "b", "--grep", "s"],
    ]) {
      const { stdout, stderr } = await dt(["--color", ...words]);
      expect({ words, said: stdout + stderr }).not.toMatchObject({ said: expect.stringContaining("pwned") });
    }
    expect((await dt(["logs", "a", "b"])).stderr).toContain("a:b:default is foreign");
    // One that a command wrote is shown, also while the command has not ended yet.
    expect((await dt(["d", "own"])).stdout).toBe("ran\n");
    expect((await dt(["logs", "d", "own"])).stdout).toBe("ran\n");
    expect(stranger.harm()).toEqual([]);
  } finally {
    await stranger.dispose();
  }
}, 60_000);

test("a host whose run directory was replaced by a link while it lives writes and removes nothing behind it", async () => {
  const stranger = makeStranger();
  const { root, dt, treasure } = stranger;
  const run = join(root.dir, ".dialtone/run");
  try {
    expect((await dt(["a", "b", "-d"])).code).toBe(0);
    const launch = await psOf(root, KEY);
    for (const kind of ["pid", "meta.json", "exit.json", "want.json", "log", "lock", "guard", "fence", "times"])
      root.write(join(treasure, `${KEY}.${kind}`), "of nobody\n");
    mkdirSync(join(treasure, "launch"));
    const before = describeAll(treasure);
    renameSync(run, `${run}.away`);
    symlinkSync(treasure, run);
    process.kill(launch?.pid as number, "SIGKILL");
    await until("the host ended", () => !runs(launch?.host?.pid as number));
    expect(describeAll(treasure)).toBe(before);
    for (const words of [...LOOKING, ...ENDING]) await dt(words);
    expect(describeAll(treasure)).toBe(before);
    unlinkSync(run);
    renameSync(`${run}.away`, run);
    expect((await dt(["stop", "--all"])).code).toBe(0);
  } finally {
    await stranger.dispose();
  }
}, 60_000);
