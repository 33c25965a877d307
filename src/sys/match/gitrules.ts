/**
 * Decides what git ignores at and below a directory: by the `.gitignore` files below it and, if it lies in a
 * repository, by those above it up to the repository's top, `.git/info/exclude` and `core.excludesFile`. As in git,
 * each directory on the way down is judged by itself: the nearest file with a matching line decides, by its last such
 * line, and everything below an ignored directory is ignored. Each file is read once, when a path next to it is first
 * judged.
 */
import { dirname, join, resolve } from "node:path";
import type ignore from "ignore";
import { linkStatOf } from "../base/stat.ts";
import { readText } from "../files/fileread.ts";
import { readPlain } from "../files/plainfile.ts";
import { type GitPlace, type GitSettings, readGitSettings } from "./gitconfig.ts";

export interface GitRules {
  /** Whether git ignores this absolute path, of a directory with a `/` at its end. */
  ignores(path: string): boolean;
  /** Whether upper and lower case are the same in names (`core.ignoreCase`). */
  ignoreCase: boolean;
}

/**
 * The cost of a rule grows with the depth of a path to the power of the rule's number of `**`, and both may come from
 * an untrusted clone. A rule with more of them is skipped, and a deeper path is not judged: what they would ignore is
 * kept.
 */
const MOST_GLOBSTARS = 3;
const DEEPEST = 100;
/** In bytes: a `.git` file and the like hold one line. */
const ONE_LINE = 4096;

type Make = typeof ignore;
type Verdict = "ignored" | "kept" | null;
/** What the lines say about this very path, whatever they say about the directories above it. */
type Rules = (path: string) => Verdict;

interface Repository extends GitPlace {
  top: string;
}

/**
 * Judges a path by lines of a `.gitignore`. What they ignore is lost with everything below it; what they take back is
 * kept with everything below it, until they ignore it again.
 */
export function makeRules(
  make: Make,
  { lines, ignoreCase }: { lines: readonly string[]; ignoreCase: boolean },
): (path: string) => Verdict {
  const judge = parseRules(make, { lines, ignoreCase });
  return (path) => {
    if (isDeep(path)) return null;
    let said: Verdict = null;
    for (const one of stepsTo(path)) {
      said = judge(one) ?? said;
      if (said === "ignored") break;
    }
    return said;
  };
}

/** The directories above the path, each with a `/` at its end, then the path itself. */
function* stepsTo(path: string): Generator<string> {
  for (let at = path.indexOf("/"); at >= 0 && at < path.length - 1; at = path.indexOf("/", at + 1))
    yield path.slice(0, at + 1);
  yield path;
}

/**
 * The package `ignore` asks about the directories above a path first, and one that it finds ignored is its answer; but
 * a line in another file may have taken that back. So each run of lines with the same verdict is given to it as lines
 * that take back (`!`), which it tries on the path alone.
 */
function parseRules(make: Make, { lines, ignoreCase }: { lines: readonly string[]; ignoreCase: boolean }): Rules {
  const runs: { says: Verdict; lines: string[] }[] = [];
  for (const [at, line] of lines.entries()) {
    const rule = (at === 0 ? line.replace(/^\uFEFF/, "") : line).replace(/\r$/, "");
    if (!isAffordable(rule) || rule === "" || rule.startsWith("#")) continue;
    const says = rule.startsWith("!") ? "kept" : "ignored";
    if (runs.at(-1)?.says !== says) runs.push({ says, lines: [] });
    runs.at(-1)?.lines.push(says === "kept" ? rule : `!${rule}`);
  }
  const rulesOf = (some: readonly string[]) => make({ ignorecase: ignoreCase }).add(some.join("\n"));
  const asked = runs.reverse().map(({ says, lines }) => ({ says, rules: rulesOf(lines) }));
  // Most paths match no line, so all lines are tried at once before the runs.
  const any = asked.length > 1 ? rulesOf(runs.flatMap(({ lines }) => lines)) : asked[0]?.rules;
  return (path) =>
    path !== "" && any?.test(path).unignored === true
      ? (asked.find(({ rules }) => rules.test(path).unignored)?.says ?? null)
      : null;
}

