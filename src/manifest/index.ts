/**
 * The manifest index: which plugins there are, and why a manifest yields none. It is valid by content, so the usual
 * call reads and hashes a few files and starts nothing. Only manifests that changed are loaded again, each in a child
 * of its own. `reading` says which manifests of a root are read at all.
 */
import { assembleIndex, type LoadedManifest } from "./cache/assemble.ts";
import { buildIdentity } from "./cache/build.ts";
import { type Cache, type CacheEntry, readCache, writeCache } from "./cache/cache.ts";
import { type Sight, type SightOptions, sightOf } from "./cache/reading.ts";
import { LOADING } from "./depends/begun.ts";
import { createHasher, type Hasher, sameAnswers, sameEnvironment, sameFiles } from "./depends/digest.ts";
import type { FoundManifest } from "./discover/discover.ts";
import { isData } from "./imports/extensions.ts";
import { type Outcome, refusedOutcome } from "./model/outcome.ts";
import type { ManifestIndex, ResolvedPlugin } from "./model/resolved.ts";

export interface IndexOptions extends SightOptions {
  cacheDir: string;
  /** The one plugin of this call: failed manifests that it does not depend on are not tried again. Default: all are. */
  wanted?: string;
}

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
  const { takeTurn } = await import("./cache/turn.ts");
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
  const warm = fromCache(cache, sight.read, options);
  if (warm.stale.length === 0 && cache !== null) return conclude(sight, warm.loaded, cache.builtins);
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
    writeCache(options, mergeCache(cache, options, sight, fresh, builtins));
  const known = new Map<string, CachedManifest>(warm.loaded.map((one) => [one.file, one]));
  for (const found of warm.stale) {
    const loaded = fresh.get(found.file);
    if (loaded !== undefined)
      known.set(found.file, { ...found, outcome: loaded.outcome, entry: loaded.lasting ? entryOfFresh(loaded) : null });
  }
  return conclude(
    sight,
    sight.read.flatMap((found) => known.get(found.file) ?? []),
    builtins,
  );
}

interface CachedManifest extends LoadedManifest {
  entry: CacheEntry | null;
}

function conclude(sight: Sight, loaded: CachedManifest[], builtins: ResolvedPlugin[]): Loaded {
  const entries = loaded.flatMap(({ file, origin, entry }) => (origin === "home" ? [] : [{ file, origin, entry }]));
  const all = loaded.map((one) => ({ ...one, parts: Object.keys(one.entry?.files ?? {}) }));
  const index = assembleIndex([...sight.fixed, ...all], sight, builtins);
  return { index: { ...index, ...unkeptOf(loaded) }, entries };
}

function unkeptOf(loaded: readonly { file: string; entry: CacheEntry | null }[]): Pick<ManifestIndex, "unkept"> {
  const unkept = loaded.flatMap(({ file, entry }) => (entry?.unknown == null ? [] : [{ file, why: entry.unknown }]));
  return unkept.length === 0 ? {} : { unkept };
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
  return assembleIndex(loaded, sight, resolveBuiltins());
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
  const { loaded, stale } = fromCache(cache, sight.read, options);
  if (stale.length === 0) return { is: "ready", loaded: conclude(sight, loaded, cache.builtins) };
  const isOwn = ({ file }: FoundManifest) => {
    const entry = entryOf(cache, file);
    return entry !== undefined && (entry.unknown !== null || entry.outcome.is === "failure");
  };
  return { is: stale.every(isOwn) ? "own" : "stale" };
}

/**
 * What the cache last knew about the manifests that exist, up to date or not; null if nothing is known. For commands
 * that only look.
 */
export function peekIndex(options: IndexOptions): ManifestIndex | null {
  const cache = readCache(options);
  if (cache === null && options.reading !== "known") return null;
  const sight = sightOf(options);
  const loaded = sight.read.flatMap((found) => {
    const entry = entryOf(cache, found.file);
    return entry === undefined ? [] : [{ ...found, outcome: entry.outcome, parts: Object.keys(entry.files), entry }];
  });
  const index = { ...assembleIndex([...sight.fixed, ...loaded], sight, cache?.builtins ?? []), ...unkeptOf(loaded) };
  return loaded.length === sight.read.length ? index : { ...index, isPartial: true };
}

/** A manifest whose current declarations are unknown. */
export interface Unsure {
  /** Absolute; the directory, if that was refused as a whole. */
  file: string;
  /** The plugin that it declared when last read, or whose name a failed load found; null if unknown. */
  plugin: string | null;
  /** `changed` and `new`: code, which looking does not run. */
  is: "changed" | "new" | "failed" | "untrusted";
}

export interface Glance {
  index: ManifestIndex;
  unsure: Unsure[];
}

/**
 * What the manifests declare, for commands that only look: data as it is now, code as it was last loaded. Data that
 * cannot be loaded now counts as it last did. Runs no manifest's code and writes nothing.
 */
