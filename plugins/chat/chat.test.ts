import { afterEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Conversation, Message } from "./conversation.ts";
import { tryLock } from "./lock.ts";
import { makeQueue } from "./queue.ts";
import { chatRoot, loadSettings } from "./settings.ts";
import { isoOf, readJsonLine, readMarkdownHeading, readTextHeading } from "./speech.ts";
import { idOf, openStore, type Store } from "./store.ts";
import { addTerms, frequent } from "./terms.ts";
import { update } from "./update.ts";

const made: string[] = [];
afterEach(() => {
  for (const one of made.splice(0)) rmSync(one, { recursive: true, force: true });
});

function setUp() {
  const home = realpathSync(mkdtempSync(join(tmpdir(), "chat-")));
  made.push(home);
  mkdirSync(join(home, "t"));
  const store = openStore(chatRoot(home));
  const path = (name: string) => join(home, "t", name);
  return {
    home,
    store,
    path,
    write: (name: string, text: string | Uint8Array) => writeFileSync(path(name), text),
    append: (name: string, text: string | Uint8Array) => appendFileSync(path(name), text),
    /** Looks until there is nothing more to read. */
    look(name: string, settled = false) {
      const notes: string[] = [];
      for (;;) {
        const outcome = update(store, { path: path(name), settled });
        notes.push(...outcome.notes);
        if (!outcome.more) return { ...outcome, notes };
      }
    },
    read: (name: string) => store.read(idOf(path(name))) as Conversation,
  };
}

const said = (text: string, role = "user") => `${JSON.stringify({ role, content: text })}\n`;
const textsOf = (store: Store, conversation: Conversation) => [...store.messages(conversation)].map(({ text }) => text);
/** The content of a conversation, without the count of how often its file started over. */
const contents = (store: Store, { source, notes: _, ...rest }: Conversation) => ({
  ...rest,
  bytes: source.bytes,
  messages: [...store.messages({ source, notes: _, ...rest })],
});

test("a transcript is read only from the configured folders, whatever links lead out", () => {
  const { home, store, path, write } = setUp();
  mkdirSync(join(home, "out"));
  writeFileSync(join(home, "out", "a.jsonl"), said("outside"));
  symlinkSync(join(home, "out"), path("directory"));
  symlinkSync(join(home, "out", "a.jsonl"), path("link.jsonl"));
  Bun.spawnSync(["mkfifo", path("pipe.jsonl")]);
  write("in.jsonl", said("inside"));
  const folders = [join(home, "t")];
  const look = (file: string) => update(store, { path: file, settled: true, folders });
  expect(look(path("in.jsonl")).changed).toBe(true);
  expect(look(path("none.jsonl"))).toMatchObject({ changed: false, notes: [] });
  for (const file of [join(home, "out", "a.jsonl"), path("directory/a.jsonl"), path("link.jsonl"), path("pipe.jsonl")])
    expect(look(file)).toMatchObject({ changed: false, notes: [expect.stringContaining("is left alone")] });
  expect(update(store, { path: join(home, "out", "a.jsonl"), settled: true }).changed).toBe(true);
});

