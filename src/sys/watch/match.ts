/**
 * Which files below a root are meant by patterns and not left out, and which directories need to be looked into for them. `.gitignore` files
 * are read once, when a directory is first met. What is named although git ignores it is meant.
 */
import { dirname, join, relative, sep } from "node:path";
import type { Ignore } from "ignore";
import { readText } from "../files.ts";
import { trimEnd } from "../trim.ts";

export interface Meant {
  root: string;
  /** Files, directories and glob patterns, relative to the root. */
  paths: readonly string[];
  /** In the syntax of `.gitignore`. */
  ignore: readonly string[];
  /** Absolute paths left out, with all below them. */
  leaveOut: readonly string[];
  /** False: what git ignores is meant like anything else. Default true. */
  git?: boolean | undefined;
}

export interface Matcher {
  /** Whether nothing at or below this absolute path can be meant. */
  skips(path: string): boolean;
  /** Whether this absolute path, of a file, is meant. */
  means(path: string): boolean;
}

const NEVER = new Set(["node_modules", ".git", ".dialtone"]);
const MAGIC = /[*?[\]{}!]/;

/**
 * What git's rules cost grows with how deep a path lies, to the power of how many `**` a rule has, and both may be a stranger's. A rule
 * with more of them is passed over, and a path that lies deeper is not asked about: what they would leave out is then meant.
 */
const MOST_GLOBSTARS = 3;
const DEEPEST = 100;

interface Pattern {
  /** The directory or file that all it can match lies in. */
  base: string;
  matches(path: string): boolean;
  /** Whether git ignores the base, so that its rules say nothing here. */
  named: boolean;
}

export async function makeMatcher({
  root,
  paths,
  ignore: lines,
  leaveOut,
  git: asGit = true,
}: Meant): Promise<Matcher> {
  const { default: ignore } = await import("ignore");
  const own = ignore().add(lines.filter(isAffordable));
  const git = asGit ? makeGitRules(root, () => ignore()) : () => false;
  const patterns = paths.map((text) => parsePattern(text, git));
  const isLeftOut = (path: string) =>
    leaveOut.some((one) => path === one || path.startsWith(`${one}/`)) ||
    relative(root, path)
      .split(sep)
      .some((part) => NEVER.has(part));
  const ignored = (local: string, isNamed: boolean) =>
    local.split("/").length <= DEEPEST && (own.ignores(local) || (!isNamed && git(local)));
  return {
    skips(path) {
      const local = relative(root, path);
      if (local === "") return false;
      if (isLeftOut(path)) return true;
      return !patterns.some(
        ({ base, named }) =>
          isWithin(base, local) || (isWithin(local, base) && !ignored(local, named) && !ignored(`${local}/`, named)),
      );
    },
    means(path) {
      const local = relative(root, path);
      return !isLeftOut(path) && patterns.some(({ matches, named }) => matches(local) && !ignored(local, named));
    },
  };
}

function isAffordable(rule: string): boolean {
  return rule.split("**").length - 1 <= MOST_GLOBSTARS;
}

/** Whether `path` is `base` or below it; all is below the empty one. */
function isWithin(path: string, base: string): boolean {
  return base === "" || path === base || path.startsWith(`${base}/`);
}

function parsePattern(written: string, git: (local: string) => boolean): Pattern {
  const text = trimEnd(written.replace(/^(?:\.\/)+/, ""), "/").replace(/^\.$/, "");
  const parts = text.split("/");
  const magic = parts.findIndex((part) => MAGIC.test(part));
  const base = (magic < 0 ? parts : parts.slice(0, magic)).join("/");
  const named = base !== "" && (git(base) || git(`${base}/`));
  if (magic < 0) return { base, named, matches: (local) => isWithin(local, base) };
  const glob = new Bun.Glob(text);
  return { base, named, matches: (local) => glob.match(local) };
}

/** As git has it: the nearest `.gitignore` that says something of a path decides. */
function makeGitRules(root: string, make: () => Ignore): (local: string) => boolean {
  const rules = new Map<string, Ignore | null>();
  const rulesOf = (directory: string): Ignore | null => {
    const known = rules.get(directory);
    if (known !== undefined) return known;
    const text = readText(join(root, directory, ".gitignore"));
    // None there, or none that may be read: it ignores nothing.
    const found = text.is === "there" ? make().add(text.value.split("\n").filter(isAffordable).join("\n")) : null;
    rules.set(directory, found);
    return found;
  };
  return (local) => {
    for (let directory = dirname(local); ; directory = dirname(directory)) {
      const from = directory === "." ? "" : directory;
      const said = rulesOf(from)?.test(from === "" ? local : local.slice(from.length + 1));
      if (said?.ignored) return true;
      if (said?.unignored || from === "") return false;
    }
  };
}
