/** docs/files.md, line by line: which files a list of patterns means, on a real tree, in a real repository. */
import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import fc from "fast-check";
import { statOf } from "../../../src/sys/base/stat.ts";
import { findFiles } from "../../../src/sys/match/find.ts";
import { groupFiles } from "../../../src/sys/match/groups.ts";
import { makeScratch } from "../../kit/scratch.ts";

const scratch = makeScratch();

function treeOf(files: readonly string[], base = scratch()): string {
  for (const file of files) write(base, file);
  return base;
}

function write(base: string, path: string, text = path): void {
  mkdirSync(dirname(join(base, path)), { recursive: true });
  writeFileSync(join(base, path), text);
}

function git(cwd: string, ...words: string[]): void {
  const ran = Bun.spawnSync(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", ...words], {
    cwd,
    stderr: "pipe",
  });
  if (!ran.success) throw new Error(String(ran.stderr));
}

/** What git itself has for not ignored, in a repository in which nothing is tracked. */
function listedByGit(cwd: string, env: Record<string, string>): string[] {
  const { PATH = "" } = process.env;
  const listed = Bun.spawnSync(["git", "ls-files", "-o", "--exclude-standard", "-z"], {
    cwd,
    env: { PATH, GIT_CONFIG_NOSYSTEM: "1", ...env },
  });
  return String(listed.stdout).split("\0").filter(Boolean).sort();
}

interface More {
  ignore?: string[];
  env?: Record<string, string>;
  leaveOut?: string[];
}

async function find(root: string, patterns: string[], { ignore = [], env = {}, leaveOut = [] }: More = {}) {
  const found = await findFiles({ root, patterns, ignore, leaveOut, env: { GIT_CONFIG_NOSYSTEM: "1", ...env } });
  return { ...found, files: found.files.map((path) => relative(root, path)) };
}

const TREE = [
  "a.ts",
  "src/a.ts",
  "src/a.test.ts",
  "src/deep/b.ts",
  "src/deep/c.md",
  "lib/x/src/d.ts",
  "lib/x/e.ts",
  ".env",
];

const PATTERNS: [what: string, patterns: string[], files: string[]][] = [
  ["a file", ["src/a.ts"], ["src/a.ts"]],
  ["a file, written from here", ["./src/../a.ts"], ["a.ts"]],
  ["a directory, all below", ["src/deep"], ["src/deep/b.ts", "src/deep/c.md"]],
  ["a directory with its slash", ["src/deep/"], ["src/deep/b.ts", "src/deep/c.md"]],
  ["all", ["."], [...TREE].sort()],
  ["one level", ["src/*"], ["src/a.test.ts", "src/a.ts"]],
  ["any depth, none too", ["src/**/*.ts"], ["src/a.test.ts", "src/a.ts", "src/deep/b.ts"]],
  ["a directory behind a pattern", ["lib/*/src"], ["lib/x/src/d.ts"]],
  ["directories behind a pattern, with their slash", ["lib/*/"], ["lib/x/e.ts", "lib/x/src/d.ts"]],
  ["names that begin with a dot", ["*"], [".env", "a.ts"]],
  [
    "alternatives",
    ["{a,b}.ts", "{src/deep,lib/x}/*.{md,ts}"],
    ["a.ts", "lib/x/e.ts", "src/deep/b.ts", "src/deep/c.md"],
  ],
  ["one letter, and one of some", ["src/?.ts", "src/deep/[b-d].md"], ["src/a.ts", "src/deep/c.md"]],
  ["what is left out", ["src/**/*.ts", "!**/*.test.ts"], ["src/a.ts", "src/deep/b.ts"]],
  ["a directory that is left out", ["src", "!src/deep"], ["src/a.test.ts", "src/a.ts"]],
  ["the same with its slash", ["src", "!src/deep/"], ["src/a.test.ts", "src/a.ts"]],
  ["what is taken back", ["src", "!src/deep", "src/deep/b.ts"], ["src/a.test.ts", "src/a.ts", "src/deep/b.ts"]],
  ["the last one decides", ["!src/a.ts", "src/*.ts"], ["src/a.test.ts", "src/a.ts"]],
];

