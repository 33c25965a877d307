/**
 * What git ignores at and below a directory: by the `.gitignore` files below it, and, where it lies in a repository, by those above it up to the
 * repository's top, `.git/info/exclude` and `core.excludesFile`. As git has it, the nearest one that says something of a path decides. Each file is
 * read once, when a path next to it is first asked about.
 */
import { dirname, join, resolve } from "node:path";
import type ignore from "ignore";
import { readText } from "../files.ts";
import { readPlain } from "../plainfile.ts";
import { linkStatOf } from "../stat.ts";
import { type GitPlace, type GitSettings, readGitSettings } from "./gitconfig.ts";

export interface GitRules {
  /** Whether git ignores this absolute path, of a directory with a `/` at its end. */
  ignores(path: string): boolean;
  /** Whether names are the same in small and capital letters, as git was told. */
  ignoreCase: boolean;
}

/**
 * What git's rules cost grows with how deep a path lies, to the power of how many `**` a rule has, and both may be a stranger's. A rule
 * with more of them is passed over, and a path that lies deeper is not asked about: what they would leave out is then meant.
 */
const MOST_GLOBSTARS = 3;
const DEEPEST = 100;
/** A `.git` file and the like hold one line. */
const ONE_LINE = 4096;

type Make = typeof ignore;
type Rules = ReturnType<Make>;

interface Repository extends GitPlace {
  top: string;
}

/** The rules of lines as they stand in a `.gitignore`. */
export function makeRules(
  make: Make,
  lines: readonly string[],
  ignoreCase: boolean,
): (path: string) => "ignored" | "kept" | null {
  const rules = make({ ignorecase: ignoreCase }).add(lines.filter(isAffordable).join("\n"));
  return (path) => (isDeep(path) ? null : judge(rules, path));
}

export function makeGitRules(make: Make, root: string, env: Record<string, string | undefined>): GitRules {
  const repository = findRepository(root);
  const settings: GitSettings =
    repository === null ? { excludesFile: null, ignoreCase: false } : readGitSettings(repository, env);
  const read = (path: string): Rules | null => {
    const text = readText(path);
    // None there, or none that may be read: it ignores nothing.
    if (text.is !== "there") return null;
    return make({ ignorecase: settings.ignoreCase }).add(text.value.split("\n").filter(isAffordable).join("\n"));
  };
  const files = new Map<string, Rules | null>();
  const rulesIn = (directory: string): Rules | null => {
    let found = files.get(directory);
    if (found === undefined) {
      const path = join(directory, ".gitignore");
      // As git has it, one that is a link is none.
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
  const judgeUpTo = (top: string, ofAll: readonly Rules[]) => (path: string) => {
    if (isDeep(below(top, path))) return false;
    for (let directory = dirname(path); ; directory = dirname(directory)) {
      const rules = rulesIn(directory);
      const said = rules === null ? null : judge(rules, below(directory, path));
      if (said !== null) return said === "ignored";
      if (directory === top || directory === dirname(directory)) break;
    }
    for (const rules of ofAll) {
      const said = judge(rules, below(top, path));
      if (said !== null) return said === "ignored";
    }
    return false;
  };
  const whole = judgeUpTo(repository?.top ?? root, last);
  // A root that the repository around it ignores is a project of its own: it would have no file at all.
  const isOwn = repository !== null && repository.top !== root && whole(`${root}/`);
  return { ignores: isOwn ? judgeUpTo(root, []) : whole, ignoreCase: settings.ignoreCase };
}

/** A path below a directory, relative to it; the `/` at its end stays. */
function below(directory: string, path: string): string {
  return path.slice(directory.endsWith("/") ? directory.length : directory.length + 1);
}

function judge(rules: Rules, path: string): "ignored" | "kept" | null {
  const said = path === "" ? undefined : rules.test(path);
  return said?.ignored === true ? "ignored" : said?.unignored === true ? "kept" : null;
}

function isDeep(path: string): boolean {
  return path.split("/").length > DEEPEST;
}

function isAffordable(rule: string): boolean {
  return rule.split("**").length - 1 <= MOST_GLOBSTARS;
}

/** Null: it lies in none. A `.git` of somebody else's is none: whoever may write above the root does not say what counts in it. */
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
