/**
 * From a transcript to its conversation: reads what was added since, a portion at a time, and writes the conversation with how far it is. So whoever is killed
 * between loses nothing and does nothing twice.
 */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, lstatSync, openSync, readSync, type Stats } from "node:fs";
import { addLines, type Conversation, newConversation, note, type Source, skip } from "./conversation.ts";
import { idOf, type Store } from "./store.ts";

export interface Outcome {
  id: string;
  /** Under this id what was there before is kept. */
  kept: string | null;
  changed: boolean;
  /** There is more to read now. */
  more: boolean;
  /** It may be half of something: look again when it was quiet for a while. */
  unsettled: boolean;
  /** What was noted, as sentences. */
  notes: string[];
}

const PORTION = 512 * 1024;
const LONGEST_LINE = 16 * 1024 * 1024;
/** Up to here all of what was read is compared, beyond it the first and the last of it. */
const COMPARED = 256 * 1024;
const ENDS = 4096;
const FIRST = 1024;
/** A last line without an end is taken as whole up to this size: should it go on, all is read anew. */
const UNTERMINATED = 1024 * 1024;

export interface Manner {
  /** It was quiet for a while, so what is there is meant. */
  settled: boolean;
  /** As if nothing of it had been read. */
  again?: boolean;
  /** `onUpdate` is to be run for what changes: noted before it is written, so that it outlives a kill. */
  pending?: boolean;
}

export function update(store: Store, path: string, { settled, again = false, pending = false }: Manner): Outcome {
  return store.turn(() => {
    const id = idOf(path);
    const before = store.read(id);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined || !stat.isFile()) return gone(store, id, before);
    const fd = openSync(path, "r");
    try {
      return read({ store, id, path, fd, settled, again, pending }, before);
    } finally {
      closeSync(fd);
    }
  });
}

function outcome(id: string, more: Partial<Outcome> = {}): Outcome {
  return { id, kept: null, changed: false, more: false, unsettled: false, notes: [], ...more };
}

function gone(store: Store, id: string, before: Conversation | null): Outcome {
  if (before === null || before.source.state === "gone") return outcome(id);
  store.write({ ...before, source: { ...before.source, state: "gone" } });
  return outcome(id, { changed: true, notes: ["its file is gone; what was read of it stays"] });
}

interface Look {
  store: Store;
  id: string;
  path: string;
  fd: number;
  settled: boolean;
  again: boolean;
  pending: boolean;
}

function read(look: Look, before: Conversation | null): Outcome {
  const { store, id, path, fd, settled } = look;
  const stat = fstatSync(fd);
  const notes: string[] = [];
  let kept: string | null = null;
  let conversation = before ?? newConversation(id, sourceOf(path, stat, 1));
  const fresh = () => {
    const next = newConversation(id, sourceOf(path, stat, conversation.source.generation + 1));
    next.notes = conversation.notes;
    return next;
  };
  const tell = (what: string) => {
    note(conversation, what);
    notes.push(what);
  };
  if (look.again && before !== null) conversation = fresh();
  else if (before !== null && !isContinued(fd, stat, before)) {
    const { bytes } = before.source;
    if (stat.size === 0 || (stat.size < bytes && !settled)) {
      if (before.source.state === "truncated") return outcome(id, { unsettled: stat.size > 0 });
      tell(`truncated from ${bytes} to ${stat.size} bytes; what was read of it stays until it is whole again`);
      conversation.source = { ...before.source, state: "truncated" };
      store.write(conversation);
      return outcome(id, { changed: true, unsettled: stat.size > 0, notes });
    }
    if (isOther(fd, stat, before)) {
      kept = store.archive(before);
      conversation = fresh();
      conversation.notes = [];
      tell(`another transcript took its place; the one before is kept as ${kept}`);
    } else {
      conversation = fresh();
      tell("what was read of it has changed, so it was read anew");
    }
  }
  const from = conversation.source.bytes;
  const state = conversation.source.state;
  const portion = readPortion(conversation, fd, stat, settled, (part) => store.seal(conversation, part));
  conversation.source = {
    ...conversation.source,
    ...sourceOf(path, stat, conversation.source.generation),
    bytes: portion.to,
    print: printOf(fd, portion.to),
    first: conversation.source.first ?? firstOf(fd, portion.to),
  };
  const wasSeen =
    before !== null && conversation === before && portion.to === from && state === "live" && portion.notes.length === 0;
  if (wasSeen) return outcome(id, { unsettled: portion.unsettled });
  if (look.pending) store.setPending(id, true);
  store.write(conversation);
  store.sweep(conversation);
  return outcome(id, {
    kept,
    changed: true,
    more: portion.more,
    unsettled: portion.unsettled,
    notes: [...notes, ...portion.notes],
  });
}

