/**
 * A conversation as stored in its file, and how lines of a transcript are added to it. The result does not depend on
 * how the lines were cut into portions, so a conversation that grew is equal to one that was read at once. Its size is
 * bounded: older messages go into sealed parts.
 */
import { type Heading, type Role, readJsonLine, readMarkdownHeading, readTextHeading, type Speech } from "./speech.ts";
import { addTerms, frequent } from "./terms.ts";

export type Format = "jsonl" | "markdown" | "text";

export interface Message {
  /** Counted from 1. */
  n: number;
  role: Role;
  name: string;
  at: string | null;
  text: string;
  tools?: string[];
  /** How many characters were left out at the end. */
  cut?: number;
}

export interface Conversation {
  version: 1;
  id: string;
  title: string;
  format: Format;
  source: Source;
  startedAt: string | null;
  updatedAt: string | null;
  participants: { name: string; messages: number }[];
  counts: { messages: number; lines: number; events: number; skipped: number; characters: number };
  terms: { term: string; count: number }[];
  notes: { line: number; what: string }[];
  /** Sealed parts with the earlier messages: `<id>/<generation>-<number>.json`, numbered from 1. */
  parts: { count: number; messages: number };
  messages: Message[];
  /** State that reading the next line needs. */
  reading: Reading;
}

export interface Source {
  path: string;
  state: "live" | "truncated" | "rotated" | "gone";
  /** Counts how often the file has started over, from 1. */
  generation: number;
  inode: number;
  size: number;
  modifiedAt: string;
  /** How many bytes of the file have been read. */
  bytes: number;
  /** Digest of those bytes, to detect changes. */
  print: string;
  /** Digest of the file's first bytes, and their number: distinguishes another transcript from an edited one. */
  first: { bytes: number; digest: string } | null;
}

interface Reading {
  counters: Record<string, number>;
  /** In Markdown and text: whether further lines belong to the last message. */
  open: boolean;
  blank: number;
  fenced: boolean;
  aider: boolean;
  /** The last line was read without its end. */
  unterminated: boolean;
  /** The position is inside a line that is too long. */
  skipping: boolean;
  titled: boolean;
}

export interface Sealed {
  number: number;
  messages: Message[];
}

const PART_CHARACTERS = 64 * 1024;
/** Estimated size of a message without its text. */
const MESSAGE_OVERHEAD = 100;
const MESSAGE_CHARACTERS = 256 * 1024;
const NOTES = 20;
/** How many tools of one message are kept, and how much of each name. */
const TOOLS = 100;
const TOOL_NAME = 80;
const PARTICIPANTS = 50;

export function formatOf(path: string): Format {
  return path.endsWith(".jsonl") || path.endsWith(".ndjson")
    ? "jsonl"
    : /\.(md|markdown)$/i.test(path)
      ? "markdown"
      : "text";
}

export function newConversation(id: string, source: Source): Conversation {
  return {
    version: 1,
    id,
    title: "",
    format: formatOf(source.path),
    source,
    startedAt: null,
    updatedAt: null,
    participants: [],
    counts: { messages: 0, lines: 0, events: 0, skipped: 0, characters: 0 },
    terms: [],
    notes: [],
    parts: { count: 0, messages: 0 },
    messages: [],
    reading: {
      counters: {},
      open: false,
      blank: 0,
      fenced: false,
      aider: false,
      unterminated: false,
      skipping: false,
      titled: false,
    },
  };
}

export function note(conversation: Conversation, what: string): void {
  conversation.notes = [...conversation.notes, { line: conversation.counts.lines, what }].slice(-NOTES);
}

/** Adds complete lines, without their line ends; `seal` gets each part that is full. */
export function addLines(
  conversation: Conversation,
  { lines, seal }: { lines: readonly string[]; seal: (part: Sealed) => void },
): void {
  for (const line of lines) {
    conversation.counts.lines++;
    if (conversation.format === "jsonl") addJson(conversation, { line, seal });
    else addBlockLine(conversation, { line, seal });
  }
  conversation.terms = frequent(conversation.reading.counters);
}

function addJson(conversation: Conversation, { line, seal }: { line: string; seal: (part: Sealed) => void }): void {
  if (line.trim() === "") return;
  const read = readJsonLine(line);
  if (read.is === "speech") for (const speech of read.speech) push(conversation, { speech, seal });
  else if (read.is === "title") {
    conversation.title = titleOf(read.title);
    conversation.reading.titled = true;
  } else if (read.is === "event") conversation.counts.events++;
  else skip(conversation, read.why);
}