describe("patterns", () => {
  for (const [what, patterns, files] of PATTERNS)
    test(`${what}: ${patterns.join(" ")}`, async () => {
      expect((await find(treeOf(TREE), patterns)).files).toEqual(files);
    });

  test("a name that exists as it is written is no pattern", async () => {
    const root = treeOf([
      "app/[slug]/page.ts",
      "app/s/page.ts",
      "app/[...all]/page.ts",
      "tpl/{{name}}/x",
      "!odd",
      "a[1]",
      "a1",
    ]);
    expect((await find(root, ["app/[slug]/page.ts"])).files).toEqual(["app/[slug]/page.ts"]);
    expect((await find(root, ["app/[slug]"])).files).toEqual(["app/[slug]/page.ts"]);
    expect((await find(root, ["app/[slug]/**/*.ts"])).files).toEqual(["app/[slug]/page.ts"]);
    expect((await find(root, ["app/[...all]/page.ts", "tpl/{{name}}"])).files).toEqual([
      "app/[...all]/page.ts",
      "tpl/{{name}}/x",
    ]);
    expect((await find(root, ["*/[slug]/*.ts"])).files).toEqual(["app/[slug]/page.ts", "app/s/page.ts"]);
    expect((await find(root, ["app/\\[slug\\]/*"])).files).toEqual(["app/[slug]/page.ts"]);
    expect((await find(root, ["\\!odd"])).files).toEqual(["!odd"]);
    expect((await find(root, ["a[1]"])).files).toEqual(["a[1]"]);
    rmSync(join(root, "a[1]"));
    expect((await find(root, ["a[1]"])).files).toEqual(["a1"]);
  });

  test("case matters in patterns", async () => {
    expect((await find(treeOf(["README.md", "readme.md"]), ["readme.md"])).files).toEqual(["readme.md"]);
  });

  test("each pattern that names nothing is reported; a `!` pattern is not", async () => {
    const { unmatched } = await find(treeOf(TREE), ["src/*.tsx", "src", "nowhere", "!**/*.none"]);
    expect(unmatched).toEqual(["src/*.tsx", "nowhere"]);
  });

  test("patterns reach elsewhere: from the home, absolute and above the root; `!` patterns leave out wherever a file lies", async () => {
    const base = treeOf(["home/notes/a.md", "home/notes/a.tmp", "out/b.md", "root/c.md", "next/d.md", "next/d.tmp"]);
    const found = await find(
      join(base, "root"),
      ["~/notes", join(base, "out/*.md"), "../next", "!**/*.tmp", "c.md", join(base, "root/none.md")],
      { env: { HOME: join(base, "home") } },
    );
    expect(found.files.sort()).toEqual(["../home/notes/a.md", "../next/d.md", "../out/b.md", "c.md"]);
    expect(found.unmatched).toEqual([join(base, "root/none.md")]);
  });
});

describe("what never counts", () => {
  test("installed packages, git's, dt's and editors' files never count, unless they are named", async () => {
    const editors = [
      ".a.ts.swp", ".a.ts.swx", "a.ts~", ".a.ts.un~", "#a.ts#", ".#a.ts", "4913", ".a.ts.kate-swp", "a.ts___jb_tmp___",
      "a.ts___jb_old___", ".goutputstream-AB12", "sedx1Y2zQ", ".~lock.a.odt#", "~$a.docx", ".DS_Store", ".nfs000000000123abcd",
    ]; // biome-ignore format: a list
    const root = treeOf(["a.ts", "sediment", "node_modules/p/i.js", ".git/HEAD", "sub/.dialtone/run/x", ...editors]);
    expect((await find(root, ["."])).files).toEqual(["a.ts", "sediment"]);
    const named = ["node_modules/p", ".git/HEAD", "a.ts~"];
    expect((await find(root, named)).files).toEqual([".git/HEAD", "a.ts~", "node_modules/p/i.js"]);
  });

  test("a file 4913 among numbered files counts, and is not taken for vim's probe", async () => {
    expect((await find(treeOf(["4912", "4913"]), ["."])).files).toEqual(["4912", "4913"]);
  });

  test("in `ignore`, written like a .gitignore, the last line decides, over git too", async () => {
    const root = treeOf([".gitignore", "a.log", "b.log", "gen/x.ts", "src/gen/y.ts", "src/z.ts"]);
    write(root, ".gitignore", "*.log\n");
    const ignore = ["gen/", "!b.log", "/.gitignore", "!src/gen/"];
    expect((await find(root, ["."], { ignore })).files).toEqual(["b.log", "src/gen/y.ts", "src/z.ts"]);
  });
});

