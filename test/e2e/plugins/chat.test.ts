/** The chat monitor at work: what its document asks for, through the real binary. */
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
import { until } from "../../kit.ts";
import { KEY, makeChat, said } from "../kit/chat.ts";
import { disposeWithDaemon } from "../kit/daemon.ts";
import { psOf, runs } from "../kit/launch.ts";
import { missing, startManager, stopManagers } from "../kit/systemd.ts";
import { startTmux } from "../kit/tmux.ts";

afterEach(stopManagers);

test("chat's process, list, show and search work without a monitor", async () => {
  const { root, chat, append, path, store } = makeChat();
  try {
    expect((await chat("list")).stdout).toContain("No conversations yet");
    append("one.jsonl", said("where is the parser") + said("in a file", "assistant"));
    append("two.md", "## User\nhello\n## Assistant\nhi\n");
    writeFileSync(join(root.dir, "other.txt"), "Ada: hello parser\n");
    const done = await chat("process");
    expect(done).toMatchObject({ code: 0, stdout: "2 transcripts read, 2 conversations changed\n" });
    expect((await chat("process")).stdout).toBe("2 transcripts read, 0 conversations changed\n");
    // The folder under another name, which is a link.
    symlinkSync(join(root.home, "talks"), join(root.home, "linked"));
    root.write(join(store, "settings.yaml"), "folders: [~/linked, ~/talks]\n");
    expect((await chat("process")).stdout).toBe("2 transcripts read, 0 conversations changed\n");
    expect((await chat("process", path(""))).stderr).toContain("it is not a regular file");
    // A file outside of the folders, named from where the person is.
    mkdirSync(join(root.dir, "sub"));
    const one = await root.dt(["chat", "process", "../other.txt", "--json"], { cwd: join(root.dir, "sub") });
    expect(JSON.parse(one.stdout)).toEqual({ conversations: 1, changed: 1, failed: 0 });
    const list = JSON.parse((await chat("list", "--json")).stdout) as { id: string; counts: { messages: number } }[];
    expect(list.map(({ id, counts }) => [id.slice(0, -9), counts.messages]).sort()).toEqual([
      ["one", 2],
      ["other", 1],
      ["two", 2],
    ]);
    expect((await chat("show", "one")).stdout).toContain("#2 assistant\nin a file");
    expect(JSON.parse((await chat("show", "two", "--json", "--last", "1")).stdout).messages).toMatchObject([
      { text: "hi" },
    ]);
    expect((await chat("search", "PARSER")).stdout.trim().split("\n")).toHaveLength(2);
    expect((await chat("search", "parser", "--role", "user")).stdout).toContain("where is the parser");
    expect((await chat("search", "nowhere to be found")).code).toBe(1);
    expect(await chat("show", "nope")).toMatchObject({
      code: 1,
      stderr: "no conversation nope; dt chat list shows them all\n",
    });
    expect((await chat("show", "o")).stderr).toContain("o is ambiguous: one-");
    expect((await chat("list", "--nope")).code).toBe(2);
    expect((await chat("process", path("missing.txt"))).code).toBe(1);
  } finally {
    await root.dispose();
  }
});

test("the chat monitor is started in the background, seen from another session, restarted and stopped, and leaves no pid file or process", async () => {
  const { root, chat, append, texts, store } = makeChat();
  const pidFile = join(root.run, `${KEY}.pid`);
  try {
    append("one.jsonl", said("one"));
    const tmux = startTmux(root, ["sh"]);
    tmux.keys('"$DT" chat start; echo "started $?"', "Enter");
    await tmux.shows(/started 0/);
    const first = await psOf(root, KEY);
    expect(first).toMatchObject({ state: "ready" });
    expect(readFileSync(pidFile, "utf8").trim().split(/\s/)[0]).toBe(String(first?.pid));
    // The terminal and its session are killed.
    tmux.close();
    append("one.jsonl", said("two"));
    await until("it goes on", () => texts("one").length === 2);
    expect((await psOf(root, KEY))?.pid).toBe(first?.pid as number);

    expect((await chat("status")).stdout).toContain(`${KEY}  ready`);
    expect((await chat("restart")).code).toBe(0);
    const second = await psOf(root, KEY);
    expect(second?.pid).not.toBe(first?.pid);
    append("one.jsonl", said("three"));
    await until("it works after the restart", () => texts("one").length === 3);

    // In the middle of work it ends at once, and by itself.
    for (let at = 0; at < 200; at++) append(`many${at % 20}.jsonl`, said(`message ${at}`));
    const stopped = await chat("stop");
    expect(stopped.code).toBe(0);
    expect(JSON.parse(root.read(`.dialtone/run/${KEY}.exit.json`))).toMatchObject({ code: 0 });
    expect(existsSync(pidFile)).toBe(false);
    expect(root.processes()).toEqual([]);
    expect(readdirSync(store).sort()).toEqual([
      "conversations",
      "index.json",
      "lock",
      "monitor.lock",
      "pending",
      "settings.yaml",
    ]);
    expect((await chat("status")).code).toBe(3);
    // No lock is held: another can begin at once, and finds what is left to do.
    expect((await chat("start")).code).toBe(0);
    await until("all is there", () =>
      Array.from({ length: 20 }, (_, at) => texts(`many${at}`).length).every((count) => count === 10),
    );
  } finally {
    await root.dt(["stop", "--all"]);
    await root.dispose();
  }
}, 60_000);

