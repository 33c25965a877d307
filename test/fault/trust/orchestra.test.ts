/**
 * `dt orchestra sync` over codebases that a stranger filled: nothing outside is written or read, each refusal is a
 * sentence, the rest is done.
 */
import { afterEach, expect, test } from "bun:test";
import {
  chownSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { REPOSITORY, TestRoot } from "../../kit.ts";

const roots: TestRoot[] = [];
afterEach(async () => {
  for (const root of roots.splice(0)) await root.dispose();
});

/** A registry with a codebase of a stranger and one that is fine. */
async function make(targets: string[] = ["CLAUDE.md", "AGENTS.md"]) {
  const root = TestRoot.create({
    "manifests/orchestra.ts": readFileSync(join(REPOSITORY, "manifests/orchestra.ts"), "utf8"),
  });
  roots.push(root);
  cpSync(join(REPOSITORY, "plugins/orchestra"), join(root.dir, "plugins/orchestra"), { recursive: true });
  const [code, fine, outside] = ["code", "fine", "outside"].map((name) => join(root.base, name)) as [
    string,
    string,
    string,
  ];
  for (const one of [code, fine, outside]) mkdirSync(one);
  const orchestra = (...words: string[]) => root.dt(["orchestra", ...words]);
  expect((await orchestra("add", "x", "code", code)).code).toBe(0);
  expect((await orchestra("add", "x", "fine", fine)).code).toBe(0);
  const projects = join(root.home, ".orchestra/projects/x");
  writeFileSync(join(projects, "code.yaml"), `path: ${code}\ntargets: ${JSON.stringify(targets)}\n`);
  writeFileSync(join(outside, "victim"), "mine\n");
  return { root, code, fine, outside, projects, orchestra, victim: join(outside, "victim") };
}

type Made = Awaited<ReturnType<typeof make>>;

const KINDS: Record<string, { plant(made: Made): void; says: RegExp; targets?: string[] }> = {
  "a link to a file outside": {
    plant: ({ code, victim }) => symlinkSync(victim, join(code, "AGENTS.md")),
    says: /AGENTS\.md is left alone: it is a link that leads out of/,
  },
  "a link to nothing outside": {
    plant: ({ code, outside }) => symlinkSync(join(outside, "made"), join(code, "AGENTS.md")),
    says: /it is a link that leads out of/,
  },
  "a relative link that climbs": {
    plant: ({ code }) => symlinkSync("../outside/victim", join(code, "AGENTS.md")),
    says: /it is a link that leads out of/,
  },
  "a directory that is a link": {
    plant: ({ code, outside }) => symlinkSync(outside, join(code, "docs")),
    says: /docs is left alone: it is a link that leads out of/,
    targets: ["CLAUDE.md", "docs/AGENTS.md"],
  },
  "a chain of links": {
    plant({ code, outside }) {
      symlinkSync(outside, join(code, "two"));
      symlinkSync("two", join(code, "docs"));
    },
    says: /two is left alone: it is a link that leads out of/,
    targets: ["CLAUDE.md", "docs/AGENTS.md"],
  },
  "a hard link": {
    plant: ({ code, victim }) => linkSync(victim, join(code, "AGENTS.md")),
    says: /AGENTS\.md is left alone: it has 2 names/,
  },
  "a pipe": {
    plant: ({ code }) => void Bun.spawnSync(["mkfifo", join(code, "AGENTS.md")]),
    says: /AGENTS\.md is left alone: it is a pipe/,
  },
  "a link to a device": {
    plant: ({ code }) => symlinkSync("/dev/zero", join(code, "AGENTS.md")),
    says: /it is a link that leads out of/,
  },
  "a huge file": {
    plant({ code }) {
      writeFileSync(join(code, "AGENTS.md"), "");
      truncateSync(join(code, "AGENTS.md"), 1024 ** 4);
    },
    says: /AGENTS\.md is left alone: it has 1099511627776 bytes/,
  },
  "a directory in its place": {
    plant: ({ code }) => mkdirSync(join(code, "AGENTS.md")),
    says: /AGENTS\.md is left alone: it is a directory/,
  },
  "bytes that are no text": {
    plant: ({ code }) => writeFileSync(join(code, "AGENTS.md"), new Uint8Array([0xff, 0x00])),
    says: /AGENTS\.md is left alone: it is not UTF-8 text/,
  },
  ...(process.geteuid?.() === 0
    ? {
        "another user's file": {
          plant({ code }: Made) {
            writeFileSync(join(code, "AGENTS.md"), "theirs\n");
            chownSync(join(code, "AGENTS.md"), 4321, 4321);
          },
          says: /AGENTS\.md is left alone: it belongs to user 4321/,
        },
      }
    : {}),
};

for (const [name, { plant, says, targets }] of Object.entries(KINDS))
  test(`orchestra refuses ${name} in a sentence, and writes what is beside it`, async () => {
    const made = await make(targets);
    plant(made);
    const sync = await made.root.dt(["orchestra", "sync"], { timeoutMs: 20_000 });
    expect(sync.code).toBe(1);
    expect(sync.stderr).toMatch(says);
    expect(readdirSync(made.outside)).toEqual(["victim"]);
    expect(readFileSync(made.victim, "utf8")).toBe("mine\n");
    expect(readFileSync(join(made.code, "CLAUDE.md"), "utf8")).toContain("orchestra:begin");
    for (const file of ["CLAUDE.md", "AGENTS.md"])
      expect(readFileSync(join(made.fine, file), "utf8")).toContain("orchestra:begin");
    expect((await made.orchestra("check")).code).toBe(1);
    expect([...readdirSync(made.code), ...readdirSync(made.fine)].filter((one) => one.endsWith(".new"))).toEqual([]);
  });

test("orchestra follows a link that stays inside, and it stays a link", async () => {
  const { code, orchestra } = await make();
  writeFileSync(join(code, "AGENTS.md"), "# Ours\n");
  symlinkSync("AGENTS.md", join(code, "CLAUDE.md"));
  expect((await orchestra("sync")).code).toBe(0);
  expect(
    readdirSync(code, { withFileTypes: true })
      .filter((one) => one.isSymbolicLink())
      .map(({ name }) => name),
  ).toEqual(["CLAUDE.md"]);
  expect(readFileSync(join(code, "AGENTS.md"), "utf8")).toMatch(/^# Ours\n\n<!-- orchestra:begin/);
});

test("a codebase that became a link at any place of its path is left alone; one added through a link is the link's target", async () => {
  const { code, root, outside, projects, orchestra } = await make();
  renameSync(code, join(root.base, "moved"));
  symlinkSync(outside, code);
  writeFileSync(join(projects, "deep.yaml"), `path: ${join(code, "deep")}\n`);
  mkdirSync(join(outside, "deep"));
  const sync = await orchestra("sync");
  expect([sync.code, sync.stderr]).toEqual([
    1,
    expect.stringContaining(`x/code: ${code} is left alone: a link on the way leads to`),
  ]);
  expect(sync.stderr).toContain("x/deep");
  expect([readdirSync(outside).sort(), readdirSync(join(outside, "deep"))]).toEqual([["deep", "victim"], []]);
  expect((await orchestra("add", "x", "meant", join(code, "deep"))).code).toBe(0);
  await orchestra("sync", "x/meant");
  expect(readdirSync(join(outside, "deep")).sort()).toEqual(["AGENTS.md", "CLAUDE.md"]);
});

test("orchestra uses no temporary name that could be guessed", async () => {
  const { code, victim, orchestra } = await make();
  writeFileSync(join(code, "AGENTS.md"), "touch /pwned\n");
  for (let pid = 2; pid < 40_000; pid++) symlinkSync(victim, join(code, `AGENTS.md.${pid}.new`));
  expect((await orchestra("sync")).code).toBe(0);
  expect(readFileSync(victim, "utf8")).toBe("mine\n");
}, 30_000);

test("a registry's entry or template that is a pipe or a link out of it is a fault of that one alone", async () => {
  const { root, projects, victim, fine, orchestra } = await make();
  writeFileSync(victim, "the secret\n");
  symlinkSync(victim, join(projects, "secret.yaml"));
  Bun.spawnSync(["mkfifo", join(projects, "pipe.yaml")]);
  const first = await orchestra("sync");
  expect(first.stderr).toMatch(/secret\.yaml is left alone: it is a link that leads out/);
  expect(first.stderr).toMatch(/pipe\.yaml is left alone: it is a pipe/);
  expect(readFileSync(join(fine, "AGENTS.md"), "utf8")).toContain("# fine");
  for (const one of ["secret.yaml", "pipe.yaml"]) rmSync(join(projects, one));

  mkdirSync(join(root.home, ".orchestra/templates"));
  symlinkSync(victim, join(root.home, ".orchestra/templates/AGENTS.md"));
  const second = await orchestra("sync");
  expect(second.stderr).toMatch(/templates\/AGENTS\.md is left alone: it is a link that leads out/);
  expect(readFileSync(join(fine, "AGENTS.md"), "utf8")).not.toContain("the secret");

  symlinkSync(root.base, join(root.home, ".orchestra/projects/away"));
  expect((await orchestra("list")).stderr).toMatch(/away is left alone: it is a link that leads out/);
  expect((await orchestra("add", "away", "x", fine)).code).toBe(1);
  expect(existsSync(join(root.base, "x.yaml"))).toBe(false);
});

test("orchestra's output is visible, whatever an entry says", async () => {
  const { projects, orchestra } = await make();
  writeFileSync(join(projects, "code.yaml"), `path: ${JSON.stringify("/no\x1b[31m\u202ewhere")}\n`);
  for (const words of [["list"], ["list", "--json"], ["sync"], ["check"], ["check", "--json"]]) {
    const { stdout, stderr } = await orchestra(...words);
    expect(stdout + stderr).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]/);
    expect(stdout + stderr).toMatch(/\\u202ewhere/);
  }
});
