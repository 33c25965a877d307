/**
 * The chat monitor over transcripts and a store that another user touched: nothing is followed out, waited for, or
 * printed raw.
 */
import { afterEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { makeChat, said } from "../../e2e/kit/chat.ts";
import { psOf } from "../../e2e/kit/launch.ts";
import { until } from "../../kit.ts";

const KEY = "chat:monitor:default";
const made: ReturnType<typeof makeChat>[] = [];
afterEach(async () => {
  for (const { root } of made.splice(0)) await root.dispose();
});

function make() {
  const chat = makeChat();
  made.push(chat);
  const outside = join(chat.root.base, "outside");
  mkdirSync(outside);
  const victim = join(outside, "victim");
  writeFileSync(victim, "User: the secret\n");
  return { ...chat, outside, victim };
}

/** All that the store holds, as one text. */
function stored(store: string): string {
  return readdirSync(store, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => readFileSync(join(one.parentPath, one.name), "latin1"))
    .join("\n");
}

describe("lines that are slow to read for a careless pattern", () => {
  const blanks = " ".repeat(60_000);
  const LINES: Record<string, string> = {
    "a heading of blanks": `# ${blanks}x`,
    "a heading, a name, blanks, a separator": `# user${blanks}\u2028x`,
    "bold and blanks": `**${blanks}x`,
    "bold, a name, blanks": `**user${blanks}*${blanks}x\u2029`,
    "a heading of signs": `# ${"-".repeat(60_000)}user`,
    "a time that does not end": `# user (${"1".repeat(60_000)}`,
    "many hashes": "#".repeat(60_000),
    "many stars": "*".repeat(60_000),
    "a name of text, blanks, a separator": `Ada:${blanks}x\u2028`,
    "words and blanks": `a${" a".repeat(30_000)}`,
    "a bracket that does not end": `[${blanks}`,
    "a stamp and blanks": `2026-01-01 10:00${"x".repeat(30_000)}${blanks}`,
    "many fences": "`".repeat(60_000),
  };
  for (const extension of ["md", "txt"])
    test(`lines made to be slow are read quickly in .${extension}, a hundred times each`, async () => {
      const { chat, path } = make();
      for (const [at, line] of Object.values(LINES).entries())
        writeFileSync(path(`t${at}.${extension}`), `## User\nUser: hi\n${`${line}\n`.repeat(100)}`);
      const began = performance.now();
      expect((await chat("process")).code).toBe(0);
      expect(performance.now() - began).toBeLessThan(20_000);
    }, 60_000);

  test("JSON that is nested deeper than the stack is a line that is skipped, and the next one is read", async () => {
    const { chat, append, read } = make();
    const deep = 100_000;
    const content = `${'[{"type":"tool_result","content":'.repeat(deep)}"x"${"}]".repeat(deep)}`;
    append("deep.jsonl", `${said("one")}{"role":"user","content":${content}}\n${said("two")}`);
    expect((await chat("process")).code).toBe(0);
    expect(read("deep")?.messages.map(({ text }) => text)).toEqual(["one", "two"]);
  }, 60_000);
});

/** Patterns that name a directory which is a link. */
const THROUGH_LINKS =
  "folders: [~/talks]\ninclude: ['**/*', 'directory/*', 'directory/more.txt', '../outside/*', '../../outside/*']\n";

describe("transcripts", () => {
  test("chat process reads no link out of its folders, pipe or device, and reads the other files", async () => {
    const { root, chat, path, append, victim, outside, store } = make();
    root.write(join(store, "settings.yaml"), THROUGH_LINKS);
    append("good.jsonl", said("hello"));
    symlinkSync(victim, path("file.txt"));
    symlinkSync(outside, path("directory"));
    symlinkSync("/dev/zero", path("device.txt"));
    writeFileSync(join(outside, "more.txt"), "User: the secret\n");
    Bun.spawnSync(["mkfifo", path("pipe.jsonl")]);
    const { code, stdout } = await chat("process");
    expect([code, stdout]).toEqual([0, "1 transcripts read, 1 conversations changed\n"]);
    expect(stored(store)).not.toContain("the secret");
    // What a person names is read, a link too; what is no file is a sentence.
    expect((await chat("process", path("file.txt"))).stdout).toContain("1 conversations changed");
    expect(await chat("process", path("pipe.jsonl"))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("it is not a regular file"),
    });
  });

  test("the monitor is not held up by a pipe, and follows no link that comes while it watches", async () => {
    const { root, chat, path, append, texts, victim, outside, store } = make();
    root.write(join(store, "settings.yaml"), THROUGH_LINKS);
    writeFileSync(join(outside, "more.txt"), "User: the secret\n");
    Bun.spawnSync(["mkfifo", path("pipe.jsonl")]);
    symlinkSync(victim, path("before.txt"));
    append("good.jsonl", said("one"));
    expect((await chat("start")).code).toBe(0);
    await until("it reads", () => texts("good").length === 1);
    symlinkSync(victim, path("after.txt"));
    symlinkSync(outside, path("directory"));
    Bun.spawnSync(["mkfifo", path("another.txt")]);
    // A transcript that becomes a link keeps what was read of it.
    append("turns.jsonl", said("kept"));
    await until("it is read", () => texts("turns").length === 1);
    rmSync(path("turns.jsonl"));
    symlinkSync(victim, path("turns.jsonl"));
    append("good.jsonl", said("two"));
    await until("it goes on", () => texts("good").length === 2);
    append("last.jsonl", said("three"));
    await until("it goes on", () => texts("last").length === 1);
    expect(texts("turns")).toEqual(["kept"]);
    expect(stored(store)).not.toContain("the secret");
    expect((await psOf(root, KEY))?.state).toBe("ready");
    expect((await chat("stop")).code).toBe(0);
  }, 60_000);

  test("a transcript folder may itself be a link, and its target is then the folder", async () => {
    const { root, chat, append, store, victim } = make();
    append("one.jsonl", said("hello"));
    renameSync(join(root.home, "talks"), join(root.home, "moved"));
    symlinkSync(join(root.home, "moved"), join(root.home, "talks"));
    symlinkSync(victim, join(root.home, "moved/link.txt"));
    expect((await chat("process")).stdout).toBe("1 transcripts read, 1 conversations changed\n");
    expect(stored(store)).not.toContain("the secret");
  });
});