function sourceOf(path: string, stat: Stats, generation: number): Source {
  const modifiedAt = new Date(stat.mtimeMs).toISOString();
  return {
    path,
    state: "live",
    generation,
    inode: stat.ino,
    size: stat.size,
    modifiedAt,
    bytes: 0,
    print: "",
    first: null,
  };
}

/** Whether all that was read is still there as it was. */
function isContinued(fd: number, stat: Stats, { source, reading }: Conversation): boolean {
  if (stat.size < source.bytes || printOf(fd, source.bytes) !== source.print) return false;
  // What was taken for a last line went on.
  return (
    !reading.unterminated ||
    stat.size === source.bytes ||
    bytesOf(fd, source.bytes, 2)
      .toString("latin1")
      .match(/^\r?\n/) !== null
  );
}

/** Whether it is not the transcript that was, but another under its name. People edit the beginnings of their texts, agents do not. */
function isOther(fd: number, stat: Stats, { format, source, counts }: Conversation): boolean {
  const { first } = source;
  return (
    format === "jsonl" &&
    counts.messages > 0 &&
    first !== null &&
    (stat.size < first.bytes || digest(bytesOf(fd, 0, first.bytes)) !== first.digest)
  );
}

function firstOf(fd: number, read: number): Source["first"] {
  const bytes = Math.min(read, FIRST);
  return bytes === 0 ? null : { bytes, digest: digest(bytesOf(fd, 0, bytes)) };
}

function printOf(fd: number, to: number): string {
  return to <= COMPARED ? digest(bytesOf(fd, 0, to)) : digest(bytesOf(fd, 0, ENDS), bytesOf(fd, to - ENDS, ENDS));
}

function digest(...chunks: Buffer[]): string {
  const hash = createHash("sha256");
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest("hex").slice(0, 32);
}

function bytesOf(fd: number, from: number, count: number): Buffer {
  const buffer = Buffer.alloc(count);
  let read = 0;
  while (read < count) {
    const got = readSync(fd, buffer, read, count - read, from + read);
    if (got === 0) break;
    read += got;
  }
  return buffer.subarray(0, read);
}

const NEWLINE = 10;

interface Portion {
  /** How far it is read now. */
  to: number;
  more: boolean;
  unsettled: boolean;
  notes: string[];
}

function readPortion(
  conversation: Conversation,
  fd: number,
  { size }: Stats,
  settled: boolean,
  seal: Parameters<typeof addLines>[2],
): Portion {
  const { reading, format } = conversation;
  const notes: string[] = [];
  let from = conversation.source.bytes;
  let data = bytesOf(fd, from, Math.min(PORTION, size - from));
  if (data.lastIndexOf(NEWLINE) < 0 && data.length === PORTION)
    data = bytesOf(fd, from, Math.min(LONGEST_LINE, size - from));
  const forward = (count: number) => {
    from += count;
    data = data.subarray(count);
  };
  // The end of a line that was taken without it.
  if (reading.unterminated && data.length > 0) {
    forward(data[0] === NEWLINE ? 1 : 2);
    reading.unterminated = false;
  }
  if (reading.skipping) {
    const end = data.indexOf(NEWLINE);
    reading.skipping = end < 0;
    forward(end < 0 ? data.length : end + 1);
  }
  const end = data.lastIndexOf(NEWLINE);
  if (end >= 0) {
    const before = conversation.counts.skipped;
    addLines(conversation, data.subarray(0, end).toString("utf8").split("\n").map(withoutReturn), seal);
    const skipped = conversation.counts.skipped - before;
    if (skipped > 0)
      notes.push(`${skipped} ${skipped === 1 ? "line was" : "lines were"} skipped: ${conversation.notes.at(-1)?.what}`);
    forward(end + 1);
  } else if (data.length >= LONGEST_LINE) {
    reading.skipping = true;
    skip(conversation, `a line of more than ${LONGEST_LINE / 1024 / 1024} MiB`);
    notes.push("a line that is too long is skipped");
    forward(data.length);
  }
  const more = from + data.length < size;
  const line = more ? "" : withoutReturn(data.toString("utf8"));
  if (line === "") return { to: from, more, unsettled: false, notes };
  const isWhole = format === "jsonl" ? isObject(line) : settled && from + data.length <= UNTERMINATED;
  if (!isWhole) return { to: from, more, unsettled: format !== "jsonl" && from + data.length <= UNTERMINATED, notes };
  addLines(conversation, [line], seal);
  reading.unterminated = true;
  return { to: from + data.length, more, unsettled: false, notes };
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

/** No true beginning of an object is one. */
function isObject(line: string): boolean {
  if (!line.trimEnd().endsWith("}")) return false;
  try {
    return typeof JSON.parse(line) === "object";
  } catch {
    return false;
  }
}
