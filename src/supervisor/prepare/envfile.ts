/**
 * What a file of `NAME=value` lines sets: as Compose reads it, and as dotenv does where Compose defines nothing.
 *
 *   NAME=value # comment     up to a `#` after a blank; `a#b` and `#fff` are whole; blanks around the value are dropped
 *   NAME="value"             `\n \r \t \a \b \f \v \\ \" \$` are escapes; may span lines; only a comment may follow
 *   NAME='value'             literal, except for `\'`; NAME=`value` is literal; both may span lines
 *   export NAME=value        the same; so is `NAME: value`
 *
 * Any other line, a bare name for example, sets nothing. A `$` stands for itself: there is no interpolation.
 */
import { rawText } from "../../sys/base/rawbytes.ts";

export interface EnvFile {
  values: Record<string, string>;
  /** Something that the user should know about the file, as a phrase after its name; null: nothing. */
  note: string | null;
}

/** Why the file is unusable, as a phrase after its name. */
export interface Unusable {
  fault: string;
}

const EXPECTED = "expected lines like NAME=value";
const HEAD = /^[ \t]*(?:export[ \t]+)?(\w[\w.-]*)[ \t]*(?:=|:(?=\s|$))[ \t]*/;
const COMMENT_OR_END = /^[ \t]*(?:#.*)?$/;

export function readEnvFile(bytes: Uint8Array): EnvFile | Unusable {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    return { fault: "is UTF-16, expected UTF-8" };
  if (bytes.includes(0)) return { fault: `is not text, ${EXPECTED}` };
  // Bytes that are not UTF-8 reach the command unchanged.
  const text = rawText(Buffer.from(bytes)).replace(/^\uFEFF/, "");
  return parseLines(text.split(/\r\n?|\n/));
}

function parseLines(lines: readonly string[]): EnvFile | Unusable {
  const values: Record<string, string> = {};
  let unknown: string | undefined;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string;
    const head = HEAD.exec(line);
    if (head === null) {
      if (!COMMENT_OR_END.test(line)) unknown ??= line.trim();
      continue;
    }
    const rest = line.slice(head[0].length);
    const quote = /^["'`]/.exec(rest)?.[0];
    const quoted = quote === undefined ? null : takeQuoted(quote, { begin: rest.slice(1), lines, first: at });
    if (quoted === "open") return { fault: `has a ${quote} in line ${at + 1} that is never closed` };
    values[head[1] as string] = quoted === null ? plainValue(line, head[0].length) : quoted.value;
    at = quoted?.last ?? at;
  }
  const isEmpty = Object.keys(values).length === 0 && unknown !== undefined;
  return { values, note: isEmpty ? `sets nothing: ${EXPECTED}, the first is ${JSON.stringify(unknown)}` : null };
}

/** Blanks before the `#` count even directly after the `=`: `NAME= # comment` is empty. */
function plainValue(line: string, begin: number): string {
  const comment = /[ \t]#/g;
  comment.lastIndex = Math.max(0, begin - 1);
  const end = comment.exec(line)?.index ?? line.length;
  return line.slice(begin, Math.max(begin, end)).trim();
}

/**
 * The closing quote is the one that nothing but a comment follows. Null: the first line has further quotes but none of
 * them closes, so they are part of the value. `open`: there is no closing quote.
 */
function takeQuoted(
  quote: string,
  { begin, lines, first }: { begin: string; lines: readonly string[]; first: number },
): { value: string; last: number } | "open" | null {
  const parts: string[] = [];
  for (let at = first; at < lines.length; at++) {
    const line = at === first ? begin : (lines[at] as string);
    const places = closingQuotes(quote, line);
    const ends = at === first ? places : places.slice(0, 1);
    const end = ends.find((place) => COMMENT_OR_END.test(line.slice(place + 1)));
    if (end !== undefined) return { value: unescaped(quote, [...parts, line.slice(0, end)].join("\n")), last: at };
    if (at === first && places.length > 0) return null;
    // The quote belongs to this later line, so the earlier one is not closed.
    if (places.length > 0) return "open";
    parts.push(line);
  }
  return "open";
}

/** The positions of quotes that no backslash escapes. */
function closingQuotes(quote: string, line: string): number[] {
  const places: number[] = [];
  for (let at = 0; at < line.length; at++) {
    if (line[at] === "\\" && quote !== "`") at++;
    else if (line[at] === quote) places.push(at);
  }
  return places;
}

const ESCAPES: Record<string, string> = {
  n: "\n",
  r: "\r",
  t: "\t",
  a: "\x07",
  b: "\b",
  f: "\f",
  v: "\v",
  "\\": "\\",
  '"': '"',
  $: "$",
};

function unescaped(quote: string, text: string): string {
  if (quote === "`") return text;
  if (quote === "'") return text.replaceAll("\\'", "'");
  return text.replace(/\\(.)/g, (whole, letter: string) => ESCAPES[letter] ?? whole);
}