describe("the store", () => {
  test("chat init does not write through a link", async () => {
    const { root, chat, store, outside } = make();
    rmSync(join(store, "settings.yaml"));
    symlinkSync(join(outside, "made"), join(store, "settings.yaml"));
    await chat("init");
    expect(readdirSync(outside)).toEqual(["victim"]);
    expect((await chat("process")).stderr).toContain("it is a link that leads out of");
    rmSync(join(store, "settings.yaml"));
    Bun.spawnSync(["mkfifo", join(store, "settings.yaml")]);
    expect((await root.dt(["chat", "process"], { timeoutMs: 10_000 })).stderr).toContain("it is a pipe");
  });

  for (const name of ["conversations", "pending", "index.json", "lock"])
    test(`where ${name} is a link out of the store nothing is written there, which is reported`, async () => {
      const { root, chat, append, store, outside, victim } = make();
      append("one.jsonl", said("hello"));
      root.write(join(store, "settings.yaml"), "folders: [~/talks]\nonUpdate: 'true'\n");
      rmSync(join(store, name), { recursive: true, force: true });
      symlinkSync(name.includes(".") || name === "lock" ? victim : outside, join(store, name));
      const { code, stderr } = await chat("process");
      expect(code).toBe(1);
      expect(stderr).toMatch(/leads out of|not a regular file/);
      expect(readdirSync(outside)).toEqual(["victim"]);
      expect(readFileSync(victim, "utf8")).toBe("User: the secret\n");
    });

  test("a conversation, a part or a note that is a link leaves its target as it is", async () => {
    const { root, chat, append, store, victim } = make();
    root.write(join(store, "settings.yaml"), "folders: [~/talks]\nonUpdate: 'true'\n");
    append("one.jsonl", said("hello"));
    append("two.jsonl", said("hello"));
    expect((await chat("process")).code).toBe(0);
    const id = readdirSync(join(store, "conversations"))
      .find((one) => one.startsWith("one-"))
      ?.slice(0, -5) as string;
    for (const path of [`conversations/${id}.json`, `pending/${id}`]) {
      rmSync(join(store, path), { force: true });
      symlinkSync(victim, join(store, path));
      append("one.jsonl", said("more"));
      append("two.jsonl", said("more"));
      const { code, stderr } = await chat("process");
      expect([path, code]).toEqual([path, 1]);
      expect(stderr).toContain("it is a link that leads out of");
      expect(readFileSync(victim, "utf8")).toBe("User: the secret\n");
      rmSync(join(store, path));
      expect((await chat("process")).code).toBe(0);
    }
    expect((await chat("list")).stdout.trim().split("\n")).toHaveLength(2);
  });

  for (const [what, forge] of [
    ["another name", (one) => ({ ...one, id: "../../escaped" })],
    ["a name in the store", (one) => ({ ...one, id: "../settings" })],
    ["a generation that is a path", (one) => ({ ...one, source: { ...one.source, generation: "../../../x" } })],
  ] as [string, (one: { source: object }) => object][])
    test(`a conversation that says ${what} is made again`, async () => {
      const { chat, append, store } = make();
      append("one.jsonl", said("hello"));
      await chat("process");
      const file = join(store, "conversations", readdirSync(join(store, "conversations"))[0] as string);
      const settings = readFileSync(join(store, "settings.yaml"), "utf8");
      writeFileSync(file, JSON.stringify(forge(JSON.parse(readFileSync(file, "utf8")))));
      append("one.jsonl", said("more"));
      expect(await chat("process")).toMatchObject({ code: 0, stderr: "" });
      expect(existsSync(join(store, "../escaped.json"))).toBe(false);
      expect(readFileSync(join(store, "settings.yaml"), "utf8")).toBe(settings);
      expect((await chat("show", "one")).stdout).toContain("more");
    });

  test("a store that every user may write to is not used", async () => {
    const { chat, store } = make();
    Bun.spawnSync(["chmod", "777", store]);
    expect(await chat("list")).toMatchObject({ code: 1, stderr: expect.stringContaining("chmod 700") });
  });
});

