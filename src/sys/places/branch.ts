/**
 * The branch checked out in a git directory, read from its files. dt does not run git: the directory also holds git's
 * settings, and they name programs that git would run (`core.fsmonitor`, hooks).
 */
import { join, resolve } from "node:path";
import { readPlain } from "../files/plainfile.ts";

/**
 * The branch's name; seven digits of the commit when no branch is checked out; null outside git. For a linked worktree,
 * that worktree's branch.
 */
export function branchOf(root: string): string | null {
  const head = read(join(gitDirectoryOf(root), "HEAD"));
  if (head === null) return null;
  return /^ref: refs\/heads\/(.+)$/.exec(head)?.[1] ?? (/^[0-9a-f]{40,64}$/.test(head) ? head.slice(0, 7) : null);
}

/** In a linked worktree `.git` is a file that names the directory. */
function gitDirectoryOf(root: string): string {
  const link = /^gitdir: (.+)$/.exec(read(join(root, ".git")) ?? "")?.[1];
  return link === undefined ? join(root, ".git") : resolve(root, link);
}

/** Both files hold one line. */
const MOST_READ = 4096;

/** Follows links, as git does. */
function read(path: string): string | null {
  const text = readPlain(path, { most: MOST_READ, followLinks: true });
  return text.is === "there" ? text.value.trim() : null;
}
