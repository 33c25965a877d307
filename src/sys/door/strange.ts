/** Refuses what is in the place of one of dt's files and is not dt's: the rows of the table in door.ts. */
import { lstatSync, readdirSync, type Stats } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isOwner } from "./fileowner.ts";
import { readTemporaryName } from "./temporaryname.ts";
import { unsafe } from "./unsafe.ts";

/** `at`: the path it is looked at by; `path`: the path to name in messages. */
export function refuseStrange(
  at: string,
  { path, stat, again }: { path: string; stat: Stats; again: () => Stats },
): void {
  if (stat.isSymbolicLink()) throw unsafe(path, "is a symbolic link");
  if (!stat.isFile()) throw unsafe(path, `is ${KINDS.find(([is]) => is(stat))?.[1] ?? "not a regular file"}`);
  if (stat.nlink > 1 && !isPublished(at, { stat, again }))
    throw unsafe(path, `has ${stat.nlink} names (hard links, such as \`cp -al\` makes)`);
  if (!isOwner(at, stat.uid)) throw unsafe(path, `belongs to uid ${stat.uid}`);
}

const KINDS: readonly (readonly [(stat: Stats) => boolean, string])[] = [
  [(stat) => stat.isFIFO(), "a named pipe"],
  [(stat) => stat.isSocket(), "a socket"],
  [(stat) => stat.isCharacterDevice() || stat.isBlockDevice(), "a device"],
  [(stat) => stat.isDirectory(), "a directory"],
];

/**
 * How often a file that is being published is looked at again. Once is enough unless other processes publish there all
 * the time.
 */
const LOOKS = 3;

/**
 * Whether every other name of a file is one of its temporaries beside it: a lock or a secret is published by a hard
 * link to a temporary, which is then removed. A file of another directory has a name there too, so it has one more name
 * than is found here.
 */
function isPublished(path: string, { stat, again }: { stat: Stats; again: () => Stats }): boolean {
  const own = basename(path);
  const of = readTemporaryName(own)?.of ?? own;
  for (let seen = stat, look = 0; look < LOOKS; look++) {
    const temporaries = readdirSync(dirname(path)).filter((name) => name !== own && readTemporaryName(name)?.of === of);
    const names = temporaries.filter((name) => {
      const there = lstatSync(join(dirname(path), name), { throwIfNoEntry: false });
      return there?.ino === seen.ino && there.dev === seen.dev;
    });
    if (seen.nlink === 1 + names.length) return true;
    seen = again(); // a temporary may have gone between the two
    if (seen.nlink === 1) return true;
  }
  return false;
}
