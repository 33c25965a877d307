/**
 * The files in `~/.chat`: `conversations/<id>.json` with its sealed parts in `conversations/<id>/`, `index.json`, and a
 * file in `pending/` for each conversation whose `onUpdate` has yet to succeed. Each is written whole, by renaming.
 * Nothing is read or written through a link that leads out of the folder, and a file's content must agree with its
 * name.
 */
import { createHash } from "node:crypto";
import { mkdirSync, statSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { type Within, within } from "@dialtone/dt";
import type { Conversation, Message, Sealed } from "./conversation.ts";
import { makeTurns } from "./lock.ts";

export interface Entry extends Omit<Conversation, "messages" | "parts" | "reading" | "version"> {
  /** The file with the whole conversation. */
  file: string;
  /** When that file was written, in milliseconds since 1970; shows whether the entry is outdated. */
  writtenMs: number;
}

export interface Store {
  root: string;
  /** Access to the folder, and to nothing outside it. */
  folder: Within;
  /** Runs `work` while no other process writes. */
  turn<T>(work: () => T): T;
  read(id: string): Conversation | null;
  write(conversation: Conversation): void;
  seal(conversation: Conversation, part: Sealed): void;
  /** Keeps the stored conversation under another id, and returns that. */
  archive(conversation: Conversation): string;
  /** Removes the parts of earlier generations that nothing refers to. */
  sweep(conversation: Conversation): void;
  /** All messages, those of the sealed parts first. */
  messages(conversation: Conversation): Generator<Message>;
  index(): Map<string, Entry>;
  /** Updates the index entries of these conversations. */
  updateIndex(ids: Iterable<string>): void;
  /** Repairs the index after an interrupted write. */
  reconcile(): void;
  pending(): string[];
  setPending(id: string, is: boolean): void;
}

const ID = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;
/** Largest file that is read, in bytes; the index of a hundred thousand conversations is smaller. */
const LONGEST = 512 * 1024 * 1024;

/** The same path always gives the same id: its name, and a digest of the whole path. */
export function idOf(path: string): string {
  const name = basename(path, extname(path))
    .replace(/[^A-Za-z0-9_-]+/g, "-")
    .slice(0, 60);
  return `${name || "chat"}-${createHash("sha256").update(path).digest("hex").slice(0, 8)}`;
}

/** Throws if the folder belongs to another user, or if all users may write to it. */
export function openStore(root: string): Store {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  checkOwner(root);
  const folder = within(root);
  for (const one of ["conversations", "pending"]) makeDirectory(join(folder.folder, one));
  const fileOf = (id: string) => join("conversations", `${id}.json`);
  const indexFile = "index.json";
  const write = (path: string, text: string) =>
    folder.write(path, text, { mode: 0o600, directories: true, linked: true });
  const turn = makeTurns(folder, "lock");
  const partOf = ({ id, source }: Conversation, number: number) =>
    join("conversations", partsOf(id), `${source.generation}-${String(number).padStart(6, "0")}.json`);
  const mtimeOf = (path: string) => folder.stat(path)?.mtimeMs ?? null;
  const isThere = (path: string) => folder.stat(path) !== null;

  const store: Store = {
    root,
    folder,
    turn,
    read(id) {
      if (!ID.test(id)) return null;
      try {
        const value = parse(folder, fileOf(id));
        return isConversation(value, id) ? value : null;
      } catch {
        return null; // a link that leads out, or a pipe: the write reports it
      }
    },
    write: (conversation) => write(fileOf(conversation.id), `${JSON.stringify(conversation, null, 1)}\n`),
    seal(conversation, { number, messages }) {
      const { id, source } = conversation;
      const text = JSON.stringify({ id, generation: source.generation, number, messages }, null, 1);
      write(partOf(conversation, number), `${text}\n`);
    },
    archive({ id, source }) {
      const kept = `${id}.${source.generation}`;
      const old = store.read(id);
      if (old !== null) store.write({ ...old, id: kept, source: { ...old.source, state: "rotated" } });
      return kept;
    },
    sweep({ id, source }) {
      for (const name of folder.names(join("conversations", id))) {
        const generation = Number.parseInt(name, 10);
        if (generation < source.generation && !isThere(fileOf(`${id}.${generation}`)))
          folder.remove(join("conversations", id, name));
      }
    },
    *messages(conversation) {
      for (let number = 1; number <= conversation.parts.count; number++) {
        const part = parse(folder, partOf(conversation, number)) as { messages: Message[] } | null;
        if (part === null)
          throw new Error(
            `${join(root, partOf(conversation, number))} is missing or broken; dt chat process --again ${conversation.source.path} creates it again`,
          );
        yield* part.messages;
      }
      yield* conversation.messages;
    },
    index() {
      const value = parse(folder, indexFile) as { conversations?: Entry[] } | null;
      const entries = Array.isArray(value?.conversations) ? value.conversations.filter(isEntry) : [];
      return new Map(entries.map((one) => [one.id, one]));
    },
    updateIndex(ids) {
      turn(() => {
        const index = store.index();
        for (const id of ids) {
          const writtenMs = mtimeOf(fileOf(id));
          const conversation = store.read(id);
          if (conversation === null || writtenMs === null) index.delete(id);
          else index.set(id, entryOf(conversation, { file: join(root, fileOf(id)), writtenMs }));
        }
        const sorted = [...index.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
        write(indexFile, `${JSON.stringify({ version: 1, conversations: sorted })}\n`);
      });
    },
    reconcile() {
      const index = store.index();
      const there = folder
        .names("conversations")
        .filter((name) => name.endsWith(".json"))
        .map((name) => name.slice(0, -5));
      const changed = there.filter((id) => index.get(id)?.writtenMs !== mtimeOf(fileOf(id)));
      const lost = [...index.keys()].filter((id) => !isThere(fileOf(id)));
      if (changed.length + lost.length > 0 || !isThere(indexFile)) store.updateIndex([...changed, ...lost]);
    },
    pending: () => folder.names("pending").filter((name) => ID.test(name)),
    setPending(id, is) {
      const path = join("pending", id);
      if (!is) folder.remove(path);
      else if (folder.stat(path)?.isFile() !== true) write(path, "");
    },
  };
  return store;
}

/** A conversation kept from an earlier generation leaves its parts where they were. */
function partsOf(id: string): string {
  return id.replace(/\.\d+$/, "");
}

function entryOf(
  { messages: _, parts: __, reading: ___, version: ____, ...rest }: Conversation,
  { file, writtenMs }: { file: string; writtenMs: number },
): Entry {
  return { ...rest, file, writtenMs };
}

function isConversation(value: unknown, id: string): value is Conversation {
  const found = value as Partial<Conversation> | null;
  return (
    found?.version === 1 &&
    found.id === id &&
    Array.isArray(found.messages) &&
    Number.isSafeInteger(found.source?.generation) &&
    Number.isSafeInteger(found.source?.bytes) &&
    typeof found.source?.path === "string" &&
    Number.isSafeInteger(found.parts?.count) &&
    found.reading !== undefined
  );
}

/** Checks the fields that `list` and `search` use. */
function isEntry(value: unknown): value is Entry {
  const found = value as Partial<Entry> | null;
  return (
    typeof found?.id === "string" &&
    ID.test(found.id) &&
    typeof found.title === "string" &&
    typeof found.source?.path === "string" &&
    typeof found.source.modifiedAt === "string" &&
    typeof found.counts?.messages === "number"
  );
}

/** Throws if it is a link that leads out of the store, or not a regular file. */
function parse(folder: Within, path: string): unknown {
  try {
    return JSON.parse(folder.read(path, LONGEST) ?? "");
  } catch (error) {
    if ((error as { code?: string }).code === "REFUSED") throw error;
    return null; // missing, or truncated by a power failure: it is created again
  }
}

function checkOwner(root: string): void {
  const { uid, mode } = statSync(root);
  const own = process.geteuid?.();
  if (uid !== own) throw new Error(`${root} belongs to user ${uid}, but this runs as user ${own}: run it as that user`);
  if ((mode & 0o002) !== 0) throw new Error(`all users may write to ${root}; restrict it first: chmod 700 ${root}`);
}

/** An existing one is fine. An existing link is not followed here, and `within` refuses to go through it. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
  }
}
