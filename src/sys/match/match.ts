/**
 * Decides which files below a directory patterns select, and which directories must be looked into for them: the one
 * answer for `watch`, `restartOn`, `inputs` and `outputs`, as docs/files.md defines it. The last pattern that names a
 * file decides. What git ignores is left out, unless the pattern itself begins inside it.
 */
import type { GitRules } from "./gitrules.ts";
import { isLeftOut, isOwn } from "./leftout.ts";
import { isWithin, type PathPattern, parsePathPattern } from "./pattern.ts";

export interface FileSelection {
  /** Absolute; `**` and `ignore` begin here. */
  root: string;
  /** Their paths are relative to the root, or absolute. */
  patterns: readonly PathPattern[];
  /** Whether paths are matched as absolute ones: for what lies outside the root. Default false. */
  isOutside?: boolean;
  /** In the syntax of `.gitignore`. */
  ignore: readonly string[];
  /** Absolute paths left out, with everything below them. */
  leaveOut: readonly string[];
  /** For git's settings. */
  env: Record<string, string | undefined>;
  /** False: files that git ignores, and other checkouts, are selected like anything else. */
  git: boolean;
}

export interface Matcher {
  /** Whether no file at or below this directory, an absolute path, can be selected. */
  skips(path: string): boolean;
  /** Whether the file at this absolute path is selected. */
  means(path: string): boolean;
  /** Whether a pattern names something at or below this path: a link to a directory is then followed. */
  follows(path: string): boolean;
  /** Whether to look into another git checkout at this path. */
  enters(path: string): boolean;
}

export async function makeMatcher(meant: FileSelection): Promise<Matcher> {
  const { root, patterns, ignore, leaveOut, env, git, isOutside = false } = meant;
  const lines = ignore.flatMap((line) => line.split("\n"));
  const [{ default: make }, { makeGitRules, makeRules }] = await Promise.all([
    import("ignore"),
    import("./gitrules.ts"),
  ]);
  const rules: GitRules | null = git ? makeGitRules(make, { root, env }) : null;
  const own = lines.length === 0 ? () => null : makeRules(make, { lines, ignoreCase: rules?.ignoreCase ?? false });
  const takenBack = lines.flatMap((line) => placeTakenBack(line, root));
  const nameOf = (path: string) => (isOutside ? path : localOf(root, path));
  const wholeOf = (name: string) => (isOutside ? name : name === "" ? root : `${root}/${name}`);
  /** The bases of each pattern that git ignores: git's rules say nothing below them. */
  const named = new Map(
    patterns.map((pattern) => [
      pattern,
      pattern.bases.filter((base) => base !== "" && rules?.ignores(`${wholeOf(base)}/`) === true),
    ]),
  );
  const isSaved = (path: string) => leaveOut.some((one) => isWithin(path, one));

  /** Whether a path that this pattern names is left out all the same. */
  function isIgnored(
    pattern: PathPattern,
    { path, name, isDirectory }: { path: string; name: string; isDirectory: boolean },
  ): boolean {
    const base = pattern.bases.find((one) => isWithin(name, one));
    if (isLeftOut(base === undefined ? "" : localOf(base, name), { path, isDirectory })) return true;
    const end = isDirectory ? "/" : "";
    const local = localOf(root, path);
    const said = lines.length === 0 ? null : own(`${local}${end}`);
    if (said !== null) return said === "ignored";
    // On the way to what is taken back, git's rules do not count.
    if (isDirectory && takenBack.some((one) => one.mayHold(local))) return false;
    // The pattern names this very file: git may ignore it by a rule for files alone.
    if (!isDirectory && name === base) return false;
    if (named.get(pattern)?.some((one) => isWithin(name, one)) === true) return false;
    return rules?.ignores(`${path}${end}`) === true;
  }

  const follows = (path: string) => {
    const name = nameOf(path);
    return patterns.some(
      ({ bases, excludes }) => !excludes && bases.some((base) => base !== "" && isWithin(base, name)),
    );
  };
  return {
    skips(path) {
      const name = nameOf(path);
      if (path === root) return false;
      if (isSaved(path) || isOwn(localOf(root, path))) return true;
      for (let at = patterns.length - 1; at >= 0; at--) {
        const pattern = patterns[at] as PathPattern;
        if (pattern.excludes) {
          if (pattern.holdsAll(name)) return true;
          continue;
        }
        // On the way to its base nothing is left out.
        if (pattern.bases.some((base) => isWithin(base, name))) return false;
        if (pattern.mayHold(name) && !isIgnored(pattern, { path, name, isDirectory: true })) return false;
      }
      return true;
    },
    means(path) {
      if (isSaved(path) || isOwn(localOf(root, path))) return false;
      const name = nameOf(path);
      for (let at = patterns.length - 1; at >= 0; at--) {
        const pattern = patterns[at] as PathPattern;
        if (!pattern.names(name)) continue;
        if (pattern.excludes) return false;
        if (!isIgnored(pattern, { path, name, isDirectory: false })) return true;
      }
      return false;
    },
    follows,
    enters: (path) => !git || follows(path),
  };
}

/**
 * The pattern of an `ignore` line that takes something back, if the line says in which directory: git may ignore that
 * directory.
 */
function placeTakenBack(line: string, root: string): PathPattern[] {
  const [, text = ""] = /^!\/?(.+)$/.exec(line) ?? [];
  if (text.startsWith("**") || !/\/./.test(line.slice(1))) return [];
  return [parsePathPattern(line, { excludes: false, text: text.replace(/[{}]/g, "\\$&"), root })];
}

/** `path` is at or below the directory. */
function localOf(directory: string, path: string): string {
  return path.slice(directory === "" || directory.endsWith("/") ? directory.length : directory.length + 1);
}