test("titles, names, texts and paths are printed so that they can be seen", async () => {
  const { chat, append, path } = make();
  const evil = "\x1b]0;owned\x07\x1b[2J\u202egnp.exe\x9b31m\u2066";
  append(
    "evil\x1b[31m.jsonl",
    said(`${evil} first`) +
      JSON.stringify({ role: evil, content: `second ${evil}\r\nthird`, at: "2026-01-01T10:00:00Z" }),
  );
  append("summary.jsonl", `${JSON.stringify({ type: "summary", summary: `title ${evil}` })}\n${said("x")}`);
  writeFileSync(path("broken\u202e.jsonl"), `not json ${evil}\n${said("x")}`);
  const shown = [await chat("process")];
  const ids = (JSON.parse((await chat("list", "--json")).stdout) as { id: string }[]).map(({ id }) => id);
  expect(ids).toHaveLength(3);
  for (const words of [
    ["list"],
    ["list", "--json"],
    ["search", "first"],
    ["search", "second", "--json"],
    ...ids.flatMap((id) => [
      ["show", id],
      ["show", id, "--json"],
    ]),
  ])
    shown.push(await chat(...words));
  for (const { stdout, stderr } of shown)
    expect(stdout + stderr).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
  const text = shown.map(({ stdout }) => stdout).join("");
  expect(text).toContain("title \\x1b]0;owned\\x07");
  expect(text).toContain("\\u202egnp.exe");
});
