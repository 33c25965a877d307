/**
 * One line of `paths`, `watch` or `inputs`: which files it names, and which directories may hold one. Matching goes
 * segment by segment, so that a path costs at most its length times the pattern's, even if both are hostile.
 * docs/files.md is the definition.
 */
import { linkStatOf } from "../base/stat.ts";
import { trimEnd } from "../text/trim.ts";

export interface PathPattern {
  /** As it is in the manifest. */
  written: string;
  /** Written with `!`: what it names is left out. */
  excludes: boolean;
  /** The directory or file at or below which everything it can name lies; empty: the root itself. */
  base: string;
  /** The base of each alternative, the longest first; `base` is what they have in common. */
  bases: readonly string[];
  /** Whether it names this file. */
  names(path: string): boolean;
  /** Whether it may name something below this directory. */
  mayHold(directory: string): boolean;
  /** Whether it names everything below this directory. */
  holdsAll(directory: string): boolean;
}

/** Matches any number of segments, including none. */
const ANY_DEPTH = Symbol("**");
type Segment = typeof ANY_DEPTH | ((name: string) => boolean);

const MAGIC = /[*?[\]{}]/;
const ESCAPED = /\\(.)/g;
/** More alternatives than this are a mistake; the remaining braces are then not expanded. */
const MOST_ALTERNATIVES = 64;

const anyName = () => true;

/** `text`: without its `!`, relative to `root` or absolute. */
export function parsePathPattern(
  written: string,
  { excludes, text, root }: { excludes: boolean; text: string; root: string },
): PathPattern {
  const clean = text.replace(/\/{2,}/g, "/").replace(/^(?:\.\/)+/, "");
  const onlyBelow = clean.endsWith("/");
  const path = trimEnd(clean, "/").replace(/^\.$/, "");
  const branches = expandBraces(path, root).map((one) => parseBranch(one, { onlyBelow, root }));
  const bases = [...new Set(branches.map(({ base }) => base))].sort((a, b) => b.length - a.length);
  return {
    written,
    excludes,
    base: commonBase(bases),
    bases,
    names: (file) => branches.some((one) => walk(one, file).includes(one.segments.length)),
    mayHold: (directory) => branches.some((one) => walk(one, directory).some((at) => at < one.segments.length)),
    holdsAll: (directory) => branches.some((one) => walk(one, directory).some((at) => isAll(one.segments, at))),
  };
}

/** Splits off a leading `!`. `\!` begins a name that starts with `!`. */
export function splitExclusion(written: string): { excludes: boolean; text: string } {
  if (written.startsWith("!")) return { excludes: true, text: written.slice(1) };
  return { excludes: false, text: written.startsWith("\\!") ? written.slice(1) : written };
}

interface Branch {
  base: string;
  isAbsolute: boolean;
  segments: readonly Segment[];
}

function parseBranch(path: string, { onlyBelow, root }: { onlyBelow: boolean; root: string }): Branch {
  const isAbsolute = path.startsWith("/");
  if (path === "") return { base: "", isAbsolute, segments: [ANY_DEPTH, anyName] };
  const parts = path.split("/");
  const base: string[] = [];
  const segments: Segment[] = [];
  let isBase = true;
  for (const part of parts) {
    const name = literalOf(part, () => isBase && isThere([root, ...base, part].join("/")));
    if (name === null) isBase = false;
    else if (isBase) base.push(name);
    segments.push(name === null ? parseSegment(part) : (one) => one === name);
  }
  // A name without wildcards may be a directory: then everything below it is named.
  const last = parts.at(-1) as string;
  if (onlyBelow || segments.at(-1) === ANY_DEPTH) segments.push(ANY_DEPTH, anyName);
  else if (base.length === parts.length || literalOf(last, () => false) !== null) segments.push(ANY_DEPTH);
  const at = isAbsolute ? `/${base.slice(1).join("/")}` : base.join("/");
  return { base: at, isAbsolute, segments: isAbsolute ? segments.slice(1) : segments };
}

/**
 * The name that a segment stands for; null: it is a pattern. A segment with `[` or `{` that exists under this very name
 * is a name.
 */
