/**
 * The manifest index: what plugins there are and why others are not. Valid by content, so the usual call reads and
 * hashes a few files and starts nothing. Only what changed is loaded anew, each in a child of its own.
 */
import { assembleIndex, type LoadedManifest } from "./assemble.ts";
import { buildIdentity, type Cache, type CacheEntry, readCache, writeCache } from "./cache.ts";
import { createHasher, type Hasher, sameEnvironment, sameFiles } from "./digest.ts";
import { type Discovery, discover, type FoundManifest } from "./discover.ts";
import { type Outcome, refusedOutcome } from "./outcome.ts";
import type { ManifestIndex } from "./resolved.ts";

export interface IndexOptions {
  root: string;
  /** DIALTONE_HOME; null when there is none. */
  home: string | null;
  cacheDir: string;
  env: Record<string, string | undefined>;
}

export interface LoadIndexOptions extends IndexOptions {
  /** Load everything anew. */
  refresh?: boolean;
  /** The command of the load child; for tests. */
  loader?: string[];
  /** Time limit of one manifest. Default 5000. */
  timeoutMs?: number;
}

/** The index as the files are now. Never throws for a manifest's fault: that is in `failures`. */
export async function loadIndex(options: LoadIndexOptions): Promise<ManifestIndex> {
  if (options.refresh === true) return loadStale(options, null);
  const ready = readIndex(options);
  if (ready !== null) return ready;
  const [{ takeTurn }, { LOADING }] = await Promise.all([import("./turn.ts"), import("./load.ts")]);
  // A dt that a manifest runs while it is loaded would wait for that manifest.
  const turn = options.env[LOADING] === undefined ? await takeTurn(options.cacheDir) : null;
  try {
    return await loadStale(options, readCache(options));
  } finally {
    turn?.release();
  }
}

async function loadStale(options: LoadIndexOptions, cache: Cache | null): Promise<ManifestIndex> {
  const discovery = discover(options);
  const warm = fromCache(cache, discovery, options.env);
  if (warm.stale.length === 0 && cache !== null) return assembleIndex(warm.loaded, discovery.failures, cache.builtins);
  const [{ loadAll }, { resolveBuiltins }] = await Promise.all([import("./reload.ts"), import("./builtin.ts")]);
  const fresh = await loadAll(
    warm.stale.map((found) => found.file),
    options,
  );
  const builtins = cache?.builtins ?? resolveBuiltins();
  writeCache(options, mergeCache(cache, discovery, fresh, builtins));
  const outcomes = new Map(warm.loaded.map(({ file, outcome }) => [file, outcome]));
  for (const [file, { outcome }] of fresh) outcomes.set(file, outcome);
  const loaded = discovery.manifests.flatMap((found) => {
    const outcome = outcomes.get(found.file);
    return outcome === undefined ? [] : [{ ...found, outcome }];
  });
  return assembleIndex(loaded, discovery.failures, builtins);
}

/** The index of a directory that is no root yet: all is loaded, and nothing is written. */
export async function loadIndexOnce({ root, home, env }: Omit<IndexOptions, "cacheDir">): Promise<ManifestIndex> {
  const [{ loadAll }, { resolveBuiltins }] = await Promise.all([import("./reload.ts"), import("./builtin.ts")]);
  const { manifests, failures } = discover({ root, home, env });
  const files = manifests.map((found) => found.file);
  const fresh = await loadAll(files, { root, env });
  const loaded = manifests.flatMap((found) => {
    const outcome = fresh.get(found.file)?.outcome;
    return outcome === undefined ? [] : [{ ...found, outcome }];
  });
  return assembleIndex(loaded, failures, resolveBuiltins());
}

/** The index if the cache is up to date, else null. Nothing is started, nothing is written. */
export function readIndex(options: IndexOptions): ManifestIndex | null {
  const cache = readCache(options);
  if (cache === null) return null;
  const discovery = discover(options);
  const { loaded, stale } = fromCache(cache, discovery, options.env);
  return stale.length === 0 ? assembleIndex(loaded, discovery.failures, cache.builtins) : null;
}

/** What was known last about the manifests that are there, up to date or not; null when nothing is. For those who only look. */
export function peekIndex(options: IndexOptions): ManifestIndex | null {
  const cache = readCache(options);
  if (cache === null) return null;
  const discovery = discover(options);
  const loaded = discovery.manifests.flatMap((found) => {
    const outcome = entryOf(cache, found.file)?.outcome;
    return outcome === undefined ? [] : [{ ...found, outcome }];
  });
  return assembleIndex(loaded, discovery.failures, cache.builtins);
}

function entryOf(cache: Cache, file: string): CacheEntry | undefined {
  return Object.hasOwn(cache.entries, file) ? cache.entries[file] : undefined;
}

function fromCache(cache: Cache | null, discovery: Discovery, env: IndexOptions["env"]) {
  const hasher = createHasher(env);
  const loaded: LoadedManifest[] = [];
  const stale: FoundManifest[] = [];
  for (const found of discovery.manifests) {
    const entry = cache === null ? undefined : entryOf(cache, found.file);
    if (entry === undefined || !sameEnvironment(entry.env, env) || !sameFiles(entry.files, hasher)) stale.push(found);
    else loaded.push({ ...found, outcome: refusedImport(found.file, entry, hasher) ?? entry.outcome });
  }
  return { loaded, stale };
}

/** The same content may have changed hands. */
function refusedImport(file: string, entry: CacheEntry, hasher: Hasher): Outcome | null {
  for (const path in entry.files) {
    const refused = hasher.refusal(path);
    if (refused !== null) return refusedOutcome(file, refused);
  }
  return null;
}

function mergeCache(
  cache: Cache | null,
  discovery: Discovery,
  fresh: Map<string, CacheEntry & { lasting: boolean }>,
  builtins: Cache["builtins"],
): Cache {
  const entries: Cache["entries"] = {};
  for (const { file } of discovery.manifests) {
    const loaded = fresh.get(file);
    if (loaded === undefined) {
      const kept = cache === null ? undefined : entryOf(cache, file);
      if (kept !== undefined) entries[file] = kept;
    } else if (loaded.lasting) {
      entries[file] = { outcome: loaded.outcome, files: loaded.files, env: loaded.env };
    }
  }
  return { build: buildIdentity(), entries, builtins };
}