describe("lines of JSON", () => {
  const speech = (value: unknown) => {
    const line = readJsonLine(JSON.stringify(value));
    return line.is === "speech" ? line.speech : line.is;
  };
  test("Claude Code's", () => {
    const at = "2026-01-02T03:04:05.000Z";
    expect(speech({ type: "user", message: { role: "user", content: "hi" }, timestamp: at })).toEqual([
      { role: "user", name: "user", at, text: "hi", tools: [] },
    ]);
    expect(
      speech({
        message: {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "hm" },
            { type: "text", text: "yes" },
            { type: "tool_use", name: "Bash", input: {} },
          ],
        },
      }),
    ).toEqual([{ role: "assistant", name: "assistant", at: null, text: "yes", tools: ["Bash"] }]);
    expect(
      speech({
        message: { role: "user", content: [{ type: "tool_result", content: [{ type: "text", text: "out" }] }] },
      }),
    ).toMatchObject([{ role: "tool", text: "out" }]);
    expect(readJsonLine('{"type":"summary","summary":"A title"}')).toEqual({ is: "title", title: "A title" });
    expect(speech({ type: "file-history-snapshot", snapshot: {} })).toBe("event");
  });
  test("Codex', Gemini's, and plain ones", () => {
    expect(
      speech({
        timestamp: "2026-01-02T03:04:05Z",
        type: "response_item",
        payload: { type: "message", role: "assistant", content: [{ type: "output_text", text: "ok" }] },
      }),
    ).toMatchObject([{ role: "assistant", text: "ok", at: "2026-01-02T03:04:05.000Z" }]);
    expect(
      speech({ type: "response_item", payload: { type: "function_call", name: "shell", arguments: "{}" } }),
    ).toMatchObject([{ role: "assistant", tools: ["shell"] }]);
    expect(speech({ type: "response_item", payload: { type: "function_call_output", output: "done" } })).toMatchObject([
      { role: "tool", text: "done" },
    ]);
    expect(speech({ type: "session_meta", payload: { id: "x" } })).toBe("event");
    expect(speech({ role: "model", parts: [{ text: "a" }, { text: "b" }] })).toMatchObject([
      { role: "assistant", text: "a\nb" },
    ]);
    expect(
      speech({
        messages: [
          { role: "user", content: "a" },
          { role: "assistant", content: "b" },
        ],
      }),
    ).toHaveLength(2);
    expect(speech({ author: "Ada", text: "hi", ts: 1767323045 })).toMatchObject([
      { role: "other", name: "Ada", at: "2026-01-02T03:04:05.000Z" },
    ]);
  });
  test("invalid lines", () => {
    for (const line of ["{", "[1]", "null", "3", "\0\0"]) expect(readJsonLine(line).is).toBe("invalid");
  });
});

test("who speaks in Markdown and text", () => {
  expect(readMarkdownHeading("## User")).toMatchObject({ role: "user", rest: "" });
  expect(readMarkdownHeading("**Assistant:** sure")).toMatchObject({ role: "assistant", rest: "sure" });
  expect(readMarkdownHeading("_**User (2026-01-01 10:00)**_")).toMatchObject({
    role: "user",
    at: "2026-01-01T10:00:00.000Z",
  });
  for (const no of ["## User guide", "# Users", "**Bold** text", "User: x", "## Setup"])
    expect(readMarkdownHeading(no)).toBeNull();
  expect(readTextHeading("Alice: hi")).toMatchObject({ role: "other", name: "Alice", rest: "hi" });
  expect(readTextHeading("user: hi")).toMatchObject({ role: "user", rest: "hi" });
  expect(readTextHeading("[2026-01-01 10:00] bob smith: hi")).toMatchObject({
    name: "bob smith",
    at: "2026-01-01T10:00:00.000Z",
  });
  expect(readTextHeading("<ada> hi")).toMatchObject({ name: "ada", rest: "hi" });
  for (const no of ["Note: this", "see also: that", "http://x.y", "12:30 later"])
    expect(readTextHeading(no)).toBeNull();
  expect(isoOf("nonsense")).toBeNull();
});

test("terms: frequent ones, the same however the text is cut, and in bounded memory", () => {
  const counters: Record<string, number> = {};
  addTerms(counters, "The parser reads; a parser writes. __proto__ constructor constructor");
  expect(frequent(counters).slice(0, 2)).toEqual([
    { term: "constructor", count: 2 },
    { term: "parser", count: 2 },
  ]);
  const many: Record<string, number> = {};
  for (let at = 0; at < 5000; at++) addTerms(many, `frequent rare${at}`);
  expect(Object.keys(many).length).toBeLessThanOrEqual(512);
  expect(frequent(many)[0]?.term).toBe("frequent");
});