describe("what `ignore` takes back", () => {
  const files = [
    "dist/a.ts",
    "dist/deep/b.ts",
    "dist/deep/c.log",
    "dist/node_modules/p/i.js",
    "x/dist/d.ts",
    "src/e.ts",
  ];
  const dist = files.filter((path) => path.startsWith("dist/") && !path.includes("node_modules"));
  test.each([
    ["a directory with all below it", ["!/dist/"], [...dist, "src/e.ts"]],
    ["one wherever it lies", ["!dist"], [...dist, "src/e.ts", "x/dist/d.ts"]],
    ["what is ignored in it again", ["!/dist/", "*.log"], ["dist/a.ts", "dist/deep/b.ts", "src/e.ts"]],
    [
      "one in it alone",
      ["!dist/", "/dist/*", "!dist/deep/"],
      ["dist/deep/b.ts", "dist/deep/c.log", "src/e.ts", "x/dist/d.ts"],
    ],
    ["below one that git ignores", ["!dist/deep/"], ["dist/deep/b.ts", "dist/deep/c.log", "src/e.ts"]],
    ["a file below one", ["!/dist/deep/*.ts"], ["dist/deep/b.ts", "src/e.ts"]],
    ["nothing below what it leaves out itself", ["dist/", "!dist/deep/"], ["src/e.ts"]],
    ["nothing by a name alone below what git ignores", ["!b.ts"], ["src/e.ts"]],
  ])("%s: %j", async (_what, ignore, meant) => {
    const root = treeOf(files);
    git(root, "init", "-q");
    write(root, ".git/info/exclude", "dist/\n*.log\n");
    expect((await find(root, ["."], { ignore })).files).toEqual(meant.sort());
  });
});