export function skip(conversation: Conversation, why: string): void {
  conversation.counts.skipped++;
  note(conversation, `skipped: ${why}`);
}

function addBlockLine(
  conversation: Conversation,
  { line, seal }: { line: string; seal: (part: Sealed) => void },
): void {
  const { reading } = conversation;
  if (/^\s*(```|~~~)/.test(line)) reading.fenced = !reading.fenced;
  const heading = reading.fenced ? null : headingOf(conversation, line);
  if (heading !== null) {
    reading.blank = 0;
    reading.open = true;
    push(conversation, { speech: { ...heading, text: heading.rest, tools: [] }, seal });
    return;
  }
  if (line.trim() === "") {
    reading.blank++;
    return;
  }
  const last = conversation.messages.at(-1);
  const gap = reading.blank;
  reading.blank = 0;
  if (!reading.open || last === undefined)
    push(conversation, { speech: { role: "other", name: "unknown", at: null, text: line, tools: [] }, seal });
  else if (last.text.length + line.length > MESSAGE_CHARACTERS)
    push(conversation, { speech: { role: last.role, name: last.name, at: last.at, text: line, tools: [] }, seal });
  else {
    const more = last.text === "" ? line : `${"\n".repeat(gap + 1)}${line}`;
    last.text += more;
    conversation.counts.characters += more.length;
    countTerms(conversation, { role: last.role, text: line });
    setTitle(conversation, { role: last.role, text: last.text });
  }
  reading.open = true;
}

function headingOf({ format, reading }: Conversation, line: string): Heading | null {
  if (format === "text") return readTextHeading(line);
  const started = /^# aider chat started at (.+)$/.exec(line);
  if (started !== null) {
    reading.aider = true;
    return null;
  }
  if (reading.aider && line.startsWith("#### ")) return { role: "user", name: "user", at: null, rest: line.slice(5) };
  if (reading.aider && line.startsWith("> ")) return { role: "tool", name: "aider", at: null, rest: line.slice(2) };
  return readMarkdownHeading(line);
}

function push(conversation: Conversation, { speech, seal }: { speech: Speech; seal: (part: Sealed) => void }): void {
  const { messages, parts, counts } = conversation;
  if (messages.reduce((sum, message) => sum + sizeOf(message), 0) > PART_CHARACTERS) {
    parts.count++;
    parts.messages += messages.length;
    seal({ number: parts.count, messages });
    conversation.messages = [];
  }
  const { role, name, at } = speech;
  const tools = speech.tools.slice(0, TOOLS).map((tool) => tool.slice(0, TOOL_NAME));
  const text = speech.text.slice(0, MESSAGE_CHARACTERS);
  counts.messages++;
  counts.characters += text.length;
  conversation.messages.push({
    n: counts.messages,
    role,
    name,
    at,
    text,
    ...(tools.length > 0 ? { tools } : {}),
    ...(text.length < speech.text.length ? { cut: speech.text.length - text.length } : {}),
  });
  if (at !== null) {
    if (conversation.startedAt === null || at < conversation.startedAt) conversation.startedAt = at;
    if (conversation.updatedAt === null || at > conversation.updatedAt) conversation.updatedAt = at;
  }
  countParticipant(conversation, name);
  countTerms(conversation, { role, text });
  setTitle(conversation, { role, text });
}

function sizeOf({ text, tools = [] }: Message): number {
  return MESSAGE_OVERHEAD + text.length + tools.reduce((sum, { length }) => sum + length, 0);
}

function countParticipant({ participants }: Conversation, name: string): void {
  const called =
    participants.length < PARTICIPANTS || participants.some((one) => one.name === name) ? name : "(others)";
  const known = participants.find((one) => one.name === called);
  if (known === undefined) participants.push({ name: called, messages: 1 });
  else known.messages++;
}

/** Output of tools and system messages do not count as words of the conversation. */
function countTerms({ reading }: Conversation, { role, text }: { role: Role; text: string }): void {
  if (role !== "tool" && role !== "system") addTerms(reading.counters, text);
}

/** The title is the user's first message; until there is one, the first message of anyone. */
function setTitle(conversation: Conversation, { role, text }: { role: Role; text: string }): void {
  const { reading } = conversation;
  if (reading.titled || (role !== "user" && conversation.title !== "") || text.trim() === "") return;
  conversation.title = titleOf(text);
  reading.titled = role === "user";
}

function titleOf(text: string): string {
  const [line = ""] = text.trim().split("\n");
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
