/**
 * Watches what patterns mean, wherever it lies: each pattern is followed from the directory above what it can match, so that this itself may be
 * removed and come again. What is there at the beginning is told too. Symbolic links on the way to it are resolved once; those below it are not
 * followed, so a loop is none.
 */
import { existsSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { isRemote } from "../space.ts";
import { watchDirectories } from "./directories.ts";
import { makeMatcher } from "./match.ts";

export interface TreesRequest {
  /** Absolute; patterns that begin with neither `/` nor `~/` are relative to it. */
  root: string;
  /** For `~/`; null where there is none. */
  home: string | null;
  patterns: readonly string[];
  /** In the syntax of `.gitignore`, relative to the directory that is watched. */
  ignore: readonly string[];
  /** Absolute paths left out, with all below them. */
  leaveOut: readonly string[];
  /** False: what git ignores is meant like anything else. Default true. */
  git?: boolean | undefined;
  /** An absolute path of a file that was created, changed or removed. */
  onChange(path: string): void;
  /** What keeps the watching from being whole, as a sentence without its end. */
  onTrouble(what: string): void;
}

export interface Trees {
  /** All files that were meant when it began. */
  initial: ReadonlySet<string>;
  close(): void;
}

const MAGIC = /[*?[\]{}!]/;
const MORE_WATCHES = "sudo sysctl fs.inotify.max_user_watches=1048576";

interface Group {
  from: string;
  patterns: string[];
  leaveOut: string[];
}

/** Resolves when a change from now on is seen. */
export async function watchTrees(request: TreesRequest): Promise<Trees> {
  const initial = new Set<string>();
  const closers: (() => void)[] = [];
  for (const group of groupsOf(request)) closers.push(await watchGroup(request, group, initial));
  return {
    initial,
    close() {
      for (const close of closers) close();
    },
  };
}

function groupsOf({ root, home, patterns, leaveOut }: TreesRequest): Group[] {
  const groups = new Map<string, string[]>();
  for (const pattern of patterns) {
    const whole = wholePattern(root, home, pattern);
    if (whole === null) continue;
    const parts = whole.split("/");
    const magic = parts.findIndex((part) => MAGIC.test(part));
    const base = (magic < 0 ? parts : parts.slice(0, magic)).join("/") || "/";
    const real = realOf(base);
    const from = isWithin(real, realOf(root)) ? realOf(root) : nearestAbove(real);
    const rest = magic < 0 ? "" : parts.slice(magic).join("/");
    const local = [relative(from, real), rest].filter((part) => part !== "").join("/");
    groups.set(from, [...(groups.get(from) ?? []), local === "" ? "." : local]);
  }
  return [...groups].map(([from, of]) => ({ from, patterns: of, leaveOut: leaveOut.map(realOf) }));
}

function wholePattern(root: string, home: string | null, pattern: string): string | null {
  if (pattern === "~" || pattern.startsWith("~/")) return home === null ? null : join(home, pattern.slice(1));
  return isAbsolute(pattern) ? pattern : resolve(root, pattern);
}

function isWithin(path: string, base: string): boolean {
  return path === base || path.startsWith(`${base}/`);
}

/** As far as it exists. */
function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return dirname(path) === path
      ? path
      : join(realOf(dirname(path)), path.slice(dirname(path).length).replace(/^\//, ""));
  }
}

/** So that what is watched can be removed and made again. */
function nearestAbove(path: string): string {
  for (let at = dirname(path); ; at = dirname(at)) if (existsSync(at) || dirname(at) === at) return at;
}

async function watchGroup(
  { ignore, git, onChange, onTrouble }: TreesRequest,
  { from, patterns, leaveOut }: Group,
  initial: Set<string>,
): Promise<() => void> {
  const matcher = await makeMatcher({ root: from, paths: patterns, ignore, leaveOut, git });
  const polls = isRemote(from);
  if (polls)
    onTrouble(`${from} is on a file system that gives no notice of changes: its files are looked at every second`);
  const directories = watchDirectories({
    from,
    ...matcher,
    polls,
    onFile: onChange,
    onSpent: () =>
      onTrouble(
        `the system has no more watches to give, so some directories below ${from} are looked at every second; for more: ${MORE_WATCHES}`,
      ),
    onTrouble,
  });
  for (const path of directories.files()) initial.add(path);
  return () => directories.close();
}
