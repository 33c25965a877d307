/**
 * The text of a sealed file: indented JSON whose last field is the mark. The MAC is over the same JSON without mark and
 * indentation. Both are taken out of the text without parsing it, in linear time: what a stranger nested deeply or made
 * large is refused before it is parsed. Only what the MAC is over is parsed then.
 */

const FIELD = "seal";
/** What stands before the mark; a string holds no line feed, and a field further inside is indented more. */
const BEFORE_MARK = `\n  "${FIELD}": `;
/** The longest mark: a path of a directory, and four short fields. */
export const LONGEST_MARK = 16 * 1024;

export interface SealedText {
  mark: unknown;
  /** What the MAC is over. */
  body: string;
}

const NONE: SealedText = { mark: null, body: "" };

export function joinSealed(value: object, mark: object): string {
  return `${JSON.stringify({ ...value, [FIELD]: mark }, null, 2)}\n`;
}

/** The mark is null where the text is not of this form. Of the end of a text, only the mark is right. */
export function splitSealed(text: string): SealedText {
  const at = text.lastIndexOf(BEFORE_MARK);
  if (at < 0 || text.length - at > LONGEST_MARK) return NONE;
  const fields = text.slice(0, text[at - 1] === "," ? at - 1 : at);
  try {
    const mark: unknown = JSON.parse(text.slice(at + BEFORE_MARK.length, text.lastIndexOf("}")));
    return { mark, body: `${compact(fields)}}` };
  } catch {
    return NONE;
  }
}

/**
 * The same out of JSON of any form, such as a tool that formats files leaves. The text is parsed, so it must be short,
 * and the body of one that nests deeply is "": writing it out takes long. Throws what `JSON.parse` throws.
 */
export function parseSealed(text: string): SealedText {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return NONE;
  const { [FIELD]: mark, ...value } = parsed as Record<string, unknown>;
  return { mark, body: isDeep(text) ? "" : JSON.stringify(value) };
}

/** Brackets within strings count too: what dt writes has few. */
function isDeep(text: string): boolean {
  let depth = 0;
  let deepest = 0;
  for (const char of text) {
    if (char === "[" || char === "{") deepest = Math.max(deepest, ++depth);
    else if (char === "]" || char === "}") depth--;
  }
  return deepest > DEEPEST;
}

const DEEPEST = 100;

/**
 * A line feed with the indentation after it, and the key that follows. The first alternative leaves the line feed where
 * a line begins with a string that has an escape in it: no pattern reads such a string in bounded memory.
 */
const LINE_BEGIN = /(\n)(?= *"[^"\\\n]*\\)|\n *(?:("[^"\\\n]*":) )?/g;

/** Indented JSON without its indentation, and without the space after each key. */
function compact(text: string): string {
  return text.replace(LINE_BEGIN, "$1$2").split("\n").map(compactLine).join("");
}

function compactLine(indented: string): string {
  const line = indented.trimStart();
  const colon = colonAfterKey(line);
  return colon < 0 ? line : line.slice(0, colon + 1) + line.slice(colon + 2);
}

/** The index of the colon after a key at the start of the line; -1 where there is no key. */
function colonAfterKey(line: string): number {
  if (line[0] !== '"') return -1;
  let end = 0;
  do end = line.indexOf('"', end + 1);
  while (isEscaped(line, end));
  return end > 0 && line.startsWith(": ", end + 1) ? end + 1 : -1;
}

function isEscaped(line: string, at: number): boolean {
  let from = at;
  while (line[from - 1] === "\\") from--;
  return (at - from) % 2 === 1;
}
