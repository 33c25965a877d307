/** What a manifest's outcome depends on, as hashes: files by content, absent files as null, variables by value. */
import { type Stats, statSync } from "node:fs";
import { errnoOf } from "../sys/error.ts";
import { readBytes } from "../sys/plainfile.ts";
import { hashOf } from "./hash.ts";
import { type Distrust, distrust, type Judge } from "./trust.ts";

/** A path ending in `/` stands for a directory's being there. */
export type Digest = Record<string, string | null>;

/** A larger manifest is a mistake, or a device. */
export const FILE_LIMIT = 16 * 1024 * 1024;

type Environment = Record<string, string | undefined>;

export interface Hasher {
  hash(path: string): string | null;
  refusal(path: string): Distrust | null;
}

/** Hashes each file once in its life, and finds those not to be trusted. */
export function createHasher(judge: Judge): Hasher {
  const known = new Map<string, Look>();
  const look = (path: string): Look => {
    const seen = known.get(path);
    if (seen !== undefined) return seen;
    const fresh = lookAt(path, judge);
    known.set(path, fresh);
    return fresh;
  };
  return { hash: (path) => look(path).hash, refusal: (path) => look(path).refused };
}

interface Look {
  hash: string | null;
  refused: Distrust | null;
}

function lookAt(path: string, judge: Judge): Look {
  try {
    const stat: Stats | undefined = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return { hash: null, refused: null };
    if (path.endsWith("/"))
      return stat.isDirectory()
        ? { hash: "directory", refused: distrust(path, stat, judge) }
        : { hash: null, refused: null };
    if (!stat.isFile()) return { hash: null, refused: null };
    const refused = distrust(path, stat, judge);
    if (stat.size > FILE_LIMIT) return { hash: `size ${stat.size}`, refused };
    const bytes = readBytes(path, FILE_LIMIT);
    return { hash: bytes === null ? `size ${FILE_LIMIT + 1}` : hashOf(bytes), refused };
  } catch (error) {
    return { hash: `unreadable ${errnoOf(error)}`, refused: null };
  }
}

/** Whether everything is as it was. */
export function sameFiles(digest: Digest, hasher: Hasher): boolean {
  for (const path in digest) if (hasher.hash(path) !== digest[path]) return false;
  return true;
}

export function sameEnvironment(digest: Digest, env: Environment): boolean {
  for (const name in digest) {
    const value = env[name];
    if ((value === undefined ? null : hashOf(value)) !== digest[name]) return false;
  }
  return true;
}
