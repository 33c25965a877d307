/** What a manifest's outcome depends on, as hashes: files by content, absent files as null, variables by value. */
import { type Stats, statSync } from "node:fs";
import { errnoOf } from "../../sys/base/error.ts";
import { readBytes } from "../../sys/files/plainfile.ts";
import { type Distrust, distrust, type Judge } from "../discover/trust.ts";
import { FILE_LIMIT, hashOf } from "../model/hash.ts";
import { LOADING } from "./begun.ts";
import { answerTo } from "./questions.ts";

/** A path that ends in `/` stands for the existence of a directory. */
export type Digest = Record<string, string | null>;

type Environment = Record<string, string | undefined>;

export interface Hasher {
  hash(path: string): string | null;
  refusal(path: string): Distrust | null;
}

/** Hashes each file at most once in its lifetime, and finds files that cannot be trusted. */
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
        ? { hash: "directory", refused: distrust(path, { stat, ...judge }) }
        : { hash: null, refused: null };
    if (!stat.isFile()) return { hash: null, refused: null };
    const refused = distrust(path, { stat, ...judge });
    if (stat.size > FILE_LIMIT) return { hash: `size ${stat.size}`, refused };
    const bytes = readBytes(path, FILE_LIMIT);
    return { hash: bytes === null ? `size ${FILE_LIMIT + 1}` : hashOf(bytes), refused };
  } catch (error) {
    return { hash: `unreadable ${errnoOf(error)}`, refused: null };
  }
}

/** Whether every file is unchanged. */
export function sameFiles(digest: Digest, hasher: Hasher): boolean {
  for (const path in digest) if (hasher.hash(path) !== digest[path]) return false;
  return true;
}

/** Variables that steer Bun itself; the load child starts without them. */
export const LOADER_STEERING = /^(BUN_OPTIONS|BUN_BE_BUN|BUN_INSPECT.*|BUN_FEATURE_FLAG_.*|BUN_JSC_.*)$/;

/** The names of the variables that are set, except those that dt itself adds or removes for a manifest. */
export function variableNamesOf(env: Environment): string {
  return Object.keys(env)
    .filter(
      (name) => env[name] !== undefined && name !== "DIALTONE_ROOT" && name !== LOADING && !LOADER_STEERING.test(name),
    )
    .sort()
    .join("\0");
}

/** The name "" stands for the set of variable names. */
export function sameEnvironment(digest: Digest, env: Environment): boolean {
  for (const name in digest) {
    const value = name === "" ? variableNamesOf(env) : env[name];
    if ((value === undefined ? null : hashOf(value)) !== digest[name]) return false;
  }
  return true;
}

/** Whether every question has the same answer as before. */
export function sameAnswers(seen: Digest): boolean {
  for (const question in seen) if (answerTo(question) !== seen[question]) return false;
  return true;
}
