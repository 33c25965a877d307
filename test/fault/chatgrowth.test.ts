/**
 * Many transcripts that grow at once, in pieces that end anywhere, the monitor killed now and then: in the end each
 * conversation is what a rebuild from nothing makes of it. CI takes few, the soak a thousand (DT_CHAT_TRANSCRIPTS), and
 * half a gigabyte for one (DT_CHAT_MEGABYTES).
 */
import { expect, test } from "bun:test";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { KEY, makeChat } from "../e2e/kit/chat.ts";
import { psOf } from "../e2e/kit/launch.ts";
import { until } from "../kit.ts";
import { tellNumbers } from "./numbers.ts";

const TRANSCRIPTS = Number(process.env.DT_CHAT_TRANSCRIPTS ?? 60);
const PIECES = Number(process.env.DT_CHAT_PIECES ?? 40);
/** Each waits twice as long as the one before until it is started again. */
const MOST_KILLS = 4;
const MEGABYTES = Number(process.env.DT_CHAT_MEGABYTES ?? 20);

type Kept = { id: string; source: { path: string; bytes: number }; parts: { count: number } } & Record<string, unknown>;

/** By id, without what tells how it came to be. */
function kept(home: string): Map<string, unknown> {
  const directory = join(home, ".chat/conversations");
  const all = new Map<string, unknown>();
  for (const name of readdirSync(directory).filter((one) => one.endsWith(".json"))) {
    const value = JSON.parse(readFileSync(join(directory, name), "utf8")) as Kept;
    const parts = Array.from({ length: value.parts.count }, (_, at) => {
      const file = readdirSync(join(directory, value.id)).find((one) =>
        one.endsWith(`-${String(at + 1).padStart(6, "0")}.json`),
      );
      return (JSON.parse(readFileSync(join(directory, value.id, file as string), "utf8")) as { messages: unknown })
        .messages;
    });
    all.set(value.id, { ...value, source: { path: value.source.path, bytes: value.source.bytes }, notes: null, parts });
  }
  return all;
}

const memory = (pid: number) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

test(`${TRANSCRIPTS} transcripts grow at once: nothing is missed, memory is flat`, async () => {
  const chat = makeChat();
  const { root } = chat;
  let state = 7;
  const random = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
  const speak = (format: number, at: number) => {
    const text = `message ${at} ${"some words of it ".repeat(random(60))}`;
    const role = at % 2 === 0 ? "user" : "assistant";
    if (format === 0)
      return `${JSON.stringify({ type: role, message: { role, content: text }, timestamp: 1767323045 + at })}\n`;
    return format === 1 ? `## ${role}\n\n${text}\n\n` : `${role}: ${text}\n`;
  };
  const extension = ["jsonl", "md", "txt"];
  const pathOf = (at: number) => chat.path(join(`folder${at % 20}`, `t${at}.${extension[at % 3]}`));
  try {
    for (let at = 0; at < 20; at++) mkdirSync(chat.path(`folder${at}`));
    await chat.chat("start");
    const rest = Array.from({ length: TRANSCRIPTS }, () => "");
    let kills = 0;
    let before = 0;
    let bytes = 0;
    for (let piece = 0; piece < PIECES; piece++) {
      for (let at = 0; at < TRANSCRIPTS; at++) {
        const text = rest[at] + speak(at % 3, piece);
        // All of the last piece, of the others up to anywhere.
        const end = piece === PIECES - 1 ? text.length : random(text.length + 1);
        appendFileSync(pathOf(at), text.slice(0, end));
        rest[at] = text.slice(end);
        bytes += end;
      }
      await Bun.sleep(10);
      // A killed monitor started again, so its memory is measured after the last kill.
      if (piece === Math.floor(PIECES / 2) + 3) before = memory((await psOf(root, KEY))?.pid as number);
      if (piece % 15 !== 14 || piece > PIECES / 2 || kills === MOST_KILLS) continue;
      const pid = (await psOf(root, KEY))?.pid as number;
      process.kill(pid, "SIGKILL");
      kills++;
      await until(
        "it is back",
        async () => {
          const now = await psOf(root, KEY);
          return now?.state === "ready" && now.pid !== pid;
        },
        30_000,
      );
    }
    await until(
      "all of it is read",
      () => {
        const read = new Map(
          [...kept(root.home).values()].map((one) => [(one as Kept).source.path, (one as Kept).source.bytes]),
        );
        return Array.from({ length: TRANSCRIPTS }, (_, at) => pathOf(at)).every(
          (path) => read.get(path) === statSync(path).size,
        );
      },
      120_000,
    );
    const after = memory((await psOf(root, KEY))?.pid as number);
    const other = join(root.base, "other");
    root.write(join(other, ".chat/settings.yaml"), `folders: [${chat.path("")}]\n`);
    expect(await root.dt(["chat", "process"], { env: { HOME: other }, timeoutMs: 300_000 })).toMatchObject({ code: 0 });
    const [mine, anew] = [kept(root.home), kept(other)];
    expect([...mine.keys()].sort()).toEqual([...anew.keys()].sort());
    for (const [id, conversation] of anew) expect(mine.get(id)).toEqual(conversation);
    await until(
      "the index has them all",
      async () => JSON.parse((await chat.chat("list", "--json")).stdout).length === TRANSCRIPTS,
    );
    tellNumbers(
      `chat: ${TRANSCRIPTS} transcripts grew at once by ${PIECES} pieces each (${Math.round(bytes / 1e6)} MB), the monitor killed ${kills} times: each equals a rebuild; memory ${Math.round(before)} MB before, ${Math.round(after)} MB after`,
    );
    expect(after - before).toBeLessThan(80);
  } finally {
    await root.dt(["stop", "--all"]);
    await root.dispose();
  }
}, 1_200_000);

test(`a transcript of ${MEGABYTES} MB that grows by a line costs a line`, async () => {
  const chat = makeChat();
  const { root } = chat;
  const line = `${JSON.stringify({ role: "user", content: "some words of it ".repeat(60) })}\n`;
  const path = chat.path("long.jsonl");
  const block = line.repeat(1000);
  for (let written = 0; written < MEGABYTES * 1e6; written += block.length) appendFileSync(path, block);
  const isRead = () =>
    (chat.read("long")?.source as unknown as { bytes: number } | undefined)?.bytes === statSync(path).size;
  try {
    await chat.chat("start");
    await until("it is read", isRead, 300_000);
    const pid = (await psOf(root, KEY))?.pid as number;
    const moved = () => {
      const io = readFileSync(`/proc/${pid}/io`, "utf8");
      return Number(/rchar: (\d+)/.exec(io)?.[1]) + Number(/wchar: (\d+)/.exec(io)?.[1]);
    };
    const before = moved();
    for (let at = 0; at < 10; at++) {
      appendFileSync(path, line);
      await until("the line is there", isRead);
    }
    const each = (moved() - before) / 10;
    tellNumbers(
      `chat: a line added to a transcript of ${MEGABYTES} MB costs ${Math.round(each / 1024)} KiB of reads and writes in total`,
    );
    expect(each).toBeLessThan(1_500_000);
    expect(memory(pid)).toBeLessThan(300);
  } finally {
    await root.dt(["stop", "--all"]);
    await root.dispose();
  }
}, 600_000);
