/**
 * Updates a conversation from its transcript: reads what was added since, a portion at a time, and writes the
 * conversation together with the position reached. So a process killed in between loses nothing and repeats nothing.
 */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, readSync, type Stats } from "node:fs";
import { addLines, type Conversation, newConversation, note, type Sealed, type Source, skip } from "./conversation.ts";
import { idOf, type Store } from "./store.ts";
import { openTranscript } from "./transcripts.ts";

export interface Outcome {
  id: string;
  /** The id under which the previous conversation is kept. */
  kept: string | null;
  changed: boolean;
  /** There is more to read now. */
  more: boolean;
  /** The file may be half-written: look again when it has been quiet for a while. */
  unsettled: boolean;
  /** Notes for the user, as sentences. */
  notes: string[];
}

const PORTION = 512 * 1024;
const LONGEST_LINE = 16 * 1024 * 1024;
/** Up to this size all bytes read so far are compared; beyond it, only the first and the last ones. */
const COMPARED = 256 * 1024;
const ENDS = 4096;
const FIRST = 1024;
/** Up to this size a last line without an end counts as complete; if it grows later, everything is read again. */
const UNTERMINATED = 1024 * 1024;

export interface Manner {
  /** The file has been quiet for a while, so its content counts as complete. */
  settled: boolean;
  /** Reads the file as if nothing of it had been read. */
  again?: boolean;
  /** `onUpdate` must run if it changes; this is noted before the conversation is written, so it survives a kill. */
  pending?: boolean;
  /** The folders that must contain it; null, the default: the user named the file. */
  folders?: readonly string[] | null;
}

