/**
 * Random forged state of every kind in a fresh clone, and every verb that looks, ends, clears or mends, and a daemon:
 * nothing is run, signalled or changed outside of `.dialtone`. What is made up is biased towards what has a meaning:
 * living pids, true identities, real files.
 */
import { expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { until } from "../../kit.ts";
import {
  describe as describeTree,
  ENDING,
  forged,
  forgedFiles,
  inodeOf,
  LOOKING,
  linkAt,
  makeStranger,
  oldStack,
  type Stranger,
  writeForged,
} from "./stranger.kit.ts";

const RUNS = 12;
/** So many looks of the daemon's fit into the time that each round is given. */
const DAEMON_MS = 3500;

const hostile = fc.constantFrom(
  "x",
  "",
  "/",
  "..",
  "../../..",
  "/proc/self/cwd/bin/evil",
  "\u001b]52;c;eA==\u0007",
  "\u0000",
  "-rf",
  "$(touch RAN)",
);

/** Any value a field may have, a path or process of the stranger's wish among them. */
function anyValue(of: Stranger): fc.Arbitrary<unknown> {
  const { victim, treasure, root } = of;
  return fc.oneof(
    hostile,
    fc.constantFrom<unknown>(
      null,
      true,
      0,
      1,
      -1,
      2 ** 53,
      victim.pid,
      process.pid,
      victim,
      { ...victim, startTime: "1" },
      { ...victim, bootId: "x" },
      { ...victim, pidNamespace: "pid:[1]" },
    ),
    fc.constantFrom<unknown>(
      join(treasure, "written"),
      join(treasure, "1.json"),
      "/dev/zero",
      "/dev/null",
      root.dir,
      `${root.dir}/bin/evil`,
    ),
    fc.constantFrom<unknown>(inodeOf(join(treasure, "written")), oldStack(of), ["evil"], [victim], {
      PATH: `${root.dir}/bin`,
    }),
    fc.jsonValue({ maxDepth: 2 }),
  );
}

type Forged =
  | { path: string; how: "file"; content: object | string }
  | { path: string; how: "link"; to: string }
  | { path: string; how: "pipe" };

function forgedArbitrary(of: Stranger): fc.Arbitrary<Forged> {
  const files = { ...forgedFiles(of), ".dialtone/run/a:b:default.meta.json": forged(of) };
  const record = Object.keys(files).length;
  return fc
    .record({
      at: fc.nat(record - 1),
      change: fc.dictionary(
        fc.constantFrom(...Object.keys(forged(of)), "stack", "owner", "backoff", "shared", "tty", "seal"),
        anyValue(of),
        { maxKeys: 5 },
      ),
      how: fc.constantFrom("file", "file", "file", "file", "cut", "link", "pipe"),
      to: fc.constantFrom(
        join(of.treasure, "1.json"),
        of.treasure,
        "/dev/zero",
        join(of.root.base, "nowhere"),
        "..",
        ".",
      ),
      length: fc.nat(400),
    })
    .map(({ at, change, how, to, length }): Forged => {
      const [path, content] = Object.entries(files)[at] as [string, object | string];
      if (how === "link") return { path, how, to };
      if (how === "pipe") return { path, how };
      const text = typeof content === "string" ? content : JSON.stringify({ ...content, ...change });
      return { path, how: "file", content: how === "cut" ? text.slice(0, length) : text };
    });
}

function put({ root }: Stranger, one: Forged): void {
  const path = join(root.dir, one.path);
  try {
    mkdirSync(dirname(path), { recursive: true });
    if (one.how === "file") writeForged(root, one.path, one.content);
    else if (one.how === "link") linkAt(root, one.path, one.to);
    else Bun.spawnSync(["mkfifo", path]);
  } catch {
    // something else of this round is there already
  }
}

test("whatever is forged, nothing outside of .dialtone is touched", async () => {
  const of = makeStranger();
  const { root, dt, harm } = of;
  try {
    // Known to the daemon, as a project that was used before something was pulled into it.
    expect((await dt(["a", "b", "-d"])).code).toBe(0);
    await dt(["stop", "--all"]);
    await dt(["boot", "add"]);
    expect((await dt(["daemon", "start"])).code).toBe(0);
    const project = () => ["manifests", "bin"].map((name) => describeTree(join(root.dir, name))).join("");
    const before = project();
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(forgedArbitrary(of), { maxLength: 8, minLength: 1, selector: (one) => one.path }),
        async (all) => {
          rmSync(join(root.dir, ".dialtone"), { recursive: true, force: true });
          const began = Date.now();
          for (const one of all) put(of, one);
          for (const words of [...LOOKING, ...ENDING]) {
            const { code, signal, stderr } = await dt(words, { timeoutMs: 10_000 });
            expect([words.join(" "), signal, code === 125 ? stderr : ""]).toEqual([words.join(" "), null, ""]);
            expect([words.join(" "), ...harm()]).toEqual([words.join(" ")]);
          }
          await until("the daemon has looked", () => Date.now() - began > DAEMON_MS, DAEMON_MS + 1000);
          expect(harm()).toEqual([]);
          expect(project()).toBe(before);
        },
      ),
      { numRuns: RUNS, ...(process.env.FUZZ_SEED === undefined ? {} : { seed: Number(process.env.FUZZ_SEED) }) },
    );
    // It still works for its own.
    rmSync(join(root.dir, ".dialtone"), { recursive: true, force: true });
    expect((await dt(["a", "b", "-d"])).code).toBe(0);
    expect((await dt(["daemon", "status"])).stdout).toContain("running");
  } finally {
    await dt(["daemon", "stop"]);
    await of.dispose();
  }
}, 300_000);
