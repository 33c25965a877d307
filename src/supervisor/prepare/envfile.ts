/**
 * What a file of `NAME=value` lines sets, as Compose reads it, and dotenv where Compose says nothing:
 *
 *   NAME=value # comment     up to a `#` behind a blank; `a#b` and `#fff` are whole; blanks around the value go
 *   NAME="value"             `\n \r \t \a \b \f \v \\ \" \$` are escapes, may be several lines, nothing but a comment behind it
 *   NAME='value'             as it stands, but for `\'`; NAME=`value` as it stands; both may be several lines
 *   export NAME=value        the same; `NAME: value` too
 *
 * A line that is none of these, a name alone for one, sets nothing. Nothing is put in for a `$`: it stands for itself.
 */

import { textOf } from "../../sys/base/rawbytes.ts";

export interface EnvFile {
  values: Record<string, string>;
  /** What a person is to know of it, as phrases after the file's name; null: nothing. */
  note: string | null;
}

/** Why it is no such file, as a phrase after its name. */
export interface Unusable {
  fault: string;
}

const EXPECTED = "expected are lines like NAME=value";
const HEAD = /^[ \t]*(?:export[ \t]+)?(\w[\w.-]*)[ \t]*(?:=|:(?=\s|$))[ \t]*/;
const COMMENT_OR_END = /^[ \t]*(?:#.*)?$/;

export function readEnvFile(bytes: Uint8Array): EnvFile | Unusable {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    return { fault: "is UTF-16, and UTF-8 is expected" };
  if (bytes.includes(0)) return { fault: `is no text, but ${EXPECTED}` };
  // A byte that is no UTF-8 reaches the command as it is.
  const text = textOf(Buffer.from(bytes)).replace(/^\uFEFF/, "");
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
    const quoted = quote === undefined ? null : takeQuoted(quote, rest.slice(1), lines, at);
    if (quoted === "open") return { fault: `has a ${quote} in line ${at + 1} that nothing closes` };
    values[head[1] as string] = quoted === null ? plainValue(line, head[0].length) : quoted.value;
    at = quoted?.last ?? at;
  }
  const isEmpty = Object.keys(values).length === 0 && unknown !== undefined;
  return { values, note: isEmpty ? `sets nothing: ${EXPECTED}, and the first is ${JSON.stringify(unknown)}` : null };
}

/** Blanks before the `#` count though they are before the value: `NAME= # comment` is empty. */
function plainValue(line: string, begin: number): string {
  const comment = /[ \t]#/g;
  comment.lastIndex = Math.max(0, begin - 1);
  const end = comment.exec(line)?.index ?? line.length;
  return line.slice(begin, Math.max(begin, end)).trim();
}

/**
 * The quote that nothing but a comment follows closes it. Null: there are quotes in the first line, but none closes it, so that they are part of
 * the value. `open`: there is none at all.
 */
function takeQuoted(
  quote: string,
  begin: string,
  lines: readonly string[],
  first: number,
): { value: string; last: number } | "open" | null {
  const parts: string[] = [];
  for (let at = first; at < lines.length; at++) {
    const line = at === first ? begin : (lines[at] as string);
    const places = closingQuotes(quote, line);
    const ends = at === first ? places : places.slice(0, 1);
    const end = ends.find((place) => COMMENT_OR_END.test(line.slice(place + 1)));
    if (end !== undefined) return { value: unescaped(quote, [...parts, line.slice(0, end)].join("\n")), last: at };
    if (at === first && places.length > 0) return null;
    // A quote of a later line's own: the one that was begun before is not closed.
    if (places.length > 0) return "open";
    parts.push(line);
  }
  return "open";
}

/** Where a quote stands that no backslash takes its meaning from. */
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