test("a new line of a transcript is in the JSON within 200 ms", async () => {
  const { root, chat, append, read } = makeChat();
  try {
    await chat("start");
    append("one.jsonl", said("begin"));
    await until("it is there", () => read("one") !== null);
    const took: number[] = [];
    for (let at = 0; at < 20; at++) {
      const text = `line ${at}`;
      const began = performance.now();
      append("one.jsonl", said(text));
      while (read("one")?.messages.at(-1)?.text !== text && performance.now() - began < 5000) await Bun.sleep(2);
      took.push(performance.now() - began);
      await Bun.sleep(60);
    }
    took.sort((a, b) => a - b);
    expect(took[10]).toBeLessThan(200);
    await until(
      "and in the index",
      async () => JSON.parse((await chat("list", "--json")).stdout)[0].counts.messages === 21,
    );
  } finally {
    await root.dt(["stop", "--all"]);
    await root.dispose();
  }
}, 60_000);

test("a chat monitor killed again and again while transcripts grow comes back, and nothing is missed or written twice", async () => {
  const { root, chat, append, texts, read, path } = makeChat();
  try {
    await chat("start");
    let killed = 0;
    for (let at = 0; at < 300; at++) {
      append(`t${at % 10}.jsonl`, said(`message ${at}`));
      if (at % 100 !== 50) continue;
      const before = await psOf(root, KEY);
      process.kill(before?.pid as number, "SIGKILL");
      killed++;
      await until("it is back", async () => {
        const now = await psOf(root, KEY);
        return now?.state === "ready" && now.pid !== before?.pid;
      });
    }
    expect(killed).toBe(3);
    for (let at = 0; at < 10; at++) {
      const expected = Array.from({ length: 30 }, (_, nth) => `message ${nth * 10 + at}`);
      await until(`transcript ${at} is whole`, () => texts(`t${at}`).length >= 30);
      expect(texts(`t${at}`)).toEqual(expected);
    }
    // Half-written, invalid, truncated, rotated, gone.
    append("half.jsonl", '{"role":"user","con');
    append("bad.jsonl", `nonsense\n${said("good")}`);
    await until("the good one is there", () => texts("bad").length === 1);
    expect(read("bad")?.notes[0]?.what).toContain("not JSON");
    append("half.jsonl", 'tent":"whole"}\n');
    await until("it is whole", () => texts("half")[0] === "whole");
    writeFileSync(path("t0.jsonl"), "");
    await until("the truncation is noted", () => read("t0")?.source.state === "truncated");
    expect(texts("t0")).toHaveLength(30);
    renameSync(path("t1.jsonl"), path("t1.old"));
    append("t1.jsonl", said("another conversation"));
    await until("the rotated one began anew", () => texts("t1")[0] === "another conversation");
    rmSync(path("t2.jsonl"));
    await until("one is gone", () => read("t2")?.source.state === "gone");
    expect(texts("t2")).toHaveLength(30);
    await until("the index has it too", async () =>
      (await chat("list", "--all", "--json")).stdout.includes('"rotated"'),
    );
  } finally {
    await root.dt(["stop", "--all"]);
    await root.dispose();
  }
}, 120_000);

