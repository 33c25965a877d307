/** `dt chat …`. Text of transcripts is printed visibly: it can neither move the cursor nor pass for other text. */
import { existsSync, lstatSync, mkdirSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { visible, visibleJson, within } from "@dialtone/dt";
import type { Message } from "./conversation.ts";
import { monitor } from "./monitor.ts";
import { chatRoot, EXAMPLE, loadSettings, SETTINGS, settingsPath } from "./settings.ts";
import { type Entry, openStore, type Store } from "./store.ts";
import { findTranscripts } from "./transcripts.ts";
import { update } from "./update.ts";

const home = process.env.HOME || homedir();
const [verb = "", ...rest] = process.argv.slice(2);
const flags = new Map<string, string | true>();
const words: string[] = [];

class Usage extends Error {}

/** The flags of each verb; `value`: the flag needs a value. */
const FLAGS: Record<string, Record<string, "value" | "alone">> = {
  process: { again: "alone", json: "alone" },
  list: { json: "alone", all: "alone" },
  show: { json: "alone", last: "value" },
  search: { json: "alone", role: "value" },
};

function parse(): void {
  const known = FLAGS[verb] ?? {};
  for (let at = 0; at < rest.length; at++) {
    const word = rest[at] as string;
    if (!word.startsWith("--")) {
      words.push(word);
      continue;
    }
    const [name = "", value] = word.slice(2).split(/=(.*)/s);
    if (!Object.hasOwn(known, name)) throw new Usage(`dt chat ${verb} has no flag --${name}`);
    if (known[name] === "alone") flags.set(name, true);
    else {
      const given = value ?? rest[++at];
      if (given === undefined) throw new Usage(`--${name} needs a value`);
      flags.set(name, given);
    }
  }
}

const print = (value: unknown) =>
  console.log(typeof value === "string" ? visible(value, { lines: true }) : visibleJson(value));
const say = (text: string) => console.error(visible(text, { lines: true }));

function find(store: Store, word: string | undefined): Entry {
  if (word === undefined) throw new Usage(`dt chat ${verb} expects an ID; dt chat list shows them`);
  const index = store.index();
  const found =
    index.get(word) ??
    only(
      [...index.values()].filter(({ id }) => id.startsWith(word)),
      word,
    );
  return found;
}

function only(entries: Entry[], word: string): Entry {
  const [entry, other] = entries;
  if (entry === undefined) throw new Error(`no conversation ${word}; dt chat list shows them all`);
  if (other !== undefined)
    throw new Error(
      `${word} is ambiguous: ${entries
        .slice(0, 5)
        .map(({ id }) => id)
        .join(", ")}`,
    );
  return entry;
}

const newestFirst = (entries: Iterable<Entry>) => [...entries].sort((a, b) => (timeOf(a) < timeOf(b) ? 1 : -1));
const timeOf = ({ updatedAt, source }: Entry) => updatedAt ?? source.modifiedAt;

function describe({ n, name, at, text, tools }: Message): string {
  const called = tools === undefined ? "" : `  [${tools.join(", ")}]`;
  return `${visible(`#${n} ${name}${at === null ? "" : `  ${at}`}${called}`)}\n${text}\n`;
}

const VERBS: Record<string, () => number | Promise<number>> = {
  monitor: () => monitor(home, chatRoot(home)),
  init() {
    const file = settingsPath(home);
    mkdirSync(chatRoot(home), { recursive: true, mode: 0o700 });
    const folder = within(chatRoot(home));
    if (folder.stat(SETTINGS) !== null) print(`${file} already exists`);
    else {
      folder.write(SETTINGS, EXAMPLE);
      print(`created ${file}; set your folders there, then run dt chat start`);
    }
    return 0;
  },
  process() {
    const store = openStore(chatRoot(home));
    const settings = loadSettings(home);
    const named = words.map((word) => resolve(process.env.DIALTONE_CWD ?? process.cwd(), word));
    const missing = named.filter((path) => !existsSync(path));
    for (const path of missing) say(`${path} does not exist`);
    // A file reached through a link is the same file.
    const paths =
      words.length > 0
        ? [...new Set(named.filter(existsSync).map((path) => realpathSync(path)))].sort()
        : findTranscripts(settings);
    const folders = words.length > 0 ? null : settings.folders;
    const ids = new Set<string>();
    const done = { conversations: 0, changed: 0, failed: missing.length };
    for (const path of paths) {
      try {
        if (!lstatSync(path).isFile()) throw new Error("it is not a regular file");
        let changed = false;
        let again = flags.has("again");
        for (let more = true; more; again = false) {
          const outcome = update(store, {
            path,
            settled: true,
            again,
            folders,
            pending: settings.onUpdate !== null,
          });
          ({ more } = outcome);
          for (const note of outcome.notes) say(`${path}: ${note}`);
          if (outcome.changed) ids.add(outcome.id);
          if (outcome.kept !== null) ids.add(outcome.kept);
          changed ||= outcome.changed;
        }
        done.conversations++;
        if (changed) done.changed++;
      } catch (error) {
        done.failed++;
        say(`${path}: ${(error as Error).message}`);
      }
    }
    store.updateIndex(ids);
    store.reconcile();
    print(
      flags.has("json")
        ? done
        : `${done.conversations} transcripts read, ${done.changed} conversations changed${done.failed > 0 ? `, ${done.failed} could not be read` : ""}`,
    );
    return done.failed > 0 ? 1 : 0;
  },
  list() {
    const entries = newestFirst(openStore(chatRoot(home)).index().values()).filter(
      ({ counts }) => flags.has("all") || counts.messages > 0,
    );
    if (flags.has("json")) print(entries);
    else if (entries.length === 0)
      print("No conversations yet. Run dt chat init, then dt chat start or dt chat process.");
    else
      for (const entry of entries) {
        const { id, counts, source, title } = entry;
        const state = source.state === "live" ? "" : `  (${source.state})`;
        const at = timeOf(entry).slice(0, 16).replace("T", " ");
        print(visible(`${id}  ${counts.messages}  ${at}  ${title}${state}`));
      }
    return 0;
  },
  show() {
    const last = flags.get("last");
    if (last !== undefined && !/^\d+$/.test(String(last)))
      throw new Usage(`--last: expected a number, found ${JSON.stringify(last)}`);
    const store = openStore(chatRoot(home));
    const { id } = find(store, words[0]);
    const conversation = store.read(id);
    if (conversation === null) throw new Error(`${id} cannot be read; dt chat process creates it again`);
    const from = last === undefined ? 0 : conversation.counts.messages - Number(last);
    const wanted = function* () {
      for (const message of store.messages(conversation)) if (message.n > from) yield message;
    };
    if (flags.has("json")) {
      const { reading: _, parts: __, ...shown } = conversation;
      print({ ...shown, messages: [...wanted()] });
      return 0;
    }
    print(`${visible(conversation.title || id)}\n${visible(conversation.source.path)}\n`);
    for (const message of wanted()) print(describe(message));
    for (const { line, what } of conversation.notes) print(visible(`line ${line}: ${what}`));
    return 0;
  },
  search() {
    if (words.length === 0) throw new Usage("dt chat search expects at least one word: dt chat search WORD …");
    const store = openStore(chatRoot(home));
    const wanted = words.map((word) => word.toLowerCase());
    const role = flags.get("role");
    const found: { id: string; n: number; role: string; name: string; at: string | null; text: string }[] = [];
    let faults = 0;
    for (const { id } of newestFirst(store.index().values())) {
      const conversation = store.read(id);
      try {
        for (const message of conversation === null ? [] : store.messages(conversation)) {
          const text = message.text.toLowerCase();
          if ((role !== undefined && message.role !== role) || !wanted.every((word) => text.includes(word))) continue;
          const at = Math.max(0, text.indexOf(wanted[0] as string) - 60);
          const { n, name } = message;
          const snippet = message.text.slice(at, at + 200).replace(/\s+/g, " ");
          found.push({ id, n, role: message.role, name, at: message.at, text: snippet });
        }
      } catch (error) {
        faults++;
        say((error as Error).message);
      }
    }
    if (flags.has("json")) print(found);
    else for (const one of found) print(visible(`${one.id} #${one.n} ${one.name}: ${one.text}`));
    return found.length > 0 && faults === 0 ? 0 : 1;
  },
};

try {
  if (!Object.hasOwn(VERBS, verb)) throw new Usage(`known: ${Object.keys(VERBS).join(" ")}`);
  parse();
  process.exitCode = await VERBS[verb]?.();
} catch (error) {
  say((error as Error).message);
  process.exitCode = error instanceof Usage ? 2 : 1;
}
