/**
 * What a stranger may put into a clone: state files of every kind with forged contents, links and pipes in their place.
 * And baits around it: a process that dt never started, files that are none of dt's, programs that note that they were
 * run.
 */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { LaunchRecord } from "../../../src/state/types.ts";
import { identify, type ProcessEntry, type ProcessIdentity } from "../../../src/sys/process/identity.ts";
import { makeProcessTable } from "../../../src/sys/process/table.ts";
import { runs } from "../../e2e/kit/launch.ts";
import { type RunOptions, TestRoot } from "../../kit.ts";
import { exitOf, historyOf, recordOf, wantOf } from "../../state/samples.ts";

export const KEY = "a:b:default";
export const TOKEN = "b".repeat(32);
export const SECRET = "topsecret-0123456789";

/** Every verb that looks, and those that end, clear or mend; a stranger's file may make none of them act. */
export const LOOKING: readonly (readonly string[])[] = [
  ["ps"],
  ["ps", "--all", "--json"],
  ["ps", "--tree"],
  ["ps", "--all-roots"],
  ["status"],
  ["status", "a", "b"],
  ["why"],
  ["why", "a", "b"],
  ["logs"],
  ["logs", "a", "b"],
  ["logs", "--path"],
  ["list"],
  ["doctor"],
  ["gc"],
  ["jobs"],
  ["port", "3999"],
  ["attach", "a", "b"],
  ["wait", "a", "b", "--timeout", "300ms"],
];
export const ENDING: readonly (readonly string[])[] = [
  ["stop", "a", "b"],
  ["stop", "--all"],
  ["clear", "a", "b"],
  ["down"],
  ["doctor", "--fix"],
  ["gc", "--yes"],
];

export interface Stranger {
  root: TestRoot;
  /** A process that no dt started. */
  victim: ProcessIdentity;
  /** A directory with files that are none of dt's. */
  treasure: string;
  /** Runs dt as the person does: not on CI, nothing trusted. */
  dt(args: readonly string[], options?: RunOptions): ReturnType<TestRoot["dt"]>;
  /** What of the baits was touched; empty when nothing was. */
  harm(): string[];
  dispose(): Promise<void>;
}

const MANIFEST = JSON.stringify({
  name: "a",
  commands: {
    b: { kind: "managed", run: ["sleep", "1000"], stop: { timeout: "300ms" } },
    o: { kind: "oneshot", run: ["true"] },
  },
});

export function makeStranger(): Stranger {
  const root = TestRoot.create({ "manifests/a.json": MANIFEST });
  const treasure = join(root.base, "treasure");
  mkdirSync(treasure);
  for (const name of ["1.json", "2.log", "host.err", ".bashrc"]) root.write(join(treasure, name), `of ${name}\n`);
  chmodSync(treasure, 0o755);
  const ran = join(root.base, "RAN");
  for (const name of ["docker", "docker-compose", "podman", "evil", "git", "bun"])
    chmodSync(root.write(`bin/${name}`, `#!/bin/sh\necho "$0 $@" >>${ran}\n`), 0o755);
  // It has a file open for writing, as a launch has its log. Its environment says nothing of this test.
  const file = Bun.file(root.write(join(treasure, "written"), ""));
  const child = Bun.spawn(["sleep", "1000"], { stdio: ["ignore", file, "ignore"], env: { PATH: "/usr/bin:/bin" } });
  const table = makeProcessTable();
  const victim = identify(table, table.entry(child.pid) as ProcessEntry);
  const before = describe(treasure);
  return {
    root,
    victim,
    treasure,
    dt: (args, options = {}) =>
      root.dt([...args], { ...options, env: { CI: undefined, DIALTONE_TRUST: undefined, ...options.env } }),
    harm() {
      const told: string[] = [];
      if (!runs(victim.pid)) told.push("the victim was ended");
      if (existsSync(ran)) told.push(`run: ${readFileSync(ran, "utf8")}`);
      const now = describe(treasure);
      if (now !== before) told.push(`treasure:\n${before}now:\n${now}`);
      return told;
    },
    async dispose() {
      child.kill("SIGKILL");
      await child.exited;
      await root.dispose();
    },
  };
}

/** Names, kinds, modes and contents below a directory. */
export function describe(directory: string): string {
  const line = (path: string): string => {
    const stat = lstatSync(path);
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isSymbolicLink()) return `${path} -> ${readlinkSync(path)}\n`;
    if (stat.isDirectory())
      return `${path}/ ${mode}\n${readdirSync(path)
        .sort()
        .map((name) => line(join(path, name)))
        .join("")}`;
    return `${path} ${mode} ${stat.isFile() ? readFileSync(path, "latin1") : "special"}\n`;
  };
  return line(directory);
}

