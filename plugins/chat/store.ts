/**
 * What is kept, in `~/.chat`: `conversations/<id>.json` with its sealed parts in `conversations/<id>/`, `index.json`, and a file in `pending/` for each
 * conversation whose `onUpdate` has yet to succeed. All is written whole, by renaming.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import type { Conversation, Message, Sealed } from "./conversation.ts";
import { makeTurns } from "./lock.ts";

export interface Entry extends Omit<Conversation, "messages" | "parts" | "reading" | "version"> {
  /** The file that has it all. */
  file: string;
  /** When that was written, in milliseconds since 1970: tells an entry that is behind. */
  writtenMs: number;
}

export interface Store {
  root: string;
  /** Runs while no other process writes. */
  turn<T>(work: () => T): T;
  read(id: string): Conversation | null;
  write(conversation: Conversation): void;
  seal(conversation: Conversation, part: Sealed): void;
  /** Keeps what there is under a name of its own; gives it. */
  archive(conversation: Conversation): string;
  /** Removes the parts of earlier generations that nothing refers to. */
  sweep(conversation: Conversation): void;
  /** All messages, those of the parts first. */
  messages(conversation: Conversation): Generator<Message>;
  index(): Map<string, Entry>;
  /** Brings the entries of these conversations up to date. */
  updateIndex(ids: Iterable<string>): void;
  /** Finds what an interrupted write left out of the index. */
  reconcile(): void;
  pending(): string[];
  setPending(id: string, is: boolean): void;
}

const ID = /^[A-Za-z0-9._-]+$/;

/** Of the same path always the same: its name, and a digest of the whole path. */
export function idOf(path: string): string {
  const name = basename(path, extname(path))
    .replace(/[^A-Za-z0-9_-]+/g, "-")
    .slice(0, 60);
  return `${name || "chat"}-${createHash("sha256").update(path).digest("hex").slice(0, 8)}`;
}

export function openStore(root: string): Store {
  const conversations = join(root, "conversations");
  const pending = join(root, "pending");
  for (const one of [conversations, pending]) mkdirSync(one, { recursive: true, mode: 0o700 });
  const fileOf = (id: string) => join(conversations, `${id}.json`);
  const indexFile = join(root, "index.json");
  const turn = makeTurns(join(root, "lock"));
  const partOf = ({ id, source }: Conversation, number: number) =>
    join(conversations, partsOf(id), `${source.generation}-${String(number).padStart(6, "0")}.json`);

  const store: Store = {
    root,
    turn,
    read(id) {
      if (!ID.test(id)) return null;
      const value = parse(fileOf(id));
      return isConversation(value) ? value : null;
    },
    write: (conversation) => writeWhole(fileOf(conversation.id), `${JSON.stringify(conversation, null, 1)}\n`),
    seal(conversation, { number, messages }) {
      const { id, source } = conversation;
      const text = JSON.stringify({ id, generation: source.generation, number, messages }, null, 1);
      writeWhole(partOf(conversation, number), `${text}\n`);
    },
    archive({ id, source }) {
      const kept = `${id}.${source.generation}`;
      const old = store.read(id);
      if (old !== null) store.write({ ...old, id: kept, source: { ...old.source, state: "rotated" } });
      return kept;
    },
    sweep({ id, source }) {
      for (const name of namesIn(join(conversations, id))) {
        const generation = Number.parseInt(name, 10);
        if (generation < source.generation && !existsSync(fileOf(`${id}.${generation}`)))
          rmSync(join(conversations, id, name), { force: true });
      }
    },
    *messages(conversation) {
      for (let number = 1; number <= conversation.parts.count; number++) {
        const part = parse(partOf(conversation, number)) as { messages: Message[] } | null;
        if (part === null)
          throw new Error(
            `${partOf(conversation, number)} is missing or broken; dt chat process --again ${conversation.source.path} makes it anew`,
          );
        yield* part.messages;
      }
      yield* conversation.messages;
    },
    index() {
      const value = parse(indexFile) as { conversations?: Entry[] } | null;
      return new Map((value?.conversations ?? []).map((one) => [one.id, one]));
    },
    updateIndex(ids) {
      turn(() => {
        const index = store.index();
        for (const id of ids) {
          const writtenMs = mtimeOf(fileOf(id));
          const conversation = store.read(id);
          if (conversation === null || writtenMs === null) index.delete(id);
          else index.set(id, entryOf(conversation, fileOf(id), writtenMs));
        }
        const sorted = [...index.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
        writeWhole(indexFile, `${JSON.stringify({ version: 1, conversations: sorted })}\n`);
      });
    },
    reconcile() {
      const index = store.index();
      const there = namesIn(conversations)
        .filter((name) => name.endsWith(".json"))
        .map((name) => name.slice(0, -5));
      const changed = there.filter((id) => index.get(id)?.writtenMs !== mtimeOf(fileOf(id)));
      const lost = [...index.keys()].filter((id) => !existsSync(fileOf(id)));
      if (changed.length + lost.length > 0 || !existsSync(indexFile)) store.updateIndex([...changed, ...lost]);
    },
    pending: () => namesIn(pending).filter((name) => ID.test(name)),
    setPending(id, is) {
      if (is) writeFileSync(join(pending, id), "");
      else rmSync(join(pending, id), { force: true });
    },
  };
  return store;
}

/** What was kept of an earlier generation has its parts where they were. */
function partsOf(id: string): string {
  return id.replace(/\.\d+$/, "");
}

function entryOf(
  { messages: _, parts: __, reading: ___, version: ____, ...rest }: Conversation,
  file: string,
  writtenMs: number,
): Entry {
  return { ...rest, file, writtenMs };
}

function isConversation(value: unknown): value is Conversation {
  const found = value as Partial<Conversation> | null;
  return (
    found?.version === 1 && Array.isArray(found.messages) && found.source !== undefined && found.reading !== undefined
  );
}

function parse(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return null; // not there, or cut off by a power failure: it is made anew
  }
}

function mtimeOf(file: string): number | null {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? null;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

/** Nobody sees half of it. */
function writeWhole(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.new`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
