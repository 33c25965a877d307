/**
 * Finds the position of a field in a manifest that is code: key by key in the object literal after `export default`, in
 * `definePlugin(…)` or in the variable named there. A value that is computed, spread or made by a function has no
 * position of its own: the result is then null, and the caller falls back to the nearest field written out.
 */
import type { Position } from "./parse.ts";

type Path = readonly (string | number)[];

/**
 * Returns a function that gives the position of a path's last part: its key, or the list element; null if it is not
 * written out.
 */
export function locatorOf(source: string): (path: Path) => Position | null {
  const plain = maskSource(source);
  const start = startOf(plain);
  return (path) => {
    let at = start;
    let found: number | null = null;
    for (const part of path) {
      if (at === null) return null;
      const entry: Entry | undefined = entriesAt(source, { plain, open: at }).find((one) => one.name === part);
      if (entry === undefined) return null;
      found = entry.at;
      at = entry.value;
    }
    return found === null ? null : positionOf(source, found);
  };
}

function positionOf(source: string, offset: number): Position {
  const before = source.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}

const LITERAL = String.raw`(?:definePlugin\s*\(\s*)?\{`;

/** The offset of the plugin's `{`. */
function startOf(plain: string): number | null {
  const direct = new RegExp(String.raw`(?:\bexport\s+default|\bmodule\.exports\s*=)\s*${LITERAL}`).exec(plain);
  if (direct !== null) return direct.index + direct[0].length - 1;
  const name = /(?:\bexport\s+default|\bmodule\.exports\s*=)\s*([A-Za-z_$][\w$]*)\s*(?:;|$|\n)/.exec(plain)?.[1];
  if (name === undefined) return null;
  const named = new RegExp(String.raw`\b(?:const|let|var)\s+${RegExp.escape(name)}\b[^={;]*=\s*${LITERAL}`).exec(plain);
  return named === null ? null : named.index + named[0].length - 1;
}

interface Entry {
  name: string | number;
  at: number;
  /** The offset of the `{` or `[` that begins its value; null for any other value. */
  value: number | null;
}

/**
 * The entries of the object or list that begins at the offset. The last of a name comes first, since it wins at run
 * time.
 */
function entriesAt(source: string, { plain, open }: { plain: string; open: number }): Entry[] {
  const isList = plain[open] === "[";
  const entries: Entry[] = [];
  for (const [index, [from, to]] of partsOf(plain, open).entries()) {
    const at = from + (/^\s*/.exec(plain.slice(from, to))?.[0].length ?? 0);
    if (at >= to) continue;
    if (isList) entries.push({ name: index, at, value: literalAt(plain, at) });
    else {
      const key = /^(?:async\s+)?(?:([A-Za-z_$][\w$]*)|(["'])(.*?)\2)\s*([:(]|$)/s.exec(plain.slice(at, to));
      if (key === null) continue;
      const [whole, word, quote, , mark] = key;
      const name =
        word ?? (quote === undefined ? "" : source.slice(at + whole.indexOf(quote) + 1, at + whole.lastIndexOf(quote)));
      entries.unshift({ name, at, value: mark === ":" ? literalAt(plain, at + whole.length) : null });
    }
  }
  return entries;
}

function literalAt(plain: string, offset: number): number | null {
  const at = offset + (/^\s*/.exec(plain.slice(offset))?.[0].length ?? 0);
  return plain[at] === "{" || plain[at] === "[" ? at : null;
}

/** The ranges between the commas of an object or list. */
function partsOf(plain: string, open: number): [number, number][] {
  const parts: [number, number][] = [];
  let from = open + 1;
  let depth = 0;
  for (let at = open; at < plain.length; at++) {
    const char = plain[at] as string;
    if ("{[(".includes(char)) depth++;
    else if ("}])".includes(char)) {
      depth--;
      if (depth === 0) return [...parts, [from, at]];
    } else if (char === "," && depth === 1) {
      parts.push([from, at]);
      from = at + 1;
    }
  }
  return parts;
}

/**
 * The same text with comments and the content of strings and patterns blanked out; every character keeps its offset.
 */
function maskSource(source: string): string {
  const blank = (text: string) => text.replace(/[^\n]/g, " ");
  let plain = "";
  for (let at = 0; at < source.length; ) {
    const rest = source.slice(at);
    const comment = /^(?:\/\/[^\n]*|\/\*[\s\S]*?\*\/)/.exec(rest)?.[0];
    const quoted = comment === undefined ? /^(["'])(?:\\[\s\S]|(?!\1)[^\\\n])*\1/.exec(rest)?.[0] : undefined;
    const template = source[at] === "`" ? templateAt(source, at) : undefined;
    const pattern =
      comment === undefined && source[at] === "/" && /(?:^|[(,=:[!&|?{};+*%~^<>-])\s*$/.test(plain.slice(-80))
        ? /^\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+\//.exec(rest)?.[0]
        : undefined;
    if (comment !== undefined) plain += blank(comment);
    else if (quoted !== undefined) plain += `${quoted[0]}${blank(quoted.slice(1, -1))}${quoted[0]}`;
    else if (template !== undefined) plain += `\`${blank(template.slice(1, -1))}\``;
    else plain += pattern === undefined ? source[at] : blank(pattern);
    at += (comment ?? quoted ?? template ?? pattern)?.length ?? 1;
  }
  return plain;
}

function templateAt(source: string, open: number): string {
  let depth = 0;
  for (let at = open + 1; at < source.length; at++) {
    if (source[at] === "\\") at++;
    else if (source.startsWith("${", at)) {
      depth++;
      at++;
    } else if (source[at] === "}" && depth > 0) depth--;
    else if (source[at] === "`") {
      if (depth === 0) return source.slice(open, at + 1);
      at += templateAt(source, at).length - 1;
    }
  }
  return source.slice(open);
}
