/**
 * Reads two settings that decide which files git ignores, `core.excludesFile` and `core.ignoreCase`, from git's own
 * files. git is not run: it may be missing, and its settings name programs that it would run. Files that they include
 * are read; of `includeIf` only `gitdir` is understood.
 */
import { dirname, isAbsolute, join } from "node:path";
import { readPlain } from "../files/plainfile.ts";

export interface GitSettings {
  excludesFile: string | null;
  ignoreCase: boolean;
}

export interface GitPlace {
  /** The worktree's git directory, with its own settings. */
  directory: string;
  /** Shared by all worktrees of the repository. */
  common: string;
}

const MOST_BYTES = 1024 * 1024;
/** As deep as git itself follows. */
const MOST_INCLUDES = 10;

export function readGitSettings(place: GitPlace, env: Record<string, string | undefined>): GitSettings {
  const home = env.HOME ?? null;
  const ofUser = env.XDG_CONFIG_HOME || (home === null ? null : join(home, ".config"));
  const global =
    env.GIT_CONFIG_GLOBAL === undefined
      ? [ofUser && join(ofUser, "git/config"), home && join(home, ".gitconfig")]
      : [env.GIT_CONFIG_GLOBAL];
  const isSystemRead = !/^(?:1|true|yes|on)$/i.test(env.GIT_CONFIG_NOSYSTEM ?? "");
  const files = [
    isSystemRead ? (env.GIT_CONFIG_SYSTEM ?? "/etc/gitconfig") : null,
    ...global,
    join(place.common, "config"),
    join(place.directory, "config.worktree"),
  ];
  const found = new Map<string, string>();
  for (const file of files) if (file) readSettings(file, { place, home, found, depth: 0 });
  const excludes = found.get("core.excludesfile");
  return {
    excludesFile: excludes === undefined ? ofUser && join(ofUser, "git/ignore") : inHome(excludes, home),
    ignoreCase: /^(?:true|yes|on|[1-9]\d*)$/i.test(found.get("core.ignorecase") ?? ""),
  };
}

interface Reading {
  place: GitPlace;
  home: string | null;
  /** By name in lower case: the last value counts. */
  found: Map<string, string>;
  depth: number;
}

function readSettings(file: string, reading: Reading): void {
  const text = readPlain(file, { most: MOST_BYTES, followLinks: true });
  if (text.is !== "there") return;
  let section = "";
  let condition: string | null = null;
  for (const line of text.value.replace(/\\\r?\n/g, "").split("\n")) {
    const header = /^\s*\[\s*([\w.-]+)\s*(?:"((?:[^"\\]|\\.)*)")?\s*\]/.exec(line);
    if (header !== null) {
      section = (header[1] as string).toLowerCase();
      condition = header[2]?.replace(/\\(.)/g, "$1") ?? null;
    }
    const setting = /^\s*([a-zA-Z][\w-]*)\s*(?:=(.*))?$/.exec(header === null ? line : line.slice(header[0].length));
    if (setting === null) continue;
    const name = (setting[1] as string).toLowerCase();
    const value = setting[2] === undefined ? "true" : plainValue(setting[2]);
    if (name === "path" && isIncluded(section, { condition, file, reading })) include(value, { from: file, reading });
    else if (condition === null) reading.found.set(`${section}.${name}`, value);
  }
}

function isIncluded(
  section: string,
  { condition, file, reading: { place, home } }: { condition: string | null; file: string; reading: Reading },
): boolean {
  if (section === "include") return condition === null;
  const [, letters, pattern] = (section === "includeif" && /^gitdir(\/i)?:(.+)$/.exec(condition ?? "")) || [];
  if (pattern === undefined) return false;
  let wanted = inHome(pattern, home) ?? pattern;
  if (wanted.startsWith("./")) wanted = join(dirname(file), wanted.slice(2));
  else if (!isAbsolute(wanted)) wanted = `**/${wanted}`;
  if (wanted.endsWith("/")) wanted += "**";
  const [glob, directory] =
    letters === undefined ? [wanted, place.directory] : [wanted.toLowerCase(), place.directory.toLowerCase()];
  return new Bun.Glob(glob).match(directory);
}

function include(path: string, { from, reading }: { from: string; reading: Reading }): void {
  if (reading.depth >= MOST_INCLUDES) return;
  const whole = inHome(path, reading.home);
  if (whole === null) return;
  readSettings(isAbsolute(whole) ? whole : join(dirname(from), whole), { ...reading, depth: reading.depth + 1 });
}

/** Null: the path is in a home, and there is no home. */
function inHome(path: string, home: string | null): string | null {
  if (!path.startsWith("~/")) return path;
  return home === null ? null : join(home, path.slice(2));
}

/** Without its quotes, its comment and its escapes. */
function plainValue(written: string): string {
  let value = "";
  let isQuoted = false;
  let keep = 0;
  const text = written.trim();
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] as string;
    if (letter === '"') isQuoted = !isQuoted;
    else if ((letter === "#" || letter === ";") && !isQuoted) break;
    else if (letter === "\\") value += plainLetter(text[++at] ?? "");
    else value += letter;
    if (isQuoted || letter.trim() !== "") keep = value.length;
  }
  return value.slice(0, keep);
}

function plainLetter(letter: string): string {
  return letter === "n" ? "\n" : letter === "t" ? "\t" : letter;
}
