/**
 * What an evaluation asked of the machine, besides importing files, as questions that can be asked again. Each is a
 * text, `KIND REST`; the same answer means that nothing changed. Every call of dt asks them, so this uses plain
 * synchronous calls and loads modules only for the rare kinds.
 */
import { accessSync, lstatSync, readdirSync, readlinkSync, realpathSync, type Stats, statSync } from "node:fs";
import { errnoOf } from "../../sys/base/error.ts";
import { readBytes } from "../../sys/files/plainfile.ts";
import { FILE_LIMIT, hashOf } from "../model/hash.ts";

/**
 *   content PATH     the bytes of a file
 *   mark PATH        whether it is still the same file: for packages, which are many and replaced as a whole
 *   kind PATH        file, directory, link or other; lkind: of the link itself
 *   stat PATH        size, times, mode, owner; lstat: of the link itself
 *   list PATH        the names in a directory, with their kinds; tree: everything below it
 *   real PATH        the real path; link: the text of the link
 *   access MODE PATH whether this user has that access
 *   glob {pattern, options}, nodeglob {pattern, cwd}   what a pattern finds
 *   which {name, options}, resolve {specifier, from}   what a name leads to
 *   os NAME          what `node:os` says of the machine
 */
export type Question = string;

/** The most names dt looks through at every call; beyond that it loads the manifest again instead. */
export const ANSWER_LIMIT = 5000;

/** Null when there are too many names to look through again. */
export function answerTo(question: Question): string | null {
  const at = question.indexOf(" ");
  const [kind, rest] = [question.slice(0, at), question.slice(at + 1)];
  try {
    return ANSWERS[kind]?.(rest) ?? null;
  } catch (error) {
    return `error ${errnoOf(error) ?? "unknown"}`;
  }
}

const ANSWERS: Record<string, (rest: string) => string | null> = {
  content: (path) => contentOf(path),
  mark: (path) => markOf(statSync(path)),
  kind: (path) => kindOf(statSync(path)),
  lkind: (path) => kindOf(lstatSync(path)),
  stat: (path) => detailsOf(statSync(path)),
  lstat: (path) => detailsOf(lstatSync(path)),
  list: (path) => namesIn(path, false),
  tree: (path) => namesIn(path, true),
  real: (path) => realpathSync(path),
  link: (path) => readlinkSync(path),
  access: (rest) => {
    const at = rest.indexOf(" ");
    accessSync(rest.slice(at + 1), Number(rest.slice(0, at)));
    return "yes";
  },
  glob: (rest) => {
    const { pattern, options } = JSON.parse(rest) as { pattern: string; options: Bun.GlobScanOptions };
    return listed(new Bun.Glob(pattern).scanSync(options));
  },
  nodeglob: (rest) => {
    const { pattern, cwd } = JSON.parse(rest) as { pattern: string[]; cwd: string };
    return listed((require("node:fs") as typeof import("node:fs")).globSync(pattern, { cwd }));
  },
  which: (rest) => {
    const { name, options } = JSON.parse(rest) as { name: string; options: { PATH: string } };
    return Bun.which(name, options) ?? "none";
  },
  resolve: (rest) => {
    const { specifier, from } = JSON.parse(rest) as { specifier: string; from: string };
    return Bun.resolveSync(specifier, from);
  },
  os: (name) => {
    const os = require("node:os") as unknown as Record<string, () => unknown>;
    return hashOf(
      JSON.stringify(name === "cpus" ? (os.cpus as () => { model: string }[])().map((one) => one.model) : os[name]?.()),
    );
  },
};

function contentOf(path: string): string {
  const stat = statSync(path);
  if (!stat.isFile()) return kindOf(stat);
  const bytes = stat.size > FILE_LIMIT ? null : readBytes(path, FILE_LIMIT);
  return bytes === null ? `large ${markOf(stat)}` : hashOf(bytes);
}

function markOf(stat: Stats): string {
  return `${stat.dev} ${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`;
}

function detailsOf(stat: Stats): string {
  const { mode, uid, gid, ino, size, mtimeMs } = stat;
  return `${mode} ${uid} ${gid} ${ino} ${size} ${mtimeMs}`;
}

function kindOf(stat: Pick<Stats, "isFile" | "isDirectory" | "isSymbolicLink">): string {
  return stat.isFile() ? "file" : stat.isDirectory() ? "directory" : stat.isSymbolicLink() ? "link" : "other";
}

function namesIn(path: string, recursive: boolean): string | null {
  const found = readdirSync(path, { withFileTypes: true, recursive });
  return listed(found.map((entry) => `${entry.parentPath}/${entry.name} ${kindOf(entry)}`));
}

function listed(all: Iterable<string>): string | null {
  const names: string[] = [];
  for (const name of all) {
    names.push(name);
    if (names.length > ANSWER_LIMIT) return null;
  }
  return hashOf(names.sort().join("\0"));
}