export function update(store: Store, { path, ...manner }: { path: string } & Manner): Outcome {
  const { settled, again = false, pending = false, folders = null } = manner;
  return store.turn(() => {
    const id = idOf(path);
    const before = store.read(id);
    let fd: number | null;
    try {
      fd = openTranscript(path, folders);
    } catch (error) {
      if ((error as { code?: string }).code !== "REFUSED") throw error;
      const { notes, ...rest } = gone({ store, id, pending }, before);
      return { ...rest, notes: [(error as Error).message, ...notes] };
    }
    if (fd === null) return gone({ store, id, pending }, before);
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

function gone(look: Pick<Look, "store" | "id" | "pending">, before: Conversation | null): Outcome {
  if (before === null || before.source.state === "gone") return outcome(look.id);
  commit(look, { ...before, source: { ...before.source, state: "gone" } });
  return outcome(look.id, { changed: true, notes: ["its file is gone; its messages stay"] });
}

/** Notes `onUpdate` first: after a kill in between it runs once too often, never too seldom. */
function commit({ store, id, pending }: Pick<Look, "store" | "id" | "pending">, conversation: Conversation): void {
  if (pending) store.setPending(id, true);
  store.write(conversation);
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
  const shrunk = before !== null && !look.again && isTruncated(fd, { stat, before, settled });
  if (shrunk) return truncated(look, { stat, before });
  const { conversation, kept, notes } = beginning(look, { stat, before });
  const { bytes: from, state } = conversation.source;
  const portion = readPortion(conversation, { fd, stat, settled, seal: (part) => store.seal(conversation, part) });
  conversation.source = {
    ...conversation.source,
    ...sourceOf(path, { stat, generation: conversation.source.generation }),
    bytes: portion.to,
    print: printOf(fd, portion.to),
    first: conversation.source.first ?? firstOf(fd, portion.to),
  };
  const isAsBefore = conversation === before && portion.to === from && state === "live" && portion.notes.length === 0;
  if (isAsBefore) return outcome(id, { unsettled: portion.unsettled });
  commit(look, conversation);
  store.sweep(conversation);
  const { more, unsettled } = portion;
  return outcome(id, { kept, changed: true, more, unsettled, notes: [...notes, ...portion.notes] });
}

/**
 * Whether the file is shorter than what was read of it. Until it has been quiet for a while, it may be in the middle of
 * being rewritten. An empty file has nothing to read.
 */
function isTruncated(
  fd: number,
  { stat, before, settled }: { stat: Stats; before: Conversation; settled: boolean },
): boolean {
  const isShorter = stat.size === 0 || (stat.size < before.source.bytes && !settled);
  return isShorter && !isContinued(fd, { stat, before });
}

function truncated(look: Look, { stat: { size }, before }: { stat: Stats; before: Conversation }): Outcome {
  const unsettled = size > 0;
  if (before.source.state === "truncated") return outcome(look.id, { unsettled });
  const what = `truncated from ${before.source.bytes} to ${size} bytes; its messages stay until it is complete again`;
  const conversation: Conversation = { ...before, source: { ...before.source, state: "truncated" } };
  note(conversation, what);
  commit(look, conversation);
  return outcome(look.id, { changed: true, unsettled, notes: [what] });
}

interface Beginning {
  conversation: Conversation;
  kept: string | null;
  notes: string[];
}

/**
 * The conversation to add the next portion to: the existing one, or a new one if the file is not the one that was read.
 */
function beginning(
  { store, id, path, fd, again }: Look,
  { stat, before }: { stat: Stats; before: Conversation | null },
): Beginning {
  if (before === null)
    return { conversation: newConversation(id, sourceOf(path, { stat, generation: 1 })), kept: null, notes: [] };
  if (!again && isContinued(fd, { stat, before })) return { conversation: before, kept: null, notes: [] };
  const conversation = newConversation(id, sourceOf(path, { stat, generation: before.source.generation + 1 }));
  if (!again && isOther(fd, { stat, before })) {
    const kept = store.archive(before);
    const what = `another transcript took its place; the previous one is kept as ${kept}`;
    note(conversation, what);
    return { conversation, kept, notes: [what] };
  }
  conversation.notes = before.notes;
  if (again) return { conversation, kept: null, notes: [] };
  const what = "the part already read has changed, so the file was read again";
  note(conversation, what);
  return { conversation, kept: null, notes: [what] };
}

function sourceOf(path: string, { stat, generation }: { stat: Stats; generation: number }): Source {
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

/** Whether everything that was read is still in the file, unchanged. */
function isContinued(
  fd: number,
  { stat, before: { source, reading } }: { stat: Stats; before: Conversation },
): boolean {
  if (stat.size < source.bytes || printOf(fd, source.bytes) !== source.print) return false;
  // An unfinished last line that was read as complete has grown.
  return (
    !reading.unterminated ||
    stat.size === source.bytes ||
    bytesOf(fd, { from: source.bytes, count: 2 })
      .toString("latin1")
      .match(/^\r?\n/) !== null
  );
}

/** Whether this is another transcript under the same name. Users edit the beginnings of their texts; agents do not. */
function isOther(
  fd: number,
  { stat, before: { format, source, counts } }: { stat: Stats; before: Conversation },
): boolean {
  const { first } = source;
  return (
    format === "jsonl" &&
    counts.messages > 0 &&
    first !== null &&
    (stat.size < first.bytes || digest(bytesOf(fd, { from: 0, count: first.bytes })) !== first.digest)
  );
}

function firstOf(fd: number, read: number): Source["first"] {
  const bytes = Math.min(read, FIRST);
  return bytes === 0 ? null : { bytes, digest: digest(bytesOf(fd, { from: 0, count: bytes })) };
}

function printOf(fd: number, to: number): string {
  return to <= COMPARED
    ? digest(bytesOf(fd, { from: 0, count: to }))
    : digest(bytesOf(fd, { from: 0, count: ENDS }), bytesOf(fd, { from: to - ENDS, count: ENDS }));
}

function digest(...chunks: Buffer[]): string {
  const hash = createHash("sha256");
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest("hex").slice(0, 32);
}

function bytesOf(fd: number, { from, count }: { from: number; count: number }): Buffer {
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
  /** The position reached, in bytes. */
  to: number;
  more: boolean;
  unsettled: boolean;
  notes: string[];
}

function readPortion(
  conversation: Conversation,
  { fd, stat: { size }, settled, seal }: { fd: number; stat: Stats; settled: boolean; seal: (part: Sealed) => void },
): Portion {
  const { reading, format } = conversation;
  const notes: string[] = [];
  let from = conversation.source.bytes;
  let data = bytesOf(fd, { from, count: Math.min(PORTION, size - from) });
  if (data.lastIndexOf(NEWLINE) < 0 && data.length === PORTION)
    data = bytesOf(fd, { from, count: Math.min(LONGEST_LINE, size - from) });
  const forward = (count: number) => {
    from += count;
    data = data.subarray(count);
  };
  // The end of a line that was read before its end was written.
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
    addLines(conversation, { lines: data.subarray(0, end).toString("utf8").split("\n").map(withoutReturn), seal });
    const skipped = conversation.counts.skipped - before;
    if (skipped > 0)
      notes.push(`${skipped} ${skipped === 1 ? "line was" : "lines were"} skipped: ${conversation.notes.at(-1)?.what}`);
    forward(end + 1);
  } else if (data.length >= LONGEST_LINE) {
    reading.skipping = true;
    skip(conversation, `a line of more than ${LONGEST_LINE / 1024 / 1024} MiB`);
    notes.push("a line that is too long was skipped");
    forward(data.length);
  }
  const more = from + data.length < size;
  const line = more ? "" : withoutReturn(data.toString("utf8"));
  if (line === "") return { to: from, more, unsettled: false, notes };
  const isWhole = format === "jsonl" ? isObject(line) : settled && from + data.length <= UNTERMINATED;
  if (!isWhole) return { to: from, more, unsettled: format !== "jsonl" && from + data.length <= UNTERMINATED, notes };
  addLines(conversation, { lines: [line], seal });
  reading.unterminated = true;
  return { to: from + data.length, more, unsettled: false, notes };
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

/** Whether a line is a complete JSON object: a proper prefix of one never is. */
function isObject(line: string): boolean {
  if (!line.trimEnd().endsWith("}")) return false;
  try {
    return typeof JSON.parse(line) === "object";
  } catch {
    return false;
  }
}