export async function glanceIndex(options: LoadIndexOptions): Promise<Glance> {
  const cache = readCache(options);
  const sight = sightOf(options);
  const { loaded, stale } = fromCache(cache, sight.read, options);
  const data = stale.flatMap(({ file }) => (isData(file) ? [file] : []));
  const fresh = data.length === 0 ? null : await (await import("./cache/reload.ts")).loadAll(data, options);
  const builtins = cache?.builtins ?? (await import("./resolve/builtin.ts")).resolveBuiltins();
  const unsure: Unsure[] = [];
  const seen = stale.flatMap((found): LoadedManifest[] => {
    const now = fresh?.get(found.file)?.outcome;
    const was = entryOf(cache, found.file)?.outcome;
    if (now !== undefined && now.is !== "failure") return [{ ...found, outcome: now }];
    const plugin = was?.is === "plugin" ? was.plugin.name : null;
    // One that failed before is already among the failures of the index.
    if (now === undefined && was?.is !== "failure")
      unsure.push({ file: found.file, plugin, is: was === undefined ? "new" : "changed" });
    else if (now !== undefined && plugin !== null) unsure.push({ file: found.file, plugin, is: "failed" });
    const outcome = now === undefined || plugin !== null ? was : now;
    return outcome === undefined ? [] : [{ ...found, outcome }];
  });
  const index = assembleIndex([...sight.fixed, ...loaded, ...seen], sight, builtins);
  for (const { file, plugin } of index.failures) unsure.push({ file, plugin, is: "failed" });
  for (const { file } of index.unread) unsure.push({ file, plugin: null, is: "untrusted" });
  return { index, unsure };
}

function entryOf(cache: Cache | null, file: string): CacheEntry | undefined {
  return cache !== null && Object.hasOwn(cache.entries, file) ? cache.entries[file] : undefined;
}

function fromCache(cache: Cache | null, manifests: readonly FoundManifest[], options: IndexOptions) {
  const hasher = createHasher(options);
  const loaded: CachedManifest[] = [];
  const stale: FoundManifest[] = [];
  const failed: CachedManifest[] = [];
  for (const found of manifests) {
    const entry = entryOf(cache, found.file);
    if (entry === undefined || !isCurrent(entry, options.env, hasher)) {
      stale.push(found);
      continue;
    }
    const known = { ...found, outcome: refusedImport(found.file, entry, hasher) ?? entry.outcome, entry };
    // The cause of a failure may pass without a trace in the files read: a slow disk, a busy machine.
    if (entry.outcome.is === "failure" && !isData(found.file)) failed.push(known);
    else loaded.push(known);
  }
  if (isEnough(loaded, options.wanted)) return { loaded: [...loaded, ...failed], stale };
  return { loaded, stale: [...stale, ...failed] };
}

/** Whether the plugin is loaded, and with it every plugin that it names. */
function isEnough(loaded: readonly CachedManifest[], wanted: string | undefined): boolean {
  if (wanted === undefined) return false;
  const plugins = new Map(
    loaded.flatMap(({ outcome }) => (outcome.is === "plugin" ? [[outcome.plugin.name, outcome.plugin]] : [])),
  );
  const there = new Set<string>();
  const visit = (name: string): boolean => {
    if (there.has(name)) return true;
    const plugin = plugins.get(name);
    if (plugin === undefined) return false;
    there.add(name);
    return pluginsNamedBy(plugin).every(visit);
  };
  return visit(wanted);
}

function pluginsNamedBy(plugin: ResolvedPlugin): string[] {
  const keys = Object.values(plugin.commands).flatMap(({ variants }) =>
    Object.values(variants).flatMap((settings) => [
      ...settings.needs.map(({ key }) => key),
      ...(settings.kind === "managed" ? settings.before : []),
    ]),
  );
  return [...new Set(keys.map((key) => key.split(":")[0] as string))];
}

function isCurrent(entry: CacheEntry, env: IndexOptions["env"], hasher: Hasher): boolean {
  return (
    entry.unknown === null &&
    sameEnvironment(entry.env, env) &&
    sameFiles(entry.files, hasher) &&
    sameAnswers(entry.seen)
  );
}

/** A file with the same content may have changed its owner or mode. */
function refusedImport(file: string, entry: CacheEntry, hasher: Hasher): Outcome | null {
  for (const path in entry.files) {
    const refused = hasher.refusal(path);
    if (refused !== null) return refusedOutcome(file, refused);
  }
  return null;
}

/** Drops the outcomes of code in a root that is not trusted; the daemon does not read those, so it keeps them. */
function mergeCache(
  cache: Cache | null,
  { reading }: IndexOptions,
  { read }: Sight,
  fresh: Map<string, CacheEntry & { lasting: boolean }>,
  builtins: Cache["builtins"],
): Cache {
  const entries: Cache["entries"] = reading === "known" ? { ...cache?.entries } : {};
  for (const { file } of read) {
    const loaded = fresh.get(file);
    if (loaded === undefined) {
      const kept = entryOf(cache, file);
      if (kept !== undefined) entries[file] = kept;
    } else if (loaded.lasting) entries[file] = entryOfFresh(loaded);
    else delete entries[file];
  }
  return { build: buildIdentity(), entries, builtins };
}

function entryOfFresh({ outcome, files, env, seen, unknown }: CacheEntry): CacheEntry {
  return { outcome, files, env, seen, unknown };
}

/** Removes from the cache every outcome of code, except that of the user's own manifests. */
export function forgetCode(cacheDir: string, home: string): void {
  const cache = readCache({ cacheDir, home });
  if (cache === null) return;
  const kept = Object.entries(cache.entries).filter(([file]) => isData(file) || file.startsWith(`${home}/`));
  writeCache({ cacheDir, home }, { ...cache, entries: Object.fromEntries(kept) });
}
