/**
 * Finds the speaker in lines of JSON, Markdown and plain text. A line may come from anyone and be 16 MiB long, so each
 * pattern here looks only at a beginning of bounded length, or goes over the text once.
 */

export type Role = "user" | "assistant" | "system" | "tool" | "other";

export interface Speech {
  role: Role;
  /** The speaker's name in the transcript. */
  name: string;
  /** ISO 8601 in UTC; null if the transcript gives no time. */
  at: string | null;
  text: string;
  /** The names of the called tools. */
  tools: string[];
}

const ROLES: Readonly<Record<string, Role>> = {
  user: "user",
  human: "user",
  you: "user",
  me: "user",
  prompt: "user",
  developer: "system",
  system: "system",
  assistant: "assistant",
  ai: "assistant",
  claude: "assistant",
  chatgpt: "assistant",
  gpt: "assistant",
  codex: "assistant",
  gemini: "assistant",
  copilot: "assistant",
  cursor: "assistant",
  agent: "assistant",
  bot: "assistant",
  model: "assistant",
  aider: "assistant",
  tool: "tool",
  function: "tool",
  tool_result: "tool",
  "tool result": "tool",
};

export function roleOf(name: string): Role {
  const key = name.toLowerCase();
  return Object.hasOwn(ROLES, key) ? (ROLES[key] as Role) : "other";
}

type Fields = Record<string, unknown>;
const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null);

export type JsonLine =
  | { is: "speech"; speech: Speech[] }
  /** A title given by the agent. */
  | { is: "title"; title: string }
  /** A line without speech. */
  | { is: "event" }
  | { is: "invalid"; why: string };

/** Reads a line in the form of Claude Code, Codex, Gemini or plain `{ role, content }`. */
export function readJsonLine(line: string): JsonLine {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { is: "invalid", why: "it is not JSON" };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { is: "invalid", why: "expected an object" };
  try {
    return readObject(value as Fields);
  } catch (error) {
    if (error instanceof RangeError) return { is: "invalid", why: "it is nested too deeply" };
    throw error;
  }
}

function readObject(outer: Fields): JsonLine {
  if (outer.type === "summary" && textOf(outer.summary) !== null)
    return { is: "title", title: outer.summary as string };
  const list = Array.isArray(outer.messages) ? outer.messages : [outer];
  const speech = list.flatMap((one) => speechOf(fieldsOf(one), timeOf(outer)));
  return speech.length > 0 ? { is: "speech", speech } : { is: "event" };
}

/** `payload` comes from Codex, `message` from Claude Code. */
function speechOf(outer: Fields, at: string | null): Speech[] {
  const inner = [outer.message, outer.payload].map(fieldsOf).find((one) => Object.keys(one).length > 0) ?? outer;
  const own = timeOf(inner) ?? timeOf(outer) ?? at;
  if (inner.type === "function_call" || inner.type === "custom_tool_call" || inner.type === "local_shell_call")
    return [
      { role: "assistant", name: "assistant", at: own, text: "", tools: [textOf(inner.name) ?? String(inner.type)] },
    ];
  if (inner.type === "function_call_output" || inner.type === "custom_tool_call_output")
    return [
      {
        role: "tool",
        name: "tool",
        at: own,
        text: textOf(inner.output) ?? JSON.stringify(inner.output ?? ""),
        tools: [],
      },
    ];
  const name = [inner.role, inner.author, inner.sender, inner.speaker, inner.from, outer.role]
    .map((one) => textOf(one) ?? textOf(fieldsOf(one).role) ?? textOf(fieldsOf(one).name))
    .find((one) => one !== null && one !== "");
  if (name === undefined || name === null) return [];
  const { text, tools, results } = contentOf(inner.content ?? inner.parts ?? inner.text ?? inner.message);
  if (text === null && tools.length === 0 && results === 0) return [];
  const isResult = results > 0 && roleOf(name) === "user";
  const called = textOf(inner.name);
  return [
    {
      role: isResult ? "tool" : roleOf(name),
      name: isResult
        ? "tool"
        : (roleOf(name) !== "other" && called !== null && called !== "" ? called : name).slice(0, 80),
      at: own,
      text: text ?? "",
      tools,
    },
  ];
}

