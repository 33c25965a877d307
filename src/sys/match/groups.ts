/**
 * Groups patterns by the directory they are followed from. That is the root or, for a pattern that leads elsewhere, the
 * nearest directory above its base, so that the base itself may be removed and come back, or be a link whose target
 * changes. Paths stay as they were written: a link on the way stands for what it leads to.
 */
import { existsSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join, normalize } from "node:path";
import { linkStatOf } from "../base/stat.ts";
import { type Matcher, makeMatcher } from "./match.ts";
import { isWithin, type PathPattern, parsePathPattern, splitExclusion } from "./pattern.ts";

export interface Files {
  /** Absolute; patterns that begin with neither `/` nor `~/` are relative to it. */
  root: string;
  patterns: readonly string[];
  /** In the syntax of `.gitignore`, relative to the root or, outside it, to the directory that is followed. */
  ignore: readonly string[];
  /** Absolute paths left out, with everything below them. */
  leaveOut: readonly string[];
  /** `HOME` is what `~/` stands for; the rest says where git's settings are. */
  env: Record<string, string | undefined>;
  /** False: files that git ignores, and other checkouts, are selected like anything else. Default true. */
  git?: boolean | undefined;
}

export interface WatchGroup {
  from: string;
  matcher: Matcher;
  /** The patterns that select files here. */
  selecting: readonly PathPattern[];
  /** A path as patterns name it: relative to the root, or absolute. */
  nameOf(path: string): string;
}

interface Whole {
  pattern: PathPattern;
  /** The directory it is followed from; null: the root. */
  from: string | null;
}

export async function groupFiles({ root, patterns, ignore, leaveOut, env, git = true }: Files): Promise<WatchGroup[]> {
  const wholes = patterns.flatMap((written) => placePattern(root, { home: env.HOME || null, written }));
  const places = new Set(wholes.flatMap(({ pattern, from }) => (pattern.excludes ? [] : [from])));
  const saved = [...new Set(leaveOut.flatMap((path) => [path, realOf(path)]))];
  return Promise.all(
    [...places].map(async (place) => {
      // An exclusion applies wherever it names something.
      const here = wholes.flatMap(({ pattern, from }) => (pattern.excludes || from === place ? [pattern] : []));
      const from = place ?? root;
      const matcher = await makeMatcher({
        root: from,
        patterns: here,
        isOutside: place !== null,
        ignore,
        leaveOut: saved,
        env,
        git,
      });
      return {
        from,
        matcher,
        selecting: here.filter(({ excludes }) => !excludes),
        nameOf: (path) => (place === null ? path.slice(root.length + 1) : path),
      };
    }),
  );
}

function placePattern(root: string, { home, written }: { home: string | null; written: string }): Whole[] {
  const { excludes, text } = splitExclusion(written);
  if (text === "~" || text.startsWith("~/")) {
    if (home === null) return [];
    return [placeAbsolute(root, { written, excludes, whole: join(home, text.slice(1)) })];
  }
  if (isAbsolute(text)) return [placeAbsolute(root, { written, excludes, whole: normalize(text) })];
  const local = normalize(text);
  if (/^\.\.(?:\/|$)/.test(local))
    return [placeAbsolute(root, { written, excludes, whole: normalize(`${root}/${local}`) })];
  return [{ pattern: parsePathPattern(written, { excludes, text: local, root }), from: null }];
}

function placeAbsolute(
  root: string,
  { written, excludes, whole }: { written: string; excludes: boolean; whole: string },
): Whole {
  const pattern = parsePathPattern(written, { excludes, text: whole, root: "" });
  for (const [one, base] of [
    [root, pattern.base],
    [realOf(root), realOf(pattern.base)],
  ] as const)
    if (isWithin(base, one) && isWithin(whole, one))
      return {
        pattern: parsePathPattern(written, { excludes, text: whole.slice(one.length + 1) || ".", root }),
        from: null,
      };
  return { pattern, from: nearestAbove(pattern.base) };
}

/** The directory above the first link on the way, because the link may change; else the nearest existing one above. */
function nearestAbove(base: string): string {
  const parts = base.split("/");
  for (let at = 2; at <= parts.length; at++)
    if (linkStatOf(parts.slice(0, at).join("/"))?.isSymbolicLink() === true)
      return parts.slice(0, at - 1).join("/") || "/";
  for (let at = dirname(base); ; at = dirname(at)) if (existsSync(at) || dirname(at) === at) return at;
}

/** The real path, as far as the path exists. */
function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return dirname(path) === path
      ? path
      : join(realOf(dirname(path)), path.slice(dirname(path).length).replace(/^\//, ""));
  }
}
