/**
 * The index on disk: for each manifest its outcome and the digest of all it came from. Safe to delete, rebuilt when it
 * does not parse, ignored when another user could have written it. Not being able to write it costs time, nothing else.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "../sys/files.ts";
import { ignoreInGit, makePrivateDirectory } from "../sys/paths.ts";
import { BUILD, COMMIT, VERSION } from "../sys/version.ts";
import type { Digest } from "./digest.ts";
import type { Outcome } from "./outcome.ts";
import type { ResolvedPlugin } from "./resolved.ts";

export interface CacheEntry {
  outcome: Outcome;
  files: Digest;
  env: Digest;
}

export interface Cache {
  /** The dt that wrote it; another one may resolve differently. */
  build: string;
  entries: Record<string, CacheEntry>;
  builtins: ResolvedPlugin[];
}

const FORMAT = 1;

/** Another version may resolve differently; two builds of one commit may differ as well. */
export function buildIdentity(): string {
  return `${FORMAT} ${VERSION} ${COMMIT} ${BUILD}`;
}

function cacheFile(directory: string): string {
  return join(directory, "index.json");
}

/** Null when there is none to use. */
export function readCache(directory: string): Cache | null {
  try {
    const me = process.geteuid?.();
    if (me !== undefined && lstatSync(directory).uid !== me) return null;
    const fd = openSync(cacheFile(directory), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile() || (me !== undefined && stat.uid !== me) || (stat.mode & 0o022) !== 0) return null;
      const cache = JSON.parse(readFileSync(fd, "utf8")) as Cache;
      return cache.build === buildIdentity() && isWhole(cache) ? cache : null;
    } finally {
      closeSync(fd);
    }
  } catch {
    return null; // absent, unreadable or cut off: rebuilt
  }
}

/** The outer shape; what is inside was written by this very build. */
function isWhole(cache: Cache): boolean {
  if (!Array.isArray(cache.builtins) || typeof cache.entries !== "object" || cache.entries === null) return false;
  return Object.values(cache.entries).every(
    (entry) =>
      typeof entry?.outcome?.is === "string" && typeof entry.files === "object" && typeof entry.env === "object",
  );
}

export function writeCache(directory: string, cache: Cache): void {
  try {
    makePrivateDirectory(directory);
    ignoreInGit(directory);
    writeWhole(cacheFile(directory), JSON.stringify(cache), { durable: false });
  } catch {
    // read-only, full or not ours: the next call loads anew
  }
}
