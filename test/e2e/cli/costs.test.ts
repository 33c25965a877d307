/**
 * What the usual calls cost, counted and not timed: the modules that they load, their system calls about files, and the files that they
 * open. A call may cost a little more than COSTS says, because the runtime's own calls vary. Beyond that the test fails and prints what it
 * counted, as a line for the table. Raise a count only with a reason, and lower it whenever a change allows it. docs/performance.md says
 * what a count is worth in time.
 */
import { afterEach, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DT, TestRoot } from "../../kit.ts";

interface Cost {
  /** Chunks of the program, as the bundler cuts it, and modules of the runtime. */
  modules: number;
  /** System calls with a path or a descriptor, of the call's first thread. Those about other processes depend on the machine. */
  calls: number;
  /** Different files and directories that are opened, without the kernel's own. */
  files: number;
}

const COSTS = {
  version: { modules: 12, calls: 76, files: 2 },
  ps: { modules: 18, calls: 169, files: 14 },
  oneshot: { modules: 11, calls: 196, files: 12 },
  // Without a host: the caller makes one, too.
  start: { modules: 53, calls: 301, files: 29 },
  "ps with a launch": { modules: 25, calls: 181, files: 14 },
  // About 400, and some more for each look until the process is gone.
  stop: { modules: 37, calls: 450, files: 34 },
} satisfies Record<string, Cost>;

/** How much the runtime's own calls vary between machines. */
const SLACK: Cost = { modules: 1, calls: 8, files: 1 };

const STRACE = Bun.which("strace");
if (STRACE === null && process.env.CI) throw new Error("CI must have strace");

const MANIFEST = {
  name: "t",
  commands: {
    // A program that is not there: one that is takes dt's place before dt can write down what it loaded.
    once: { kind: "oneshot", run: ["/nothing/there"] },
    long: { kind: "managed", run: ["sleep", "1000000"] },
  },
};

const roots: TestRoot[] = [];
afterEach(async () => {
  for (const root of roots.splice(0)) await root.dispose();
});

test.skipIf(STRACE === null)("the usual calls load, ask and open no more than the table says", async () => {
  const root = TestRoot.create({ "manifests/t.ts": `export default ${JSON.stringify(MANIFEST)};\n` });
  roots.push(root);
  await root.dt(["trust"]);
  await root.dt(["t", "once"]); // makes the index, and what is made once
  await root.dt(["t", "long", "--detach"]);
  await root.dt(["stop", "t"]);
  const found = {
    version: await count(root, ["version"]),
    ps: await count(root, ["ps"]),
    oneshot: await count(root, ["t", "once"]),
    start: await count(root, ["t", "long", "--no-wait"]),
    "ps with a launch": await count(root, ["ps"]),
    stop: await count(root, ["stop", "t"]),
  };
  expect(excessOf(found), `counted: ${JSON.stringify(found, null, 1)}`).toEqual([]);
});

function excessOf(found: Record<keyof typeof COSTS, Cost>): string[] {
  const names = Object.keys(COSTS) as (keyof typeof COSTS)[];
  const kinds = Object.keys(SLACK) as (keyof Cost)[];
  return names.flatMap((name) =>
    kinds.flatMap((kind) => {
      const most = COSTS[name][kind] + SLACK[kind];
      return found[name][kind] > most ? [`${name}: ${found[name][kind]} ${kind}, at most ${most}`] : [];
    }),
  );
}

async function count(root: TestRoot, words: string[]): Promise<Cost> {
  const [traced, order] = [join(root.base, "calls"), join(root.base, "order")];
  rmSync(order, { force: true });
  const argv = ["strace", "-qq", "-o", traced, "-e", "trace=%file,%desc", DT, ...words];
  const env = { ...root.env, PATH: "/usr/bin:/bin", DIALTONE_TRUST: undefined, BUN_BYTECODE_ORDER_OUT: order };
  const child = Bun.spawn(argv, { cwd: root.dir, env, stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  await child.exited;
  expect(existsSync(order)).toBe(true);
  const modules = readFileSync(order, "utf8").match(/^M /gm)?.length ?? 0;
  return { modules, ...countCalls(readFileSync(traced, "utf8")) };
}

/**
 * Memory of a file, and what the runtime does beside the program's own thread, come and go. So does the look whether the host of a stopped
 * launch has let go of it.
 */
const VARYING =
  /^(?:mmap|futex|epoll_|eventfd|poll|ppoll)|"\/proc\/self\/(?:statm|maps)"|^(?:statx|newfstatat)\(.*\/launch\/\w+\.json"/;
const OF_A_PROCESS = /"\/proc(?:\/\d+(?:\/[^"]*)?)?"/;
const KERNELS = /^\/(?:proc|sys|dev|etc|lib|usr)\b/;

function countCalls(trace: string): Pick<Cost, "calls" | "files"> {
  const skipped = new Set<string>();
  const files = new Set<string>();
  let calls = 0;
  for (const line of trace.split("\n")) {
    const fd = /^\w+\((\d+)[,)]/.exec(line)?.[1] ?? "";
    if (skipped.has(fd)) {
      if (line.startsWith("close(")) skipped.delete(fd);
      continue;
    }
    const [, path, opened] = /^open(?:at)?\(.*?"([^"]*)".* = (\d+)/.exec(line) ?? [];
    const varies = VARYING.test(line) || OF_A_PROCESS.test(line);
    if (varies && opened !== undefined) skipped.add(opened);
    if (varies || !/^\w+\(/.test(line)) continue;
    calls++;
    if (path !== undefined && !KERNELS.test(path.replace(/^\/proc\/self\/fd\/\d+/, ""))) files.add(path);
  }
  return { calls, files: files.size };
}