function literalOf(part: string, isThereSo: () => boolean): string | null {
  if (!MAGIC.test(part.replace(ESCAPED, ""))) return part.replace(ESCAPED, "$1");
  return /[[{]/.test(part) && isThereSo() ? part : null;
}

function isThere(path: string): boolean {
  return linkStatOf(path) !== undefined;
}

function parseSegment(part: string): Segment {
  if (part === "**") return ANY_DEPTH;
  if (part === "*") return anyName;
  const glob = new Bun.Glob(part.startsWith("!") ? `\\${part}` : part);
  return (name) => name === part || glob.match(name);
}

/**
 * The positions in the segments that are possible after this path. A pattern that begins with `**` matches at any
 * depth, below the root and elsewhere.
 */
function walk({ segments, isAbsolute }: Branch, path: string): number[] {
  if (path.startsWith("/") !== isAbsolute && segments[0] !== ANY_DEPTH) return [];
  let at = passDepths(segments, [0]);
  if (path === "" || path === "/") return at;
  for (const name of (path.startsWith("/") ? path.slice(1) : path).split("/")) {
    const next = new Set<number>();
    for (const index of at) {
      const segment = segments[index];
      if (segment === ANY_DEPTH) next.add(index);
      else if (segment?.(name) === true) next.add(index + 1);
    }
    if (next.size === 0) return [];
    at = passDepths(segments, next);
  }
  return at;
}

function passDepths(segments: readonly Segment[], from: Iterable<number>): number[] {
  const all = new Set(from);
  for (const index of all) if (segments[index] === ANY_DEPTH) all.add(index + 1);
  return [...all];
}

/** Whether any path from here on is named. */
function isAll(segments: readonly Segment[], at: number): boolean {
  if (segments[at] !== ANY_DEPTH) return false;
  return at + 1 === segments.length || (at + 2 === segments.length && segments[at + 1] === anyName);
}

/**
 * Expands braces that hold a `/`, which no single segment can match, and braces that decide where a pattern begins:
 * each alternative becomes a path of its own.
 */
function expandBraces(path: string, root: string): string[] {
  const done: string[] = [];
  const waiting = [path];
  for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
    const group = done.length + waiting.length < MOST_ALTERNATIVES ? findGroup(one, root) : null;
    if (group === null) done.push(one);
    else for (const choice of group.choices) waiting.push(`${one.slice(0, group.from)}${choice}${one.slice(group.to)}`);
  }
  return done;
}

function findGroup(text: string, root: string): { from: number; to: number; choices: string[] } | null {
  let from = -1;
  let depth = 0;
  let commas: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    if (letter === "\\") at++;
    else if (letter === "{" && depth++ === 0) {
      from = at;
      commas = [at];
    } else if (letter === "," && depth === 1) commas.push(at);
    else if (letter === "}" && depth > 0 && --depth === 0) {
      if (!text.slice(from, at).includes("/") && (commas.length === 1 || !isBeginning(text, { from, to: at, root })))
        continue;
      const ends = [...commas.slice(1), at];
      return { from, to: at + 1, choices: commas.map((comma, index) => text.slice(comma + 1, ends[index])) };
    }
  }
  return null;
}

/** Whether nothing before this group is a pattern, and no file has the name as it is written. */
function isBeginning(text: string, { from, to, root }: { from: number; to: number; root: string }): boolean {
  if (MAGIC.test(text.slice(0, from).replace(ESCAPED, ""))) return false;
  const end = text.indexOf("/", to);
  return !isThere(`${root}/${text.slice(0, end < 0 ? text.length : end)}`);
}

function commonBase(bases: readonly string[]): string {
  const [first = "", ...others] = bases;
  let common = first;
  for (const other of others) while (common !== "" && !isWithin(other, common)) common = parentOf(common);
  return common;
}

function parentOf(path: string): string {
  const at = path.lastIndexOf("/");
  return at < 0 ? "" : path.slice(0, at);
}

/** Whether `path` is `base` or below it; every path is below the empty base. */
export function isWithin(path: string, base: string): boolean {
  return base === "" || path === base || path.startsWith(base.endsWith("/") ? base : `${base}/`);
}
