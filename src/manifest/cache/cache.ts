/**
 * The index on disk: for each manifest its outcome, and the digest of everything that depends on. It is safe to delete,
 * and rebuilt if it does not parse or is not this user's (its first line is a seal). A failed write costs only time.
 */
import { join } from "node:path";
import { readOwn } from "../../sys/door/door.ts";
import { writeOwn } from "../../sys/files/filewrite.ts";
import { checkPrivateDirectory, ignoreInGit, makePrivateDirectory } from "../../sys/places/privatedirectory.ts";
import { makeSeal } from "../../sys/seal/seal.ts";
import type { Digest } from "../depends/digest.ts";
import type { Outcome } from "../model/outcome.ts";
import type { ResolvedPlugin } from "../model/resolved.ts";
import { buildIdentity } from "./build.ts";

export interface CacheEntry {
  outcome: Outcome;
  files: Digest;
  env: Digest;
  /** What the evaluation asked of the machine, with the answers (`manifest/depends/questions.ts`). */
  seen: Digest;
  /** Why the manifest is loaded again at each call; null: the outcome is kept. */
  unknown: string | null;
}

export interface Cache {
  /** The build of dt that wrote it; another build may resolve differently. */
  build: string;
  entries: Record<string, CacheEntry>;
  builtins: ResolvedPlugin[];
}

function cacheFile(directory: string): string {
  return join(directory, "index.json");
}

/** Where the index is, and whose it is. */
export interface CachePlace {
  cacheDir: string;
  /** DIALTONE_HOME, where the user's secret is; null when there is none. */
  home: string | null;
}

/** Null when it cannot be used: absent, truncated, written by another build of dt, or not this user's. */
export function readCache({ cacheDir, home }: CachePlace): Cache | null {
  try {
    checkPrivateDirectory(cacheDir);
    const file = cacheFile(cacheDir);
    const text = makeSeal(cacheDir, home).openText(file, readOwn(file).toString("utf8"));
    if (text === null) return null;
    const cache = JSON.parse(text) as Cache;
    return cache.build === buildIdentity() && isWhole(cache) ? cache : null;
  } catch {
    return null; // rebuilt
  }
}

/** Checks the outer shape only: this very build wrote the rest. */
function isWhole(cache: Cache): boolean {
  if (!Array.isArray(cache.builtins) || typeof cache.entries !== "object" || cache.entries === null) return false;
  return Object.values(cache.entries).every(
    (entry) =>
      typeof entry?.outcome?.is === "string" &&
      typeof entry.files === "object" &&
      typeof entry.env === "object" &&
      typeof entry.seen === "object",
  );
}

export function entryOf(cache: Cache | null, file: string): CacheEntry | undefined {
  return cache !== null && Object.hasOwn(cache.entries, file) ? cache.entries[file] : undefined;
}

export function writeCache({ cacheDir, home }: CachePlace, cache: Cache): void {
  try {
    makePrivateDirectory(cacheDir);
    ignoreInGit(cacheDir);
    const file = cacheFile(cacheDir);
    writeOwn(file, { text: makeSeal(cacheDir, home).closeText(file, JSON.stringify(cache)), durable: false });
  } catch {
    // read-only, full or not ours: the next call loads again
  }
}
