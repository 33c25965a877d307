/**
 * Output that a program opens again by name (`> /dev/stderr`): it neither cuts nor overwrites the log, whoever is
 * killed meanwhile.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { DT, TestRoot, until } from "../../kit.ts";
import { commandLineOf, psOf, readLog, runs } from "../kit/launch.ts";

const roots: TestRoot[] = [];
afterEach(async () => {
  for (const root of roots.splice(0)) await root.dispose();
});

type Run = string | string[];

function make(commands: Record<string, object>, files: Record<string, string> = {}): TestRoot {
  const all = Object.fromEntries(
    Object.entries(commands).map(([name, fields]) => [name, { kind: "managed", stop: { timeout: "2s" }, ...fields }]),
  );
  const root = TestRoot.create({ ...files, "manifests/t.json": JSON.stringify({ name: "t", commands: all }) });
  for (const path of Object.keys(files)) chmodSync(`${root.dir}/${path}`, 0o755);
  roots.push(root);
  return root;
}

const WHOLE = "first\nwarning\nlast\n";
const to = (name: string) => `echo first; echo warning > ${name}; echo last; exec sleep 1000`;

const WAYS: [string, Run, Record<string, string>?][] = [
  ["/dev/stderr", to("/dev/stderr")],
  ["/dev/stdout", to("/dev/stdout")],
  ["/dev/fd/2", to("/dev/fd/2")],
  ["/proc/self/fd/1", to("/proc/self/fd/1")],
  ["/proc/$$/fd/2", to("/proc/$$/fd/2")],
  ["tee", "echo first; echo warning | tee /dev/stderr > /dev/null; echo last; exec sleep 1000"],
  ["its own errors", "echo first; exec 2>/dev/stderr; echo warning >&2; echo last; exec sleep 1000"],
  ["a script", ["./start.sh"], { "start.sh": `#!/bin/sh\n${to("/dev/stderr")}\n` }],
  ["a script that bash is given", "bash start", { start: to("/dev/stdout") }],
  [
    "a script that a script runs",
    ["./bin/start"],
    { "bin/start": "#!/bin/sh\n. ./bin/more.sh\n", "bin/more.sh": to("/dev/stderr") },
  ],
  ["a program of the project", ["start-all"], { "node_modules/.bin/start-all": `#!/bin/sh\n${to("/dev/stderr")}\n` }],
  [
    "Python",
    ["python3", "-u", "app.py"],
    {
      "app.py":
        "import time\nprint('first')\nwith open('/dev/stderr', 'w') as err: print('warning', file=err)\nprint('last')\ntime.sleep(1000)\n",
    },
  ],
  [
    "without O_TRUNC, at the beginning of the file",
    ["python3", "-u", "app.py"],
    {
      "app.py":
        "import os, time\nprint('first')\nos.write(os.open(f'/proc/{os.getpid()}/fd/1', os.O_WRONLY), b'warning\\n')\nprint('last')\ntime.sleep(1000)\n",
    },
  ],
  [
    "a script of package.json",
    "bun run dev",
    { "package.json": JSON.stringify({ scripts: { dev: to("/dev/stderr") } }) },
  ],
  ["make", "make -s dev", { Makefile: `dev:\n\t@${to("/dev/stderr")}\n` }],
];

describe("the log is whole:", () => {
  for (const [what, run, files] of WAYS)
    test(what, async () => {
      const root = make({ dev: { run, ready: { log: "last", timeout: "10s" } } }, files);
      const { code, stderr } = await root.dt(["t", "dev", "-d"]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
      // The line by which Bun says what it runs goes to the same place.
      expect(Bun.stripANSI(readLog(root)).replace(/^\$ .*\n/, "")).toBe(WHOLE);
      expect((await root.dt(["logs", "t:dev"])).stdout.replace(/^\$ .*\n/, "")).toBe(WHOLE);
    });
});

test("the log is whole under `dt up`, before a start, and in a run by the policy", async () => {
  const once = "echo first; echo warning > /dev/stderr; echo last";
  const root = make({
    dev: { run: to("/dev/stderr"), before: ["t:first"] },
    first: { kind: "oneshot", run: once, stop: undefined },
    again: { run: `[ -e twice ] && exec sleep 1000; touch twice; ${once}; exit 1`, restart: "on-failure" },
  });
  await root.dt(["up", "-d", "t:dev", "t:again"]);
  await until("all is there", () => readLog(root) === WHOLE || null);
  expect(readLog(root, "t:first:default")).toBe(WHOLE);
  await until("it runs again", () => existsSync(`${root.run}/t:again:default.log.1`) || null);
  expect(readFileSync(`${root.run}/t:again:default.log.1`, "utf8")).toBe(WHOLE);
});

test("the log is whole in a job", async () => {
  const root = TestRoot.create({
    "content/a": "1",
    "manifests/t.json": JSON.stringify({
      name: "t",
      commands: { job: { kind: "oneshot", run: "echo first; echo warning > /dev/stderr; echo last" } },
      watch: [{ paths: ["content/**"], debounce: "50ms", run: "t:job" }],
    }),
  });
  roots.push(root);
  const watch = root.spawn(["watch"]);
  const told = watch.stderr.getReader();
  let text = "";
  while (!text.includes("Ctrl-C ends it")) text += new TextDecoder().decode((await told.read()).value);
  root.write("content/a", "2");
  const logs = () =>
    existsSync(`${root.run}/jobs`) ? readdirSync(`${root.run}/jobs`).filter((one) => one.endsWith(".log")) : [];
  await until("its log is whole", () => logs().some((one) => root.read(`.dialtone/run/jobs/${one}`) === WHOLE) || null);
  watch.kill("SIGINT");
  await watch.exited;
});

test("a job's log in a file of its own is whole when the command has ended", async () => {
  const root = TestRoot.create({
    "g.sh": "echo whole; exit 0\necho never > /dev/stderr\n",
    "manifests/t.json": JSON.stringify({ name: "t", commands: { gen: { kind: "oneshot", run: ["sh", "g.sh"] } } }),
  });
  roots.push(root);
  const env = { ...root.env, DT, DIALTONE_JOB: "1", DIALTONE_TARGET: "x", DIALTONE_SOURCE: "watcher" };
  const lines = 'for i in 1 2 3 4 5 6 7 8 9 10; do "$DT" t gen > out 2>&1; cat out >> seen; done';
  await Bun.spawn(["sh", "-c", lines], { cwd: root.dir, env, stdio: ["ignore", "ignore", "ignore"] }).exited;
  expect(root.read("seen")).toBe("whole\n".repeat(10));
});

test("a run's whole output is in its log when the run has ended, with its last lines", async () => {
  const root = make({ dev: { run: "echo > /dev/stderr; seq 200000; echo the end; exit 3" } });
  expect((await root.dt(["t", "dev"])).code).toBe(3);
  expect(readLog(root)).toEndWith("\n199999\n200000\nthe end\n");
  expect(readLog(root).split("\n")).toHaveLength(200_003);
  expect(JSON.parse(root.read(".dialtone/run/t:dev:default.exit.json")).lastLines.at(-1)).toBe("the end");
});

const drainsOf = (log: string) =>
  readdirPids().filter((pid) => commandLineOf(pid).includes("__drain") && linkOf(pid, 1) === log);

function readdirPids(): number[] {
  return Bun.spawnSync(["ls", "/proc"])
    .stdout.toString()
    .split("\n")
    .map(Number)
    .filter((pid) => pid > 0);
}

function linkOf(pid: number, fd: number): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return "";
  }
}

const COUNT = "i=0; while :; do i=$((i+1)); echo $i; echo $i > /dev/stderr; sleep 0.01; done";

/** Every number twice, in order. */
function isWhole(log: string): boolean {
  const lines = log.trimEnd().split("\n");
  return lines.every((line, at) => line === String((at >> 1) + 1));
}