export function makeGitRules(
  make: Make,
  { root, env }: { root: string; env: Record<string, string | undefined> },
): GitRules {
  const repository = findRepository(root);
  const settings: GitSettings =
    repository === null ? { excludesFile: null, ignoreCase: false } : readGitSettings(repository, env);
  const read = (path: string): Rules | null => {
    const text = readText(path);
    // Missing or unreadable: it ignores nothing.
    if (text.is !== "there") return null;
    return parseRules(make, { lines: text.value.split("\n"), ignoreCase: settings.ignoreCase });
  };
  const files = new Map<string, Rules | null>();
  const rulesIn = (directory: string): Rules | null => {
    let found = files.get(directory);
    if (found === undefined) {
      const path = join(directory, ".gitignore");
      // As in git, a `.gitignore` that is a link does not count.
      found = linkStatOf(path)?.isSymbolicLink() === true ? null : read(path);
      files.set(directory, found);
    }
    return found;
  };
  const last =
    repository === null
      ? []
      : [join(repository.common, "info/exclude"), settings.excludesFile].flatMap(
          (path) => (path && read(resolve(repository.top, path))) || [],
        );
  const judgeUpTo = (top: string, ofAll: readonly Rules[]) => {
    /** Judges a path by itself. */
    const judge = (path: string): Verdict => {
      for (let directory = dirname(path); ; directory = dirname(directory)) {
        const said = rulesIn(directory)?.(below(directory, path)) ?? null;
        if (said !== null) return said;
        if (directory === top || directory === dirname(directory)) break;
      }
      for (const rules of ofAll) {
        const said = rules(below(top, path));
        if (said !== null) return said;
      }
      return null;
    };
    const lost = new Map<string, boolean>();
    const isLost = (directory: string): boolean => {
      if (directory === top || directory === dirname(directory)) return false;
      let known = lost.get(directory);
      if (known === undefined) {
        known = isLost(dirname(directory)) || judge(`${directory}/`) === "ignored";
        lost.set(directory, known);
      }
      return known;
    };
    return (path: string) => {
      if (isDeep(below(top, path))) return false;
      if (path.endsWith("/")) return isLost(path.slice(0, -1));
      return isLost(dirname(path)) || judge(path) === "ignored";
    };
  };
  const whole = judgeUpTo(repository?.top ?? root, last);
  // A root that the repository around it ignores is a project of its own: otherwise it would have no files at all.
  const isOwn = repository !== null && repository.top !== root && whole(`${root}/`);
  return { ignores: isOwn ? judgeUpTo(root, []) : whole, ignoreCase: settings.ignoreCase };
}

/** A path below a directory, relative to it; the `/` at its end stays. */
function below(directory: string, path: string): string {
  return path.slice(directory.endsWith("/") ? directory.length : directory.length + 1);
}

function isDeep(path: string): boolean {
  return path.split("/").length > DEEPEST;
}

function isAffordable(rule: string): boolean {
  return rule.split("**").length - 1 <= MOST_GLOBSTARS;
}

/**
 * Null: the root lies in no repository. Another user's `.git` does not count: a user who may write above the root must
 * not decide what counts in it.
 */
function findRepository(root: string): Repository | null {
  const uid = linkStatOf(root)?.uid;
  for (let top = root; ; top = dirname(top)) {
    const git = join(top, ".git");
    const stat = linkStatOf(git);
    if (stat !== undefined && stat.uid === uid) {
      const line = stat.isFile() ? readPlain(git, { most: ONE_LINE, followLinks: false }) : null;
      const named = line?.is === "there" ? /^gitdir: (.+)$/.exec(line.value.trim())?.[1] : undefined;
      const directory = named === undefined ? git : resolve(top, named);
      const shared = readPlain(join(directory, "commondir"), { most: ONE_LINE, followLinks: false });
      return { top, directory, common: shared.is === "there" ? resolve(directory, shared.value.trim()) : directory };
    }
    if (top === dirname(top)) return null;
  }
}