describe("a transcript", () => {
  test("grows: only the new part is read and added", () => {
    const { write, append, look, read, store } = setUp();
    write("a.jsonl", said("one"));
    expect(look("a.jsonl")).toMatchObject({ changed: true, more: false });
    expect(look("a.jsonl").changed).toBe(false);
    append("a.jsonl", said("two", "assistant"));
    look("a.jsonl");
    expect(read("a.jsonl")).toMatchObject({
      title: "one",
      counts: { messages: 2, lines: 2 },
      participants: [
        { name: "user", messages: 1 },
        { name: "assistant", messages: 1 },
      ],
    });
    expect(textsOf(store, read("a.jsonl"))).toEqual(["one", "two"]);
  });

  test("half a line waits for its other half; a whole object needs no end of line", () => {
    const { write, append, look, read, store } = setUp();
    const line = said("one");
    write("a.jsonl", line.slice(0, 10));
    expect(look("a.jsonl")).toMatchObject({ notes: [] });
    expect(read("a.jsonl").counts.messages).toBe(0);
    append("a.jsonl", line.slice(10, -1));
    look("a.jsonl");
    expect(textsOf(store, read("a.jsonl"))).toEqual(["one"]);
    append("a.jsonl", `\n${said("two")}`);
    look("a.jsonl");
    expect(textsOf(store, read("a.jsonl"))).toEqual(["one", "two"]);
    expect(read("a.jsonl").counts).toMatchObject({ lines: 2, skipped: 0 });
  });

  test("invalid lines are skipped with a note", () => {
    const { write, look, read, store } = setUp();
    write("a.jsonl", `nonsense\n${said("one")}{"half":\n${said("two")}`);
    expect(look("a.jsonl").notes[0]).toContain("2 lines were skipped");
    expect(textsOf(store, read("a.jsonl"))).toEqual(["one", "two"]);
    expect(read("a.jsonl").notes.map(({ line }) => line)).toEqual([1, 3]);
    write("b.jsonl", new Uint8Array(10_000));
    look("b.jsonl");
    expect(read("b.jsonl").counts.messages).toBe(0);
  });

  test("truncated: its messages stay until it is complete again", () => {
    const { write, path, look, read, store } = setUp();
    const whole = said("one") + said("two") + said("three");
    write("a.jsonl", whole);
    look("a.jsonl");
    truncateSync(path("a.jsonl"), 0);
    expect(look("a.jsonl").notes[0]).toContain("truncated");
    expect(read("a.jsonl").source.state).toBe("truncated");
    write("a.jsonl", said("one"));
    expect(look("a.jsonl")).toMatchObject({ changed: false, unsettled: true });
    expect(textsOf(store, read("a.jsonl"))).toHaveLength(3);
    write("a.jsonl", whole + said("four"));
    look("a.jsonl");
    expect(textsOf(store, read("a.jsonl"))).toEqual(["one", "two", "three", "four"]);
    expect(read("a.jsonl").source.state).toBe("live");
    write("a.jsonl", said("one") + said("other"));
    expect(look("a.jsonl").unsettled).toBe(true);
    look("a.jsonl", true);
    expect(textsOf(store, read("a.jsonl"))).toEqual(["one", "other"]);
  });

  test("rotated: the previous one is kept under its own name", () => {
    const { write, path, look, read, store } = setUp();
    write("a.jsonl", said("old one") + said("old two"));
    look("a.jsonl");
    renameSync(path("a.jsonl"), path("a.jsonl.1"));
    write("a.jsonl", said("new conversation") + said("that is longer than the old one"));
    expect(look("a.jsonl").notes[0]).toContain(`kept as ${idOf(path("a.jsonl"))}.1`);
    expect(textsOf(store, read("a.jsonl"))[0]).toBe("new conversation");
    const kept = store.read(`${idOf(path("a.jsonl"))}.1`) as Conversation;
    expect(kept.source.state).toBe("rotated");
    expect(textsOf(store, kept)).toEqual(["old one", "old two"]);
  });

  test("edited in its middle: read again; removed: its messages stay; back again: goes on", () => {
    const { write, path, look, read, store } = setUp();
    write("a.md", "## User\none\n## Assistant\ntwo\n");
    look("a.md");
    write("a.md", "## User\nchanged\n## Assistant\ntwo\nmore\n");
    expect(look("a.md").notes[0]).toContain("read again");
    expect(textsOf(store, read("a.md"))).toEqual(["changed", "two\nmore"]);
    rmSync(path("a.md"));
    look("a.md");
    expect(read("a.md").source.state).toBe("gone");
    expect(look("a.md").changed).toBe(false);
    write("a.md", "## User\nchanged\n## Assistant\ntwo\nmore\nagain\n");
    expect(look("a.md").notes).toEqual([]);
    expect(textsOf(store, read("a.md"))).toEqual(["changed", "two\nmore\nagain"]);
  });

  test("Markdown: headings in code do not count; a last line without an end is read when the file is quiet", () => {
    const { write, append, look, read, store } = setUp();
    write("a.md", "# T\n\n## User\n\n```\n## Assistant\n```\n\n\nend\n## Assistant\nhalf");
    expect(look("a.md").unsettled).toBe(true);
    expect(textsOf(store, read("a.md"))).toEqual(["# T", "```\n## Assistant\n```\n\n\nend", ""]);
    look("a.md", true);
    expect(textsOf(store, read("a.md")).at(-1)).toBe("half");
    append("a.md", " a line\nmore\n");
    look("a.md");
    expect(textsOf(store, read("a.md")).at(-1)).toBe("half a line\nmore");
    expect(read("a.md").counts.lines).toBe(13);
  });

  test("aider's history, CRLF, and bytes that are not text", () => {
    const { write, look, read, store } = setUp();
    write("a.md", "# aider chat started at 2026-01-01 10:00:00\n\n#### fix it\n\nDone.\n");
    look("a.md");
    expect(
      read("a.md")
        .messages.map(({ role, text }) => `${role}:${text}`)
        .slice(1),
    ).toEqual(["user:fix it\n\nDone."]);
    write("b.txt", "User: hi\r\nBob: a\r\n");
    look("b.txt");
    expect(textsOf(store, read("b.txt"))).toEqual(["hi", "a"]);
    write("c.txt", new Uint8Array([65, 0xff, 0xfe, 10]));
    look("c.txt");
    expect(textsOf(store, read("c.txt"))).toEqual(["A\uFFFD\uFFFD"]);
  });

  test("large: bounded, and the same whether it grew or was read at once", () => {
    const { write, append, look, read, store, path } = setUp();
    let whole = "";
    write("a.jsonl", "");
    for (let at = 0; at < 400; at++) {
      const line = said(`message ${at} ${"word ".repeat((at * 37) % 300)}`, at % 2 === 0 ? "user" : "assistant");
      whole += line;
      append("a.jsonl", line.slice(0, at % 50));
      look("a.jsonl");
      append("a.jsonl", line.slice(at % 50));
      look("a.jsonl");
    }
    const grown = contents(store, read("a.jsonl"));
    expect(read("a.jsonl").parts.count).toBeGreaterThan(2);
    expect(statSync(join(store.root, "conversations", `${read("a.jsonl").id}.json`)).size).toBeLessThan(150_000);
    expect(grown.messages.map(({ n }: Message) => n)).toEqual(Array.from({ length: 400 }, (_, at) => at + 1));
    expect(readFileSync(path("a.jsonl"), "utf8")).toBe(whole);
    update(store, { path: path("a.jsonl"), settled: true, again: true });
    look("a.jsonl", true);
    expect(contents(store, read("a.jsonl"))).toEqual(grown);
  });

  test("many short messages, and calls without text, are bounded too", () => {
    const { write, append, look, read, store } = setUp();
    const call = { type: "response_item", payload: { type: "function_call", name: "shell" } };
    write("a.jsonl", `${JSON.stringify(call)}\n`.repeat(5000));
    look("a.jsonl");
    append("a.jsonl", said("end"));
    look("a.jsonl");
    expect(statSync(join(store.root, "conversations", `${read("a.jsonl").id}.json`)).size).toBeLessThan(150_000);
    expect([...store.messages(read("a.jsonl"))]).toHaveLength(5001);
  });

  test("a line that is too long is skipped, and the next one is read", () => {
    const { write, append, look, read, store } = setUp();
    write("a.jsonl", said("one") + "x".repeat(20 * 1024 * 1024));
    look("a.jsonl");
    append("a.jsonl", `y\n${said("two")}`);
    look("a.jsonl");
    expect(textsOf(store, read("a.jsonl"))).toEqual(["one", "two"]);
    expect(read("a.jsonl").counts.skipped).toBe(1);
  });
});