test("a killed host loses no line, and stop leaves nothing", async () => {
  const root = make({ dev: { run: COUNT } });
  await root.dt(["t", "dev", "-d"]);
  const log = `${root.run}/t:dev:default.log`;
  const { host, pid } = (await psOf(root)) ?? {};
  const [drain = 0] = drainsOf(log);
  process.kill(host?.pid as number, "SIGKILL");
  const before = readLog(root).length;
  await until("the log grows on", () => readLog(root).length > before + 50 || null);
  expect((await psOf(root))?.pid).toBe(pid as number);
  expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
  await until("the drain has ended", () => !runs(drain));
  expect(isWhole(readLog(root))).toBe(true);
});

/** One that is asked to end before, ends, and is started again as a killed one. */
function hearsTerm(pid: number): boolean {
  const caught = /^SigCgt:\s*([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? "0";
  return ((BigInt(`0x${caught}`) >> 14n) & 1n) === 1n;
}

test("a killed drain is started again, and one that is asked to end stays", async () => {
  const root = make({ dev: { run: COUNT } });
  await root.dt(["t", "dev", "-d"]);
  const log = `${root.run}/t:dev:default.log`;
  const [drain = 0] = drainsOf(log);
  await until("it has set what it does with signals", () => hearsTerm(drain));
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.kill(drain, signal);
  const before = readLog(root).length;
  await until("the log grows on", () => readLog(root).length > before + 50 || null);
  expect(runs(drain)).toBe(true);
  process.kill(drain, "SIGKILL");
  await until("there is another", () => drainsOf(log).some((pid) => pid !== drain) || null);
  const then = readLog(root).length;
  await until("the log grows on", () => readLog(root).length > then + 50 || null);
  expect((await psOf(root))?.state).toBe("running");
  expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
  expect(isWhole(readLog(root))).toBe(true);
});

test("a cut that could not be foreseen is reported, and the next run's log is whole", async () => {
  // Longer than any text that is read.
  const long = `${"# nothing\n".repeat(30_000)}`;
  const root = make(
    { dev: { run: ["sh", "./long.sh"] } },
    { "long.sh": `${long}\nseq 1000; sleep 2; echo warning > /dev/stderr; echo last; exec sleep 1000\n` },
  );
  const child = root.spawn(["t", "dev"]);
  await until("it is noted", () => existsSync(`${root.run}/t:dev:default.cut.json`) || null);
  expect((await root.dt(["stop", "t", "dev"])).code).toBe(0);
  expect(await child.stderr.text()).toMatch(/its log was cut, and 3\.9 kB of it was lost/);
  await root.dt(["t", "dev", "-d"]);
  await until("it has written all", () => readLog(root).endsWith("last\n") || null);
  expect(readLog(root)).toEndWith("\n1000\nwarning\nlast\n");
});

test("`logs.pipe` decides whether output goes through a pipe", async () => {
  const root = make({
    piped: { run: "exec sleep 1000", logs: { pipe: true } },
    plain: { run: "exec sleep 1000 # /dev/stderr", logs: { pipe: false } },
  });
  for (const [command, expected] of [
    ["piped", /^pipe:/],
    ["plain", /\.log$/],
  ] as const) {
    await root.dt(["t", command, "-d"]);
    const { pid } = (await psOf(root, `t:${command}:default`)) ?? {};
    expect(linkOf(pid as number, 1)).toMatch(expected);
  }
});

test("any other command writes to its log without a pipe", async () => {
  const root = make(
    { dev: { run: ["sh", "./start.sh"] }, mentions: { run: "echo 2>/dev/null; exec sleep 1000" } },
    { "start.sh": "echo warning >&2\nexec sleep 1000\n" },
  );
  for (const command of ["dev", "mentions"]) {
    await root.dt(["t", command, "-d"]);
    const { pid, log } = (await psOf(root, `t:${command}:default`)) ?? {};
    expect(linkOf(pid as number, 1)).toBe(log as string);
  }
});