describe("git", () => {
  test("a nearer git rule takes back a directory that a farther one ignores, except for what is ignored in it again", async () => {
    const base = treeOf([
      "root/pkg/dist/a.ts", "root/pkg/dist/tmp/x.ts", "root/pkg/dist/x.log", "root/dist/b.ts", "root/lib/in/dist/c.ts",
      "root/build/d.ts", "root/out/e.ts", "root/gen/f.ts", "root/gen/keep/g.ts",
    ]); // biome-ignore format: a list
    const root = join(base, "root");
    git(root, "init", "-q");
    write(base, "home/.config/git/ignore", "build/\ntarget/\n.gitignore\n");
    write(root, ".git/info/exclude", "out/\n*.log\n");
    write(root, ".gitignore", "dist/\n!build/\n!out/\ngen/*\n!gen/keep/\n");
    write(root, "pkg/.gitignore", "!dist/\n");
    write(root, "pkg/dist/.gitignore", "tmp/\n");
    write(root, "lib/.gitignore", "!in/dist\n");
    // In a directory that stays ignored nothing is read.
    write(root, "dist/.gitignore", "!*\n");
    const env = { HOME: join(base, "home") };
    const meant = ["build/d.ts", "gen/keep/g.ts", "lib/in/dist/c.ts", "out/e.ts", "pkg/dist/a.ts"];
    expect((await find(root, ["."], { env })).files).toEqual(meant);
    expect(listedByGit(root, env)).toEqual(meant);
  });

  test("an ignored directory is not entered, and one that is taken back is", async () => {
    const root = treeOf(["dist/a", "pkg/dist/b", "pkg/out/c"]);
    write(root, ".gitignore", "dist/\nout/\n");
    write(root, "pkg/.gitignore", "!dist/\n");
    const [group] = await groupFiles({ root, patterns: ["."], ignore: [], leaveOut: [], env: {} });
    const skipped = ["dist", "pkg", "pkg/dist", "pkg/out"].filter((path) => group?.matcher.skips(join(root, path)));
    expect(skipped).toEqual(["dist", "pkg/out"]);
  });

  test("property: exactly the files that git lists are watched, whatever rules lie wherever", async () => {
    const name = fc.constantFrom("a", "b", "c.x", "d.x");
    const directory = fc.array(name, { maxLength: 3 }).map((parts) => parts.join("/"));
    const rule = fc
      .record({
        not: fc.constantFrom("", "", "!"),
        parts: fc.array(fc.oneof({ weight: 3, arbitrary: name }, fc.constantFrom("*", "**", "*.x", "[ab]", "?")), {
          minLength: 1,
          maxLength: 3,
        }),
        start: fc.constantFrom("", "/"),
        end: fc.constantFrom("", "/"),
      })
      .map(({ not, parts, start, end }) => `${not}${start}${parts.join("/")}${end}`);
    const rules = fc.array(rule, { minLength: 1, maxLength: 4 }).map((lines) => `${lines.join("\n")}\n`);
    const sources = fc.record({
      ofUser: fc.option(rules, { nil: "" }),
      ofRepository: fc.option(rules, { nil: "" }),
      nested: fc.array(fc.tuple(directory, rules), { maxLength: 4 }),
    });
    const tree = fc.uniqueArray(
      fc.tuple(directory, name).map((parts) => parts.join("/").replace(/^\//, "")),
      {
        minLength: 4,
        maxLength: 16,
      },
    );
    const base = scratch();
    const env = { HOME: join(base, "home") };
    const root = join(base, "root");
    mkdirSync(root);
    git(root, "init", "-q");
    await fc.assert(
      fc.asyncProperty(tree, sources, async (paths, { ofUser, ofRepository, nested }) => {
        for (const entry of readdirSync(root)) if (entry !== ".git") rmSync(join(root, entry), { recursive: true });
        // A name that is a directory by now is no file.
        for (const path of [...paths].sort((a, b) => b.length - a.length))
          if (!paths.some((other) => other.startsWith(`${path}/`))) write(root, path);
        for (const [place, text] of nested)
          if (statOf(join(root, place))?.isDirectory()) write(root, join(place, ".gitignore"), text);
        write(base, "home/.config/git/ignore", ofUser);
        write(root, ".git/info/exclude", ofRepository);
        expect((await find(root, ["."], { env })).files).toEqual(listedByGit(root, env));
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  test("git ignores by .gitignore here and above, info/exclude and core.excludesFile, and the nearest rule decides", async () => {
    const base = treeOf([
      "mono/apps/shop/a.ts",
      "mono/apps/shop/keep.log",
      "mono/apps/shop/x.log",
      "mono/apps/shop/dist/o.js",
    ]);
    const root = join(base, "mono/apps/shop");
    for (const name of ["private.txt", "mine.txt", "theirs.txt", "sub/b.ts", "sub/b.gen"]) write(root, name);
    write(base, ".gitignore", "*.ts\n"); // above the top
    git(join(base, "mono"), "init", "-q");
    write(base, "mono/.gitignore", "dist/\n*.log\n/apps/shop/sub/*.gen\n");
    write(root, ".gitignore", "!keep.log\n.gitignore\n");
    write(base, "mono/.git/info/exclude", "private.txt\n");
    const env = { HOME: join(base, "home") };
    write(base, "home/.config/git/ignore", "mine.txt\n");
    const found = await find(root, ["."], { env });
    expect(found.files).toEqual(["a.ts", "keep.log", "sub/b.ts", "theirs.txt"]);
    write(base, "home/.gitconfig", `[include]\n\tpath = more\n[user]\n\tname = "x" ; [core] excludesFile = none\n`);
    write(base, "home/more", '[Core]\n\tExcludesFile = "~/their ignore" # mine\n');
    write(base, "home/their ignore", "theirs.txt\n");
    expect((await find(root, ["."], { env })).files).toEqual(["a.ts", "keep.log", "mine.txt", "sub/b.ts"]);
    // As git itself has it.
    const listed = Bun.spawnSync(["git", "ls-files", "-co", "--exclude-standard"], {
      cwd: root,
      env: { ...process.env, ...env },
    });
    expect(String(listed.stdout).trim().split("\n").sort()).toEqual(["a.ts", "keep.log", "mine.txt", "sub/b.ts"]);
  });

  test("core.ignoreCase decides about capital letters, for `ignore` too", async () => {
    const root = treeOf(["data/a.md", "docs/readme.md"]);
    git(root, "init", "-q");
    write(root, ".gitignore", "Data/\n");
    const files = async () => (await find(root, ["**/*.md"], { ignore: ["README.md"] })).files;
    git(root, "config", "core.ignorecase", "false");
    expect(await files()).toEqual(["data/a.md", "docs/readme.md"]);
    git(root, "config", "core.ignorecase", "true");
    expect(await files()).toEqual([]);
  });

  test("a file that is named is watched although git ignores it, and a root that git ignores is a project all the same", async () => {
    const root = treeOf(["dist/a.js", "dist/b.log", "tmp/project/x.ts"]);
    git(root, "init", "-q");
    write(root, ".gitignore", "dist/\ntmp/\n*.log\n.gitignore\n");
    expect((await find(root, ["."])).files).toEqual([]);
    expect((await find(root, ["dist"])).files).toEqual(["dist/a.js", "dist/b.log"]);
    expect((await find(join(root, "tmp/project"), ["."])).files).toEqual(["x.ts"]);
  });

  test("each alternative of a pattern counts as a name of its own", async () => {
    const root = treeOf([
      "src/a.ts",
      "gen/b.ts",
      "gen/deep/c.ts",
      "node_modules/p/i.ts",
      ".env",
      ".env.local",
      "{x,y}/z",
    ]);
    git(root, "init", "-q");
    write(root, ".gitignore", "gen\n.env*\n.gitignore\n");
    expect((await find(root, ["{src,gen}/**"])).files).toEqual(["gen/b.ts", "gen/deep/c.ts", "src/a.ts"]);
    expect((await find(root, ["{src,gen/deep}"])).files).toEqual(["gen/deep/c.ts", "src/a.ts"]);
    expect((await find(root, ["{src,node_modules/p}/*.ts"])).files).toEqual(["node_modules/p/i.ts", "src/a.ts"]);
    expect((await find(root, [".env{,.local}"])).files).toEqual([".env", ".env.local"]);
    expect((await find(root, ["*", "!{gen,src}"])).files).toEqual([]);
    expect((await find(root, ["{x,y}/*"])).files).toEqual(["{x,y}/z"]);
  });

  test("a .gitignore that is a link ignores nothing", async () => {
    const root = treeOf(["a.ts", "a.log"]);
    write(root, "rules", "*.log\n");
    symlinkSync("rules", join(root, ".gitignore"));
    expect((await find(root, ["*.*"])).files).toEqual([".gitignore", "a.log", "a.ts"]);
  });

  test("a named file is watched where git's rules take back only directories", async () => {
    const root = treeOf([".env", "a.ts", "conf/b.json"]);
    git(root, "init", "-q");
    write(root, ".gitignore", "*\n!*/\n!*.ts\n");
    expect((await find(root, ["."])).files).toEqual(["a.ts"]);
    expect((await find(root, [".env", "a.ts", "conf/b.json"])).files).toEqual([".env", "a.ts", "conf/b.json"]);
  });

  test("another checkout, worktree or submodule below the root is left alone until it is named", async () => {
    const root = treeOf(["src/a.ts", "libs/sub/s.ts", "libs/mine.ts"]);
    git(join(root, "libs/sub"), "init", "-q");
    git(root, "init", "-q");
    git(root, "add", "src");
    git(root, "commit", "-qm", "a");
    git(root, "worktree", "add", "-q", ".worktrees/b", "-b", "b");
    expect((await find(root, ["**/*.ts"])).files).toEqual(["libs/mine.ts", "src/a.ts"]);
    expect((await find(root, ["libs/sub"])).files).toEqual(["libs/sub/s.ts"]);
    expect((await find(root, ["libs/sub/*.ts", "src"])).files).toEqual(["libs/sub/s.ts", "src/a.ts"]);
    // The worktree by itself is a root, with the exclude file of its repository.
    write(root, ".git/info/exclude", "*.gen\n");
    write(root, ".worktrees/b/x.gen");
    expect((await find(join(root, ".worktrees/b"), ["."])).files).toEqual(["src/a.ts"]);
  });
});

describe("links, and what cannot be looked at", () => {
  test("a link that is named or on the path is followed; one below is a file or is reported", async () => {
    const base = treeOf(["real/a.ts", "real/deep/b.ts", "root/src/c.ts", "one.txt"]);
    const root = join(base, "root");
    symlinkSync(join(base, "real"), join(root, "named"));
    symlinkSync("named", join(root, "again"));
    symlinkSync(join(base, "one.txt"), join(root, "src/one.txt"));
    expect((await find(root, ["named", "again/deep/*.ts"])).files).toEqual([
      "again/deep/b.ts",
      "named/a.ts",
      "named/deep/b.ts",
    ]);
    expect(await find(root, ["src"])).toMatchObject({ files: ["src/c.ts", "src/one.txt"], unsure: [] });
    symlinkSync("..", join(root, "src/loop"));
    symlinkSync("nowhere", join(root, "src/gone"));
    const { files, unsure } = await find(root, ["src"]);
    expect(files).toEqual(["src/c.ts", "src/one.txt"]);
    expect(unsure.map((why) => why.replace(`${root}/`, "")).sort()).toEqual([
      "src/gone is a link that leads nowhere",
      'src/loop is a link to a directory, and such links are not followed: name it, or leave it out with "!"',
    ]);
    expect((await find(root, ["src", "!src/loop", "!src/gone"])).unsure).toEqual([]);
  });

  test("an unreadable directory is reported", async () => {
    if (process.getuid?.() === 0) return;
    const root = treeOf(["src/a.ts", "src/closed/b.ts"]);
    chmodSync(join(root, "src/closed"), 0);
    try {
      expect((await find(root, ["src"])).unsure[0]).toContain("src/closed cannot be read");
    } finally {
      chmodSync(join(root, "src/closed"), 0o755);
    }
  });
});
