/**
 * What an evaluation asked of the machine beside the files it is made of, as questions that can be asked again: a text each, `KIND REST`. The same answer
 * means that nothing changed for it. Read at every call of dt, so plain synchronous calls, and nothing is loaded but for the rare kinds.
 */
import { accessSync, lstatSync, readdirSync, readlinkSync, realpathSync, type Stats, statSync } from "node:fs";
import { errnoOf } from "../../sys/base/error.ts";
import { readBytes } from "../../sys/files/plainfile.ts";
import { FILE_LIMIT, hashOf } from "../model/hash.ts";

/**
 *   content PATH     the bytes of a file
 *   mark PATH        whether a file is the one that was there: for packages, which are many and replaced whole
 *   kind PATH        file, directory or what else; lkind: of the link itself
 *   stat PATH        size, times, mode, owner; lstat: of the link itself
 *   list PATH        the names in a directory, with their kinds; tree: below it
 *   real PATH        where it leads; link: what the link says
 *   access MODE PATH whether this user may
 *   glob {pattern, options}, nodeglob {pattern, cwd}   what a pattern finds
 *   which {name, options}, resolve {specifier, from}   what a name leads to
 *   os NAME          what `node:os` says of the machine
 */
export type Question = string;

/** More than this is not looked through at every call: the manifest is loaded again instead. */
export const ANSWER_LIMIT = 5000;

/** Null: there are too many things to ask about again. */
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