/** A record as a stranger would have it: each field of a true one, about the victim. */
export function forged({ victim, treasure, root }: Stranger, more: Record<string, unknown> = {}): LaunchRecord {
  return {
    ...recordOf({
      key: KEY,
      plugin: "a",
      command: "b",
      token: TOKEN,
      root: root.dir,
      cwd: root.dir,
      log: join(treasure, "written"),
      logFile: inodeOf(join(treasure, "written")),
      host: victim,
      leader: victim,
      stop: { signal: "SIGKILL", timeoutMs: 100, spare: [] },
    }),
    ...more,
  } as LaunchRecord;
}

export function inodeOf(path: string): { dev: number; ino: number } {
  const { dev, ino } = lstatSync(path);
  return { dev, ino };
}

/** A stack as records had it before they were facts alone, with programs of the clone. */
export function oldStack({ root }: Stranger) {
  return {
    base: ["evil", "-f", "x"],
    client: "docker",
    project: "x",
    off: [],
    cwd: root.dir,
    env: { PATH: `${root.dir}/bin:/proc/self/cwd/bin` },
  };
}

/** The state files of every kind, by their path in the root, each with a forged content. */
export function forgedFiles(stranger: Stranger): Record<string, object | string> {
  const { root, victim, treasure } = stranger;
  const log = join(treasure, "2.log");
  const run = ".dialtone/run";
  const by = { by: "user", pid: victim.pid, command: "x" };
  return {
    [`${run}/${KEY}.meta.json`]: forged(stranger, { stack: oldStack(stranger) }),
    [`${run}/a:c:default.meta.json`]: forged(stranger, {
      key: "a:c:default",
      command: "c",
      phase: "stopping",
      stopping: { by, at: "2026-01-01T00:00:00Z" },
    }),
    [`${run}/a:d:default.meta.json`]: forged(stranger, {
      key: "a:d:default",
      command: "d",
      phase: "backoff",
      leader: null,
      host: { ...victim, startTime: "1" },
      backoff: { because: "x", nextAt: "2026-01-01T00:00:00Z", inRow: 1 },
    }),
    [`${run}/${KEY}.exit.json`]: exitOf({ key: KEY, log }),
    [`${run}/${KEY}.want.json`]: wantOf({ key: KEY }),
    [`${run}/${KEY}.pid`]: `${victim.pid}\n`,
    [`${run}/${KEY}.lock`]: {
      version: 1,
      holder: { ...victim, pidNamespace: "pid:[1]" },
      nonce: "n",
      command: "dt",
      doing: "start",
      since: "2026-01-01T00:00:00Z",
      backend: "link",
    },
    [`${run}/${KEY}.request.json`]: { version: 1, nonce: "n", spec: { key: KEY, env: { PATH: `${root.dir}/bin` } } },
    [`${run}/${KEY}.inputs.json`]: { version: 1, hash: "x", at: "2026-01-01T00:00:00Z" },
    [`${run}/${KEY}.compose.yaml`]: "# ports: []\nservices: {}\n",
    [`${run}/${KEY}.times`]: `dt-times 1 ${TOKEN} 1 1 1\n`,
    [`${run}/${KEY}.log`]: "a log of nobody\n",
    [`${run}/launch/${TOKEN}.json`]: historyOf({ token: TOKEN, adopted: [victim] }),
    [`${run}/launch/${TOKEN}.spec`]: { key: KEY, env: { PATH: `${root.dir}/bin` }, settings: { run: ["evil"] } },
    [`${run}/launch/${TOKEN}.up`]: { version: 1, containers: ["x-1"] },
    [`${run}/jobs/zz.json`]: {
      version: 1,
      id: "zz",
      root: root.dir,
      key: KEY,
      target: "x",
      source: "watch",
      state: "running",
      started_at: "2026-01-01T00:00:00Z",
      log,
      process: victim,
    },
    [`${run}/watch/0123456789abcdef.json`]: { version: 1, what: "x", files: {} },
    [`${run}/host.err`]: "x",
    ".dialtone/cache/index.json": { build: "x", entries: {}, builtins: [] },
    ".dialtone/cache/compose.json": { version: 1, marks: [], engine: "docker compose" },
    ".dialtone/.gitignore": "",
  };
}

export function writeForged(root: TestRoot, path: string, content: object | string): void {
  root.write(path, typeof content === "string" ? content : JSON.stringify(content));
}

export function linkAt(root: TestRoot, path: string, target: string): void {
  mkdirSync(dirname(join(root.dir, path)), { recursive: true });
  symlinkSync(target, join(root.dir, path));
}