/** The text of the blocks, the tools they call, and how many are results of calls; thoughts are left out. */
function contentOf(content: unknown): { text: string | null; tools: string[]; results: number } {
  if (typeof content === "string") return { text: content, tools: [], results: 0 };
  if (!Array.isArray(content)) return { text: textOf(fieldsOf(content).text), tools: [], results: 0 };
  const texts: string[] = [];
  const tools: string[] = [];
  let results = 0;
  for (const one of content) {
    const block = fieldsOf(one);
    if (typeof one === "string") texts.push(one);
    else if (block.type === "tool_use" || block.functionCall !== undefined)
      tools.push(textOf(block.name) ?? textOf(fieldsOf(block.functionCall).name) ?? "tool");
    else if (block.type === "tool_result") {
      results++;
      texts.push(contentOf(block.content).text ?? "");
    } else if (typeof block.text === "string") texts.push(block.text);
  }
  return { text: texts.length > 0 ? texts.join("\n") : null, tools, results };
}

function timeOf(fields: Fields): string | null {
  for (const name of ["timestamp", "created_at", "createdAt", "time", "at", "ts", "date"]) {
    const found = isoOf(fields[name]);
    if (found !== null) return found;
  }
  return null;
}

/** A number counts seconds or milliseconds since 1970. */
export function isoOf(value: unknown): string | null {
  if ((typeof value !== "string" || value.length > 64) && typeof value !== "number") return null;
  const number = typeof value === "number" ? value : /^\d{10}(\d{3})?(\.\d+)?$/.test(value) ? Number(value) : null;
  // A time without a zone is read as UTC, so it means the same on every machine.
  const text =
    typeof value === "string" && /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?$/.test(value)
      ? `${value.replace(" ", "T")}Z`
      : value;
  const date = new Date(number === null ? text : number < 1e11 ? number * 1000 : number);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

export interface Heading {
  role: Role;
  name: string;
  at: string | null;
  /** The rest of the line, which is already speech. */
  rest: string;
}

const NAMES = Object.keys(ROLES)
  .sort((a, b) => b.length - a.length)
  .map((one) => one.replace(" ", "[ _]"))
  .join("|");
/**
 * What may come before a name, the name, its time, and what may follow: each is matched once, where the previous one
 * ended.
 */
const OPENING = /(?:#{1,6}\s|_?\*\*)[^\p{L}\p{N}#*]*/uy;
const NAMED = new RegExp(`(?:${NAMES})`, "iuy");
const TIME = /\s*[([]([^)\]]{4,40})[)\]]/y;
const CLOSING = [/\s*:?/y, /\s*(?:\*\*_?)?/y, /\s*:?/y, /\s*/y];
/** The beginning of a turn in plain text, up to the colon; at most `BEGINNING` characters. */
const PLAIN =
  /^(?:\[([^\]]{4,40})\]\s{0,20}|(\d{4}-\d\d-\d\d[T ]\d\d:\d\d\S{0,20})\s{1,20})?(?:<([^>]{1,40})>|([\p{L}][\p{L}\p{N} ._-]{0,39}?)(?:\s{0,20}[([]([^)\]]{4,40})[)\]])?:)(?=\s|$)/u;
const BEGINNING = 200;
const NO_NAMES = new Set(
  "note warning error todo example http https file path usage see result output input summary".split(" "),
);

/** The heading of a turn in Markdown: `## User`, `**Assistant:** …`, `_**User (2026-01-01 10:00)**_`. */
export function readMarkdownHeading(line: string): Heading | null {
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(line);
    if (found !== null) at = pattern.lastIndex;
    return found;
  };
  if (take(OPENING) === null) return null;
  const name = take(NAMED)?.[0].toLowerCase();
  if (name === undefined) return null;
  const time = take(TIME)?.[1];
  for (const pattern of CLOSING) take(pattern);
  const rest = line.slice(at);
  // A heading that merely begins with such a word belongs to the text.
  if (line.startsWith("#") && rest !== "") return null;
  return { role: roleOf(name.replace("_", " ")), name, at: isoOf(time), rest };
}

/**
 * A turn in plain text: `Alice: …`, `[2026-01-01 10:00] Bob: …`, `User:`. A line without a time needs a role or a
 * capitalized name.
 */
export function readTextHeading(line: string): Heading | null {
  const found = PLAIN.exec(line.slice(0, BEGINNING));
  if (found === null) return null;
  const [beginning, bracketed, bare, angled, plain, after] = found;
  const name = (angled ?? plain ?? "").trim();
  const at = isoOf(bracketed ?? bare ?? after);
  const role = roleOf(name);
  const isName =
    /^\p{Lu}[\p{L}\p{N}._-]*(?: \p{Lu}[\p{L}\p{N}._-]*){0,2}$/u.test(name) && !NO_NAMES.has(name.toLowerCase());
  if (role === "other" && at === null && !isName && angled === undefined) return null;
  return {
    role,
    name: role === "other" ? name : name.toLowerCase(),
    at,
    rest: line.slice(beginning.length).trimStart(),
  };
}
