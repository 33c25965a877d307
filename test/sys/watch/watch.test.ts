/** Watching files: what is meant, when a burst is over, and what editors and git do to a tree. */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { groupFiles, type WatchGroup } from "../../../src/sys/match/groups.ts";
import { makeBatches, type Timers } from "../../../src/sys/watch/batch.ts";
import { type Trees, watchTrees } from "../../../src/sys/watch/trees.ts";
import { makeScratch } from "../../kit/scratch.ts";
import { until } from "../../kit.ts";

const scratch = makeScratch();

function treeOf(files: string[], ignored: Record<string, string> = {}): string {
  const root = scratch();
  for (const file of files) write(root, file);
  for (const [path, text] of Object.entries(ignored)) write(root, path, text);
  return root;
}

function write(root: string, path: string, text = String(Math.random())): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

async function matcherOf(root: string, patterns: string[], ignore: string[]) {
  const [group] = await groupFiles({ root, patterns, ignore, leaveOut: [join(root, "left")], env: {} });
  return (group as WatchGroup).matcher;
}

describe("what is meant", () => {
  const cases: [what: string, paths: string[], ignore: string[], meant: string[], not: string[]][] = [
    ["a directory", ["src"], [], ["src/a.ts", "src/deep/b.ts"], ["srcs/a", "other", "a/src"]],
    ["a file", ["./conf.json"], [], ["conf.json"], ["conf.json.bak", "x/conf.json"]],
    ["a glob", ["content/**/*.md"], [], ["content/a.md", "content/x/y.md"], ["content/a.txt", "a.md"]],
    ["everything", ["."], [], ["a", "b/c"], ["node_modules/x", "a/.git/x", ".dialtone/run/x", "sub/node_modules/y"]],
    ["what is left out", ["src"], ["*.test.ts", "gen/"], ["src/a.ts"], ["src/a.test.ts", "src/gen/b.ts"]],
    ["git's", ["."], [], ["keep.log", "sub/x.tmp"], ["a.log", "dist/x", "sub/y.out"]],
    ["what git ignores, named", ["dist"], [], ["dist/x", "dist/a.log"], []],
  ];
  for (const [what, paths, ignore, meant, not] of cases) {
    test(what, async () => {
      const root = treeOf([], { ".gitignore": "*.log\n!keep.log\n/dist/\n", "sub/.gitignore": "*.out\n" });
      const matcher = await matcherOf(root, paths, ignore);
      const means = (path: string) => matcher.means(join(root, path)) && !matcher.skips(join(root, path));
      expect(meant.filter((path) => !means(path))).toEqual([]);
      expect([...not, "left/x"].filter(means)).toEqual([]);
    });
  }

  test("only directories on the way are looked into", async () => {
    const root = treeOf([]);
    const matcher = await matcherOf(root, ["a/b/*.ts"], []);
    expect(["a", "a/b"].filter((path) => matcher.skips(join(root, path)))).toEqual([]);
    expect(["b", "a/c", "a/b/d"].filter((path) => !matcher.skips(join(root, path)))).toEqual([]);
  });
});