test("the index: adds what an interrupted write left out, drops what is lost", () => {
  const { write, look, read, store, path } = setUp();
  write("a.jsonl", said("one"));
  look("a.jsonl");
  store.reconcile();
  expect([...store.index().keys()]).toEqual([idOf(path("a.jsonl"))]);
  rmSync(join(store.root, "conversations", `${read("a.jsonl").id}.json`));
  store.reconcile();
  expect(store.index().size).toBe(0);
  look("a.jsonl");
  store.reconcile();
  // Written by a process that was killed before it updated the index.
  const later = read("a.jsonl");
  store.write({ ...later, title: "later" });
  store.reconcile();
  expect(store.index().get(later.id)?.title).toBe("later");
  // Half a file, as after a power failure: it is created again.
  writeFileSync(join(store.root, "conversations", `${idOf(path("a.jsonl"))}.json`), '{"version":1,"me');
  look("a.jsonl");
  expect(textsOf(store, read("a.jsonl"))).toEqual(["one"]);
});

test("settings: defaults, and errors as sentences", () => {
  const { home } = setUp();
  const set = (text: string) => {
    writeFileSync(join(home, ".chat/settings.yaml"), text);
    return loadSettings(home);
  };
  expect(loadSettings(home)).toMatchObject({
    folders: [join(home, ".claude/projects"), join(home, ".codex/sessions")],
    onUpdate: null,
  });
  expect(set("folders: [~/t/]\nonUpdate: echo hi\nonUpdateTimeout: 5\n")).toMatchObject({
    folders: [join(home, "t")],
    onUpdate: "echo hi",
    onUpdateTimeoutMs: 5000,
  });
  for (const [text, why] of [
    ["folder: [/x]", "unknown setting"],
    ["folders: /x", "expected a list"],
    ["folders: [x]", "expected an absolute path"],
    ["onUpdateTimeout: 0", "expected seconds"],
    ["- a", "expected fields"],
    ["a: [", "settings.yaml"],
  ] as const)
    expect(() => set(text)).toThrow(why);
});

test("a held lock cannot be taken until it is released", () => {
  const { folder } = setUp().store;
  const mine = tryLock(folder, "monitor.lock");
  expect(mine).not.toBeNull();
  expect(tryLock(folder, "monitor.lock")).toBeNull();
  mine?.release();
  const again = tryLock(folder, "monitor.lock");
  expect(again).not.toBeNull();
  again?.release();
});

test("the queue: a long transcript does not keep another waiting; a failed one is tried again", async () => {
  const looked: string[] = [];
  const done = Promise.withResolvers<void>();
  let faults = 0;
  let big = 0;
  const queue = makeQueue({
    look(path) {
      if (path === "bad" && faults === 0) throw new Error("not now");
      looked.push(path);
      if (path === "bad") done.resolve();
      return { more: path === "big" && ++big < 5, unsettled: false };
    },
    onFault: () => faults++,
  });
  queue.add("bad");
  queue.add("big");
  queue.add("small");
  await done.promise;
  expect(faults).toBe(1);
  expect(looked.indexOf("small")).toBeLessThan(3);
  expect(looked.filter((one) => one === "big")).toHaveLength(5);
  queue.close();
});
