/**
 * The manifest index: which plugins there are, and why a manifest yields none. It is valid by content, so the usual
 * call reads and hashes a few files and starts nothing. Only manifests that changed are loaded again, each in a child
 * of its own. `reading` says which manifests of a root are read at all. glance.ts is for commands that only look.
 */
import { assembleIndex } from "./cache/assemble.ts";
import { type Cache, type CacheEntry, entryOf, readCache, writeCache } from "./cache/cache.ts";
import { type CachedManifest, type IndexOptions, indexOfCached, sortCached } from "./cache/current.ts";
import { type Sight, type SightOptions, sightOf } from "./cache/reading.ts";
import { entryOfFresh, renewCache } from "./cache/renew.ts";
import { LOADING } from "./depends/begun.ts";
import type { FoundManifest } from "./discover/discover.ts";
import type { ManifestIndex, ResolvedPlugin } from "./model/resolved.ts";

export interface LoadIndexOptions extends IndexOptions {
  /** Load everything again. */
  refresh?: boolean;
  /** The command of the load child; for tests. */
  loader?: string[];
  /** Time limit of one manifest. Default 5000. */
  timeoutMs?: number;
  /** Called before this process runs code of manifests, or waits for another process that does. */
  onLoad?: () => Promise<void>;
}

/** An index, and the outcomes of the root's own manifests, for taking them over; null for one that is due to chance. */
export interface Loaded {
  index: ManifestIndex;
  entries: (FoundManifest & { entry: CacheEntry | null })[];
}

/** The index under the given `reading`. Never throws for a manifest's fault: that is in `failures`. */
export async function loadIndex(options: LoadIndexOptions): Promise<ManifestIndex> {
  return (await loadManifests(options)).index;
}

export async function loadManifests(options: LoadIndexOptions): Promise<Loaded> {
  if (options.refresh === true) return loadStale(options, null);
  const ready = readReady(options);
  if (ready.is === "ready") return ready.loaded;
  await options.onLoad?.();
  const { takeTurn } = await import("./cache/loadlock.ts");
  // No turn for a dt that a manifest runs while loading: it would wait for that manifest. And none for manifests that
  // each call loads for itself: another process's turn would not save the work.
  const isShared = ready.is === "stale" && options.env[LOADING] === undefined;
  const turn = isShared ? await takeTurn(options.cacheDir) : null;
  try {
    return await loadStale(options, readCache(options));
  } finally {
    turn?.release();
  }
}

async function loadStale(options: LoadIndexOptions, cache: Cache | null): Promise<Loaded> {
  const sight = sightOf(options);
  const warm = sortCached(cache, { manifests: sight.read, options });
  if (warm.stale.length === 0 && cache !== null)
    return conclude(sight, { loaded: warm.loaded, builtins: cache.builtins });
  const [{ loadAll }, { resolveBuiltins }] = await Promise.all([
    import("./cache/reload.ts"),
    import("./resolve/builtin.ts"),
  ]);
  const fresh = await loadAll(
    warm.stale.map((found) => found.file),
    options,
  );
  const builtins = cache?.builtins ?? resolveBuiltins();
  // A cache begun without the root's own manifests would tell readers that there are none, so the user's call begins
  // it.
  if (cache !== null || options.reading !== "known")
    writeCache(options, renewCache(cache, { reading: options.reading, read: sight.read, fresh, builtins }));
  const known = new Map<string, CachedManifest>(warm.loaded.map((one) => [one.file, one]));
  for (const found of warm.stale) {
    const loaded = fresh.get(found.file);
    if (loaded !== undefined)
      known.set(found.file, { ...found, outcome: loaded.outcome, entry: loaded.lasting ? entryOfFresh(loaded) : null });
  }
  return conclude(sight, { loaded: sight.read.flatMap((found) => known.get(found.file) ?? []), builtins });
}

function conclude(
  sight: Sight,
  { loaded, builtins }: { loaded: CachedManifest[]; builtins: ResolvedPlugin[] },
): Loaded {
  const entries = loaded.flatMap(({ file, origin, entry }) => (origin === "home" ? [] : [{ file, origin, entry }]));
  return { index: indexOfCached(sight, { loaded, builtins }), entries };
}

/** The index of a directory that is not a root yet: loads every manifest that it may read, and writes nothing. */
export async function loadIndexOnce(options: SightOptions): Promise<ManifestIndex> {
  const [{ loadAll }, { resolveBuiltins }] = await Promise.all([
    import("./cache/reload.ts"),
    import("./resolve/builtin.ts"),
  ]);
  const sight = sightOf(options);
  const { read } = sight;
  const fresh = await loadAll(
    read.map((found) => found.file),
    options,
  );
  const loaded = read.flatMap((found) => {
    const one = fresh.get(found.file);
    return one === undefined ? [] : [{ ...found, outcome: one.outcome, parts: Object.keys(one.files) }];
  });
  return assembleIndex(loaded, { sight, builtins: resolveBuiltins() });
}

/** The index if the cache is up to date, else null. Starts nothing and writes nothing. */
export function readIndex(options: IndexOptions): ManifestIndex | null {
  const ready = readReady(options);
  return ready.is === "ready" ? ready.loaded.index : null;
}

/** `own`: every manifest left to load must be loaded at each call. */
function readReady(options: IndexOptions): { is: "ready"; loaded: Loaded } | { is: "stale" | "own" } {
  const cache = readCache(options);
  if (cache === null) return { is: "stale" };
  const sight = sightOf(options);
  const { loaded, stale } = sortCached(cache, { manifests: sight.read, options });
  if (stale.length === 0) return { is: "ready", loaded: conclude(sight, { loaded, builtins: cache.builtins }) };
  const isOwn = ({ file }: FoundManifest) => {
    const entry = entryOf(cache, file);
    return entry !== undefined && (entry.unknown !== null || entry.outcome.is === "failure");
  };
  return { is: stale.every(isOwn) ? "own" : "stale" };
}
