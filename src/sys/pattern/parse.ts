/**
 * Reads the source of a regular expression without the flags `u` and `v`, as ECMAScript 2025 defines it, Annex B
 * included. The engine's own RegExp has accepted the source before, so this file reports no syntax errors.
 */
import type { Flags, Node, ParsedPattern, Units } from "./types.ts";
import { DIGITS, invert, LAST_UNIT, LINE_ENDS, makeFold, SPACES, unite, WORDS } from "./units.ts";

const BACKSLASH = 0x5c;
const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13 };
const CLASSES: Readonly<Record<string, Units>> = {
  d: DIGITS,
  D: invert(DIGITS),
  w: WORDS,
  W: invert(WORDS),
  s: SPACES,
  S: invert(SPACES),
};

const exactly = (unit: number): Units => [unit, unit];

export function parsePattern(source: string, given: Flags): ParsedPattern {
  const names = groupNames(source);
  const fold = makeFold();
  let at = 0;
  let group = 0;
  let flags = given;
  let regular = true;

  const take = (text: string): boolean => {
    if (!source.startsWith(text, at)) return false;
    at += text.length;
    return true;
  };
  /** `pattern` is sticky. */
  const taken = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(source);
    if (found !== null) at = pattern.lastIndex;
    return found;
  };
  const ofUnits = (units: Units): Node => ({ is: "units", units: flags.anyCase ? fold(units) : units });

  function choice(): Node {
    const parts = [sequence()];
    while (take("|")) parts.push(sequence());
    return parts.length === 1 ? (parts[0] as Node) : { is: "choice", parts };
  }

  function sequence(): Node {
    const parts: Node[] = [];
    while (at < source.length && source[at] !== "|" && source[at] !== ")") {
      const before = group;
      const body = atom();
      const repeat = taken(/([*+?]|\{(\d+)(,?)(\d*)\})(\??)/y);
      parts.push(repeat === null ? body : repeated(body, { repeat, before }));
    }
    return { is: "sequence", parts };
  }

  function repeated(
    body: Node,
    { repeat: [, sign, least, comma, most, lazy], before }: { repeat: RegExpExecArray; before: number },
  ): Node {
    const min = sign === "+" ? 1 : least === undefined ? 0 : Number(least);
    const unbounded = sign === "*" || sign === "+" || (comma === "," && most === "");
    const max = unbounded ? Number.POSITIVE_INFINITY : sign === "?" ? 1 : Number(most || least);
    const groups = Array.from({ length: group - before }, (_, index) => before + index + 1);
    return { is: "repeat", body, min, max, greedy: lazy === "", groups };
  }

  function atom(): Node {
    if (take("^")) return { is: "edge", end: false, lines: flags.lines };
    if (take("$")) return { is: "edge", end: true, lines: flags.lines };
    if (take("(")) return grouped();
    if (take(".")) return ofUnits(flags.dotAll ? [0, LAST_UNIT] : invert(LINE_ENDS));
    if (take("[")) return bracketed();
    if (take("\\")) return escaped();
    return ofUnits(exactly(source.charCodeAt(at++)));
  }

  function grouped(): Node {
    const outer = flags;
    const look = taken(/\?(<?)([=!])/y);
    const modifiers = look === null ? taken(/\?([ims]*)(?:-([ims]*))?:/y) : null;
    if (modifiers !== null) flags = modified(flags, modifiers);
    const index = look === null && modifiers === null ? ++group : 0;
    if (index > 0) taken(/\?<[^>]*>/y);
    const body = choice();
    at++;
    flags = outer;
    if (look !== null) {
      regular = false;
      return { is: "look", behind: look[1] === "<", negate: look[2] === "!", body };
    }
    return index > 0 ? { is: "group", index, body } : body;
  }

  function escaped(): Node {
    if (take("b")) return { is: "word", negate: false };
    if (take("B")) return { is: "word", negate: true };
    const name = names.size > 0 ? taken(/k<([^>]*)>/y)?.[1] : undefined;
    if (name !== undefined) return same(names.get(name) ?? []);
    const number = /[1-9]\d*/y;
    number.lastIndex = at;
    const index = Number(number.exec(source)?.[0] ?? 0);
    if (index === 0 || index > names.count) return ofUnits(unitsOfEscape(false));
    at = number.lastIndex;
    return same([index]);
  }

  function same(indexes: readonly number[]): Node {
    regular = false;
    return { is: "same", indexes, anyCase: flags.anyCase };
  }

  /** What an escape stands for, after its backslash. */
  function unitsOfEscape(inClass: boolean): Units {
    const known = CLASSES[source[at] as string];
    if (known !== undefined) {
      at++;
      return known;
    }
    const control = taken(inClass ? /c([A-Za-z0-9_])/y : /c([A-Za-z])/y)?.[1];
    if (control !== undefined) return exactly(control.charCodeAt(0) % 32);
    // `\c` without a letter is a backslash, followed by a `c`.
    if (source[at] === "c") return exactly(BACKSLASH);
    const hex = taken(/x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})/y);
    if (hex !== null) return exactly(Number.parseInt((hex[1] ?? hex[2]) as string, 16));
    const octal = taken(/[0-3][0-7]{0,2}|[4-7][0-7]?/y)?.[0];
    if (octal !== undefined) return exactly(Number.parseInt(octal, 8));
    const letter = source[at++] as string;
    return exactly(CONTROLS[letter] ?? letter.charCodeAt(0));
  }

  function bracketed(): Node {
    const negate = take("^");
    const members: Units[] = [];
    while (!take("]")) {
      const first = member();
      if (source[at] !== "-" || source[at + 1] === "]") {
        members.push(first);
        continue;
      }
      at++;
      const last = member();
      const isRange = isOne(first) && isOne(last);
      members.push(...(isRange ? [[first[0] as number, last[0] as number]] : [first, last, exactly(0x2d)]));
    }
    const units = flags.anyCase ? fold(unite(members)) : unite(members);
    return { is: "units", units: negate ? invert(units) : units };
  }

  function member(): Units {
    if (!take("\\")) return exactly(source.charCodeAt(at++));
    return take("b") ? exactly(8) : unitsOfEscape(true);
  }

  const node = choice();
  return { node, groups: group, regular };
}

function isOne(units: Units): boolean {
  return units.length === 2 && units[0] === units[1];
}

function modified(flags: Flags, [, on = "", off = ""]: RegExpExecArray): Flags {
  const one = (letter: string, before: boolean) => on.includes(letter) || (before && !off.includes(letter));
  return { lines: one("m", flags.lines), anyCase: one("i", flags.anyCase), dotAll: one("s", flags.dotAll) };
}

/** The indexes of groups by name, and how many groups there are. */
function groupNames(source: string): Map<string, number[]> & { count: number } {
  const names = new Map<string, number[]>();
  let count = 0;
  for (const [, name, open] of source.matchAll(/\\.|\[(?:\\.|[^\\\]])*\]|\((?:\?<([^=!>][^>]*)>|(?!\?))()/gs)) {
    if (open === undefined) continue;
    count++;
    if (name !== undefined) names.set(name, [...(names.get(name) ?? []), count]);
  }
  return Object.assign(names, { count });
}
