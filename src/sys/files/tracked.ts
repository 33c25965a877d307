/**
 * Whether git tracks anything in a directory, read from git's index. git is not run, because a clone's own
 * configuration may name programs that git then starts.
 *
 * Known limit: index version 4 may write a name as a change of the one before it; such a name may be missed.
 */
import { realpathSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { statOf } from "../base/stat.ts";
import { readText } from "./fileread.ts";

/** False also outside a repository, and when the index cannot be read. */
export function isTracked(directory: string): boolean {
  const top = topOf(dirname(directory));
  if (top === null) return false;
  const index = readText(join(top.git, "index"), "latin1");
  const name = Buffer.from(`${relative(top.work, directory)}/`).toString("latin1");
  return index.is === "there" && index.value.includes(name);
}

function topOf(start: string): { work: string; git: string } | null {
  for (let work = realpathSync(start); ; work = dirname(work)) {
    const git = join(work, ".git");
    const stat = statOf(git);
    if (stat?.isDirectory()) return { work, git };
    const link = stat?.isFile() ? readText(git) : null;
    // A linked worktree's index is in the directory that this file names.
    const named = link?.is === "there" ? /^gitdir: (.+)$/m.exec(link.value)?.[1] : undefined;
    if (named !== undefined) return { work, git: resolve(work, named) };
    if (dirname(work) === work) return null;
  }
}