test("onUpdate runs for what changed and is tried again while it fails, after a restart too; the watching goes on", async () => {
  const { root, chat, append, texts } = makeChat(
    `onUpdate: 'echo "$CHAT_ID" "$(basename "$CHAT_SOURCE")" >> ~/ran; test -e ~/works && test -s "$CHAT_FILE"'\n`,
  );
  const ran = () =>
    existsSync(join(root.home, "ran")) ? readFileSync(join(root.home, "ran"), "utf8").trim().split("\n") : [];
  const pending = () => readdirSync(join(root.home, ".chat/pending"));
  try {
    await chat("start");
    append("one.jsonl", said("one"));
    await until("it was tried twice", () => ran().length >= 2);
    append("one.jsonl", said("two"));
    await until("the watching goes on", () => texts("one").length === 2);
    expect(root.read(`.dialtone/run/${KEY}.log`)).toMatch(/onUpdate of one-\w+ ended with 1; trying again in 1 s/);
    await chat("stop");
    expect(pending()).toHaveLength(1);
    const before = ran().length;
    root.write(join(root.home, "works"), "");
    await chat("start");
    await until("it was tried after the restart, and is done", () => pending().length === 0);
    expect(ran().length).toBeGreaterThan(before);
    expect(ran().at(-1)).toMatch(/^one-\w{8} one\.jsonl$/);
  } finally {
    await root.dt(["stop", "--all"]);
    await root.dispose();
  }
}, 60_000);

test("chat settings may change while it runs, and wrong ones keep the old; a second monitor waits for the first", async () => {
  const { root, chat, append, texts } = makeChat();
  const settings = join(root.home, ".chat/settings.yaml");
  const log = () => root.read(`.dialtone/run/${KEY}.log`);
  const other = makeChat();
  try {
    // Wrong from the beginning: it waits.
    root.write(settings, "folder: [~/talks]\n");
    expect((await chat("start")).code).toBe(0);
    expect(log()).toContain(
      "folder: unknown setting; known: folders, include, onUpdate, onUpdateTimeout; nothing is watched",
    );
    root.write(settings, "folders: [~/talks]\n");
    await until("it watches", () => log().includes("transcripts in /"));
    root.write(settings, "folders: nowhere\n");
    await until("it is said", () => log().includes("folders: expected a list"));
    append("one.jsonl", said("one"));
    await until("those before hold", () => texts("one").length === 1);
    root.write(join(root.home, "more/two.jsonl"), said("two"));
    root.write(settings, "folders: [~/talks, ~/more]\n");
    await until("the new folder counts", () => texts("two").length === 1);
    // From another root, over the same store.
    const second = other.root.spawn(["chat", "monitor"], { env: { HOME: root.home } });
    await until(
      "it waits",
      () =>
        existsSync(join(other.root.run, `${KEY}.log`)) &&
        other.root.read(`.dialtone/run/${KEY}.log`).includes("waiting to take its place"),
    );
    await chat("stop");
    await until("it took its place", () => other.root.read(`.dialtone/run/${KEY}.log`).includes("ready: watching"));
    append("one.jsonl", said("three"));
    await until("and works", () => texts("one").length === 2);
    second.kill("SIGINT");
    await second.exited;
  } finally {
    await root.dt(["stop", "--all"]);
    await other.root.dt(["stop", "--all"]);
    await root.dispose();
    await other.root.dispose();
  }
}, 60_000);

describe.skipIf(missing !== null)("start at boot, by a real systemd user manager", () => {
  test("after a reboot the chat monitor runs, and has what came meanwhile", async () => {
    const { root, append, texts } = makeChat();
    const manager = await startManager(root);
    const dt = (...words: string[]) => root.dt(words, { env: manager.env });
    try {
      await dt("boot", "add");
      expect((await dt("daemon", "install")).code).toBe(0);
      await until("it runs", async () => (await psOf(root, KEY))?.state === "ready");
      const before = (await psOf(root, KEY))?.pid as number;
      append("one.jsonl", said("one"));
      await until("it works", () => texts("one").length === 1);
      await manager.reboot();
      expect(runs(before)).toBe(false);
      append("one.jsonl", said("two"));
      await until("it runs again", async () => {
        const now = await psOf(root, KEY);
        return now?.state === "ready" && now.pid !== before;
      });
      await until("and has it all", () => texts("one").length === 2);
    } finally {
      await dt("daemon", "uninstall");
      await root.dt(["stop", "--all"]);
      await stopManagers();
      await disposeWithDaemon(root);
    }
  }, 120_000);
});
