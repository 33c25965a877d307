/**
 * What editors, git and people do to files, and what is seen of it: each on a real tree, watched from the directory
 * above it.
 */
import { afterEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { type Trees, watchTrees } from "../../../src/sys/watch/trees.ts";
import { makeScratch } from "../../kit/scratch.ts";
import { until } from "../../kit.ts";

const scratch = makeScratch();
const open: Trees[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

function write(base: string, path: string, text = String(Math.random())): void {
  mkdirSync(dirname(join(base, path)), { recursive: true });
  writeFileSync(join(base, path), text);
}

async function start(
  base: string,
  patterns: string[],
  more: { home?: string; ignore?: string[]; leaveOut?: string[]; git?: boolean } = {},
) {
  const seen = new Set<string>();
  const troubles: string[] = [];
  const trees = await watchTrees({
    root: join(base, "root"),
    env: more.home === undefined ? {} : { HOME: more.home },
    patterns,
    ignore: more.ignore ?? [],
    leaveOut: more.leaveOut ?? [],
    git: more.git,
    onChange: (path) => void seen.add(relative(base, path)),
    onTrouble: (what) => void troubles.push(what),
  });
  open.push(trees);
  const initial = [...trees.initial].map((path) => relative(base, path)).sort();
  return { seen, troubles, initial };
}

type Scenario = [
  what: string,
  /** `sees`: waits until a change of this path is seen that was not waited for yet. */
  act: (base: string, at: (path: string) => string, sees: (path: string) => Promise<void>) => void | Promise<void>,
  expected: string[],
];

const SCENARIOS: Scenario[] = [
  ["a new file", (base) => write(base, "root/c/new.md"), ["root/c/new.md"]],
  ["a change", (_, at) => appendFileSync(at("root/c/a.md"), "x"), ["root/c/a.md"]],
  ["a removal", (_, at) => unlinkSync(at("root/c/a.md")), ["root/c/a.md"]],
  ["a rename", (_, at) => renameSync(at("root/c/a.md"), at("root/c/z.md")), ["root/c/a.md", "root/c/z.md"]],
  [
    "a save by rename",
    (base, at) => {
      write(base, "root/c/a.md.tmp");
      renameSync(at("root/c/a.md.tmp"), at("root/c/a.md"));
    },
    ["root/c/a.md"],
  ],
  [
    "three saves by rename, one after the other",
    async (base, at) => {
      for (let round = 0; round < 3; round++) {
        write(base, "root/c/.a.swp");
        renameSync(at("root/c/.a.swp"), at("root/c/a.md"));
        await Bun.sleep(30);
      }
    },
    ["root/c/a.md"],
  ],
  [
    "vim: probe, backup, write again",
    (base, at) => {
      write(base, "root/c/4913");
      unlinkSync(at("root/c/4913"));
      renameSync(at("root/c/a.md"), at("root/c/a.md~"));
      write(base, "root/c/a.md");
      unlinkSync(at("root/c/a.md~"));
    },
    ["root/c/a.md"],
  ],
  [
    "a hard link in its place",
    (base, at) => {
      write(base, "root/other");
      unlinkSync(at("root/c/a.md"));
      linkSync(at("root/other"), at("root/c/a.md"));
    },
    ["root/c/a.md"],
  ],
  [
    "a copy over it",
    (base, at) => {
      write(base, "root/other", "longer than before, by far");
      copyFileSync(at("root/other"), at("root/c/a.md"));
    },
    ["root/c/a.md"],
  ],
  ["a new directory with a file already in it", (base) => write(base, "root/c/n/e/w/x.md"), ["root/c/n/e/w/x.md"]],
  [
    "a directory moved in, with files",
    (base, at) => {
      write(base, "elsewhere/deep/x.md");
      renameSync(at("elsewhere"), at("root/c/in"));
    },
    ["root/c/in/deep/x.md"],
  ],
  ["a directory renamed", (_, at) => renameSync(at("root/c/d"), at("root/c/e")), ["root/c/d/b.md", "root/c/e/b.md"]],
  ["a directory removed", (_, at) => rmSync(at("root/c/d"), { recursive: true }), ["root/c/d/b.md"]],
  [
    "a directory removed and made again",
    async (base, at) => {
      rmSync(at("root/c/d"), { recursive: true });
      await Bun.sleep(50);
      write(base, "root/c/d/new.md");
    },
    ["root/c/d/new.md"],
  ],
  [
    "what is watched itself removed and made again, twice",
    async (base, at, sees) => {
      let last = "a.md";
      for (const name of ["one.md", "two.md"]) {
        rmSync(at("root/c"), { recursive: true });
        await sees(`root/c/${last}`);
        write(base, `root/c/${name}`);
        await sees(`root/c/${name}`);
        last = name;
      }
    },
    ["root/c/one.md", "root/c/two.md"],
  ],
  [
    "what is watched itself moved away and back",
    async (_, at, sees) => {
      renameSync(at("root/c"), at("root/away"));
      await sees("root/c/a.md");
      renameSync(at("root/away"), at("root/c"));
      await sees("root/c/a.md");
      appendFileSync(at("root/c/a.md"), "x");
      await sees("root/c/a.md");
    },
    ["root/c/a.md"],
  ],
  [
    "a loop of links, and a change beside it",
    (base, at) => {
      symlinkSync("..", at("root/c/loop"));
      symlinkSync("loop", at("root/c/again"));
      write(base, "root/c/b2.md");
    },
    ["root/c/b2.md"],
  ],
  ["a file's time alone", (_, at) => utimesSync(at("root/c/a.md"), 1, 1), ["root/c/a.md"]],
  [
    "names with spaces, quotes and letters of the world",
    (base) => write(base, "root/c/ö 'x' \"y\" 日本.md"),
    ["root/c/ö 'x' \"y\" 日本.md"],
  ],
  [
    "500 at once",
    (base) => {
      for (let at = 0; at < 500; at++) write(base, `root/c/many/${at}.md`);
    },
    Array.from({ length: 500 }, (_, at) => `root/c/many/${at}.md`),
  ],
];

describe("seen", () => {
  for (const [what, act, expected] of SCENARIOS) {
    test(what, async () => {
      const base = scratch();
      for (const path of ["root/c/a.md", "root/c/d/b.md", "root/c/not.txt"]) write(base, path);
      const { seen, initial, troubles } = await start(base, ["c/**/*.md"]);
      expect(initial).toEqual(["root/c/a.md", "root/c/d/b.md"]);
      const before = new Set<string>();
      const sees = async (path: string) => {
        await until(`${path} is seen`, () => seen.delete(path));
        before.add(path);
      };
      await act(base, (path) => join(base, path), sees);
      await until(`all of it is seen, not ${[...seen].slice(0, 5).join(" ")}`, () =>
        expected.every((path) => seen.has(path) || before.has(path)),
      );
      expect([...seen].filter((path) => !path.endsWith(".md"))).toEqual([]);
      expect(troubles).toEqual([]);
    });
  }
});

test("files that are left out, ignored by git, in node_modules or named by no pattern are not seen", async () => {
  const base = scratch();
  write(base, "root/.gitignore", "*.log.md\n");
  write(base, "root/c/a.md");
  const { seen } = await start(base, ["c/**/*.md"], { ignore: ["*.gen.md"], leaveOut: [join(base, "root/c/out")] });
  for (const path of [
    "c/x.gen.md",
    "c/x.log.md",
    "c/node_modules/x.md",
    "c/.git/x.md",
    "c/out/x.md",
    "b/x.md",
    "c/x.txt",
  ])
    write(base, `root/${path}`);
  // What is looked at in a directory that is new comes later than what is written after it, so there are two rounds.
  for (const name of ["last.md", "later.md"]) {
    write(base, `root/c/${name}`);
    await until(`${name} is seen`, () => seen.has(`root/c/${name}`));
  }
  expect([...seen]).toEqual(["root/c/last.md", "root/c/later.md"]);
});

test("changes outside of the root are seen: below ~/, absolute, through a link, and where nothing exists yet", async () => {
  const base = scratch();
  const home = join(base, "home");
  write(base, "root/x");
  write(base, "real/deep/a.yaml");
  mkdirSync(home);
  symlinkSync(join(base, "real"), join(home, "link"));
  const { seen, initial } = await start(base, ["~/reg/**/*.yaml", "~/link/**/*.yaml", join(base, "abs", "one.txt")], {
    home,
  });
  expect(initial).toEqual(["home/link/deep/a.yaml"]);
  write(base, "home/reg/p/new.yaml");
  write(base, "real/deep/b.yaml");
  write(base, "abs/one.txt");
  write(base, "abs/two.txt");
  await until("all is seen", () =>
    ["home/reg/p/new.yaml", "home/link/deep/b.yaml", "abs/one.txt"].every((path) => seen.has(path)),
  );
  rmSync(join(home, "reg"), { recursive: true });
  await until("its removal too", async () => {
    await Bun.sleep(20);
    write(base, "home/reg/q/more.yaml");
    return seen.has("home/reg/q/more.yaml");
  });
  expect(seen.has("abs/two.txt")).toBe(false);
});

function git(cwd: string, ...words: string[]): void {
  const ran = Bun.spawnSync(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", ...words], {
    cwd,
    stderr: "pipe",
  });
  if (!ran.success) throw new Error(String(ran.stderr));
}

describe("links", () => {
  /** `root/current` leads to `one`, and `root/src/file` to `elsewhere/file`. */
  function linked(): string {
    const base = scratch();
    for (const path of ["one/a.md", "two/b.md", "elsewhere/file", "root/src/x.md"]) write(base, path);
    symlinkSync(join(base, "one"), join(base, "root/current"));
    symlinkSync(join(base, "elsewhere/file"), join(base, "root/src/file"));
    return base;
  }
  const retarget = (base: string, to: string, link: string) => {
    symlinkSync(join(base, to), join(base, "next"));
    renameSync(join(base, "next"), join(base, link));
  };

  test("a change in a directory named by a link is seen, and so is the link leading elsewhere", async () => {
    const base = linked();
    const { seen, initial } = await start(base, ["current"]);
    expect(initial).toEqual(["root/current/a.md"]);
    write(base, "one/a.md");
    await until("the edit is seen", () => seen.has("root/current/a.md"));
    seen.clear();
    retarget(base, "two", "root/current");
    await until("both are seen", () => seen.has("root/current/a.md") && seen.has("root/current/b.md"));
    seen.clear();
    write(base, "two/b.md");
    await until("an edit there is seen", () => seen.has("root/current/b.md"));
    unlinkSync(join(base, "root/current"));
    seen.clear();
    write(base, "root/current/real.md");
    await until("a directory in its place is seen", () => seen.has("root/current/real.md"));
  });

  test("a link behind a link that leads elsewhere", async () => {
    const base = linked();
    symlinkSync("current", join(base, "root/again"));
    symlinkSync(join(base, "root/again"), join(base, "root/third"));
    const { seen } = await start(base, ["third"]);
    retarget(base, "two", "root/current");
    await until("it is seen", () => seen.has("root/third/b.md"));
  });

  for (const pattern of ["src", "src/file", "src/**"])
    test(`a file that is a link, meant by ${pattern}, is seen to change, and so is the link leading elsewhere`, async () => {
      const base = linked();
      const { seen } = await start(base, [pattern]);
      write(base, "elsewhere/file");
      await until("the edit is seen", () => seen.has("root/src/file"));
      seen.clear();
      write(base, "elsewhere/file.new");
      renameSync(join(base, "elsewhere/file.new"), join(base, "elsewhere/file"));
      await until("a save by rename is seen", () => seen.has("root/src/file"));
      seen.clear();
      retarget(base, "two/b.md", "root/src/file");
      await until("the other target is seen", () => seen.has("root/src/file"));
      await Bun.sleep(50);
      seen.clear();
      write(base, "two/b.md");
      await until("an edit of that is seen", () => seen.has("root/src/file"));
    });

  test("files behind a directory that is swapped, as Kubernetes does, are seen to change", async () => {
    const base = scratch();
    write(base, "root/conf/..1/app.yaml");
    write(base, "root/conf/..2/app.yaml");
    symlinkSync("..1", join(base, "root/conf/..data"));
    symlinkSync("..data/app.yaml", join(base, "root/conf/app.yaml"));
    const { seen } = await start(base, ["conf/*.yaml"]);
    symlinkSync("..2", join(base, "root/conf/..next"));
    renameSync(join(base, "root/conf/..next"), join(base, "root/conf/..data"));
    await until("it is seen", () => seen.has("root/conf/app.yaml"));
  });

  test("a link that leads nowhere is seen once it leads somewhere", async () => {
    const base = scratch();
    write(base, "root/x");
    mkdirSync(join(base, "later"));
    symlinkSync(join(base, "later/file"), join(base, "root/link"));
    const { seen } = await start(base, ["link"]);
    write(base, "later/file");
    await until("it is seen", () => seen.has("root/link"));
  });
});

test("another checkout made below the root is left alone until it is no checkout any longer", async () => {
  const base = scratch();
  write(base, "root/src/a.ts");
  git(join(base, "root"), "init", "-q");
  git(join(base, "root"), "add", "-A");
  git(join(base, "root"), "commit", "-qm", "a");
  const { seen } = await start(base, ["**/*.ts"]);
  git(join(base, "root"), "worktree", "add", "-q", "trees/b", "-b", "b");
  write(base, "root/trees/b/src/a.ts");
  write(base, "root/trees/mine.ts");
  await until("what is beside it is seen", () => seen.has("root/trees/mine.ts"));
  await Bun.sleep(50);
  expect([...seen]).toEqual(["root/trees/mine.ts"]);
  rmSync(join(base, "root/trees/b/.git"));
  await until("it is a directory like any other", () => seen.has("root/trees/b/src/a.ts"));
});

test("without git's rules another checkout and ignored files are watched, and a loop of links is still not followed", async () => {
  const base = scratch();
  for (const path of ["sub/a.ts", "sub/.git/HEAD", "out.ts", "deep/er/b.ts"]) write(base, `root/${path}`);
  write(base, "root/.gitignore", "out.ts\n");
  symlinkSync("../..", join(base, "root/deep/er/loop"));
  const { initial } = await start(base, ["**/*.ts"], { git: false });
  expect(initial).toEqual(["root/deep/er/b.ts", "root/out.ts", "root/sub/a.ts"]);
});

test("patterns that name nothing are reported, and so is when they match", async () => {
  const base = scratch();
  write(base, "root/src/a.ts");
  const told: string[][] = [];
  open.push(
    await watchTrees({
      root: join(base, "root"),
      patterns: ["src/*.ts", "src/*.tsx", "docs", "!x"],
      ignore: [],
      leaveOut: [],
      env: {},
      onChange: () => {},
      onTrouble: () => {},
      onUnmatched: (patterns) => told.push([...patterns]),
    }),
  );
  expect(told).toEqual([["src/*.tsx", "docs"]]);
  write(base, "root/docs/x.md");
  await until("it is told", () => told.length === 2);
  expect(told[1]).toEqual(["src/*.tsx"]);
});