describe("batches", () => {
  /** A clock that is moved by hand. */
  function clock() {
    let now = 0;
    let armed: { at: number; run: () => void }[] = [];
    const timers: Timers = {
      set(run, ms) {
        const timer = { at: now + ms, run };
        armed.push(timer);
        return timer;
      },
      clear(timer) {
        armed = armed.filter((one) => one !== timer);
      },
    };
    return {
      now: () => now,
      timers,
      async pass(ms: number) {
        now += ms;
        const due = armed.filter((one) => one.at <= now);
        armed = armed.filter((one) => one.at > now);
        for (const { run } of due) run();
        for (let turn = 0; turn < 5; turn++) await Promise.resolve();
      },
    };
  }

  test("the last change of a burst counts; each path once", async () => {
    const { pass, ...time } = clock();
    const got: string[][] = [];
    const batches = makeBatches({ quietMs: 10, longestMs: 100, work: async (paths) => void got.push(paths), ...time });
    for (const path of ["a", "b", "a"]) {
      batches.add(path);
      await pass(9);
    }
    expect(got).toEqual([]);
    await pass(1);
    expect(got).toEqual([["a", "b"]]);
    await pass(100);
    expect(got).toHaveLength(1);
  });

  test("a batch that is never quiet is worked on after the longest wait, with the time of its first change", async () => {
    const { pass, ...time } = clock();
    const got: [string[], number][] = [];
    const batches = makeBatches({ quietMs: 10, longestMs: 35, work: async (...one) => void got.push(one), ...time });
    for (let at = 0; at < 12; at++) {
      batches.add(`${at}`);
      await pass(5);
    }
    expect(got).toEqual([[["0", "1", "2", "3", "4", "5", "6"], 0]]);
    await pass(10);
    expect(got[1]).toEqual([["7", "8", "9", "10", "11"], 35]);
  });

  test("many paths at once join what waits", async () => {
    const { pass, ...time } = clock();
    const got: string[][] = [];
    const batches = makeBatches({ quietMs: 10, longestMs: 100, work: async (paths) => void got.push(paths), ...time });
    batches.add("a");
    await pass(9);
    batches.addAll(new Set(["b", "a", "c"]));
    await pass(9);
    expect(got).toEqual([]);
    await pass(1);
    expect(got).toEqual([["a", "b", "c"]]);
  });

  test("changes during a batch are the next batch; after closing there is none", async () => {
    const { pass, ...time } = clock();
    const got: string[][] = [];
    let work = Promise.withResolvers<void>();
    const batches = makeBatches({
      quietMs: 10,
      longestMs: 100,
      work: (paths) => {
        got.push(paths);
        return work.promise;
      },
      ...time,
    });
    batches.add("a");
    await pass(10);
    batches.add("b");
    await pass(50);
    expect(got).toEqual([["a"]]);
    work.resolve();
    work = Promise.withResolvers();
    await pass(0);
    await pass(10);
    expect(got).toEqual([["a"], ["b"]]);
    batches.add("c");
    batches.close();
    await pass(100);
    expect(got).toHaveLength(2);
  });
});

describe("a tree that changes", () => {
  let watch: Trees | null = null;
  afterEach(() => watch?.close());

  async function watched(root: string, paths: string[]) {
    const got: string[] = [];
    watch = await watchTrees({
      root,
      patterns: paths,
      ignore: [],
      leaveOut: [],
      env: {},
      onChange: (path) => got.push(relative(root, path)),
      onTrouble: (what) => got.push(`trouble: ${what}`),
    });
    return { saw: (path: string) => until(`${path} is seen`, () => got.includes(path) || null), got };
  }

  test("edits, renames over a file, new and recreated directories and a missing base are watched", async () => {
    const root = treeOf(["src/a.ts", "src/b.ts"]);
    const { saw, got } = await watched(root, ["src", "later/**/*.md"]);
    write(root, "src/a.ts");
    await saw("src/a.ts");
    write(root, ".tmp");
    renameSync(join(root, ".tmp"), join(root, "src/b.ts"));
    await saw("src/b.ts");
    write(root, "src/new/deep/c.ts");
    await saw("src/new/deep/c.ts");
    write(root, "later/x/y.md");
    await saw("later/x/y.md");
    rmSync(join(root, "src"), { recursive: true });
    await until("it is gone", () => got.filter((path) => path === "src/a.ts").length > 1 || null);
    write(root, "src/again.ts");
    await saw("src/again.ts");
    write(root, "src/again.ts", "more");
    await until("the edit is seen too", () => got.filter((path) => path === "src/again.ts").length > 1 || null);
  });

  test("each file of a burst of 1,000 is seen", async () => {
    const root = treeOf(["src/a.ts"]);
    const { got } = await watched(root, ["src"]);
    for (let index = 0; index < 1000; index++) write(root, `src/burst/${index % 10}/${index}.ts`);
    await until("all are seen", () => new Set(got).size === 1000 || null);
  });
});
