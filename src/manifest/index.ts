/**
 * The manifest index: what plugins there are and why others are not. Valid by content, so the usual call reads and
 * hashes a few files and starts nothing. Only what changed is loaded anew, each in a child of its own. How much of a root is
 * followed at all, its `reading` says.
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
  /** The one plugin that the call is about: a manifest that failed and has nothing to do with it is not tried again. Default: all are. */
  wanted?: string;
}

export interface LoadIndexOptions extends IndexOptions {
  /** Load everything anew. */
  refresh?: boolean;
  /** The command of the load child; for tests. */
  loader?: string[];
  /** Time limit of one manifest. Default 5000. */
  timeoutMs?: number;
  /** Called before code of manifests is run, or waited for while somebody else runs it. */
  onLoad?: () => Promise<void>;
}

/** An index, and what each of the root's own manifests came to, for who takes them over; null where that was by chance. */
export interface Loaded {
  index: ManifestIndex;
  entries: (FoundManifest & { entry: CacheEntry | null })[];
}

/** The index as its reading says. Never throws for a manifest's fault: that is in `failures`. */
export async function loadIndex(options: LoadIndexOptions): Promise<ManifestIndex> {
  return (await loadManifests(options)).index;
}

export async function loadManifests(options: LoadIndexOptions): Promise<Loaded> {
  if (options.refresh === true) return loadStale(options, null);
  const ready = readReady(options);
  if (ready.is === "ready") return ready.loaded;
  await options.onLoad?.();
  const { takeTurn } = await import("./cache/turn.ts");
  // A dt that a manifest runs while it is loaded would wait for that manifest; what each call loads for itself, nobody else's turn spares it.
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
  // Without what the root's manifests came to it would say, to whoever looks, that there are none: a person's call begins it.
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

/** The index of a directory that is no root yet: all that may be is loaded, and nothing is written. */
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

/** The index if the cache is up to date, else null. Nothing is started, nothing is written. */
export function readIndex(options: IndexOptions): ManifestIndex | null {
  const ready = readReady(options);
  return ready.is === "ready" ? ready.loaded.index : null;
}

/** `own`: all that is to be loaded is so for each call. */
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

/** What was known last about the manifests that are there, up to date or not; null when nothing is. For those who only look. */
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

/** A manifest of which it is not known what it declares now. */
export interface Unsure {
  /** Absolute; of a directory that was refused whole, that. */
  file: string;
  /** The plugin that it declared when it was last read, or as far as it got; null where that is not known. */
  plugin: string | null;
  /** `changed` and `new`: code that is not run to look at it. */
  is: "changed" | "new" | "failed" | "untrusted";
}

export interface Glance {
  index: ManifestIndex;
  unsure: Unsure[];
}

/**
 * What the manifests declare, for whoever only looks and needs to know it: data as it is now, code as it was last loaded. What cannot be loaded
 * now counts as it was when it could. No manifest's code is run, nothing is written.
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
    // What failed then is among the failures of the index.
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
    // What made code fail may be over without a trace in what it read: a slow disk, a busy machine.
    if (entry.outcome.is === "failure" && !isData(found.file)) failed.push(known);
    else loaded.push(known);
  }
  if (isEnough(loaded, options.wanted)) return { loaded: [...loaded, ...failed], stale };
  return { loaded, stale: [...stale, ...failed] };
}

/** Whether the plugin is there with all that it names. */
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

/** The same content may have changed hands. */
function refusedImport(file: string, entry: CacheEntry, hasher: Hasher): Outcome | null {
  for (const path in entry.files) {
    const refused = hasher.refusal(path);
    if (refused !== null) return refusedOutcome(file, refused);
  }
  return null;
}

/** What code of a root that is not trusted came to is forgotten; the daemon, which does not read it, leaves it be. */
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

/** Of what is cached, all that came from code that is not the user's own. */
export function forgetCode(cacheDir: string, home: string): void {
  const cache = readCache({ cacheDir, home });
  if (cache === null) return;
  const kept = Object.entries(cache.entries).filter(([file]) => isData(file) || file.startsWith(`${home}/`));
  writeCache({ cacheDir, home }, { ...cache, entries: Object.fromEntries(kept) });
}
