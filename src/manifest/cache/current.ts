/** Which outcomes in the cache still hold: everything that they came from is asked again, and nothing is started. */
import { pluginOf } from "../../values/key.ts";
import { createHasher, type Hasher, sameAnswers, sameEnvironment, sameFiles } from "../depends/digest.ts";
import type { FoundManifest } from "../discover/discover.ts";
import { isData } from "../imports/extensions.ts";
import { type Outcome, refusedOutcome } from "../model/outcome.ts";
import type { ManifestIndex, ResolvedPlugin } from "../model/resolved.ts";
import { assembleIndex, type LoadedManifest } from "./assemble.ts";
import { type Cache, type CacheEntry, entryOf } from "./cache.ts";
import type { Sight, SightOptions } from "./reading.ts";

export interface IndexOptions extends SightOptions {
  cacheDir: string;
  /** The one plugin of this call: failed manifests that it does not depend on are not tried again. Default: all are. */
  wanted?: string;
}

/** `entry` null: due to chance, so not kept. */
export interface CachedManifest extends LoadedManifest {
  entry: CacheEntry | null;
}

export interface Sorted {
  loaded: CachedManifest[];
  /** To be loaded again. */
  stale: FoundManifest[];
}

/** The manifests whose outcome in the cache still holds, and those to load. */
export function sortCached(
  cache: Cache | null,
  { manifests, options }: { manifests: readonly FoundManifest[]; options: IndexOptions },
): Sorted {
  const hasher = createHasher(options);
  const loaded: CachedManifest[] = [];
  const stale: FoundManifest[] = [];
  const failed: CachedManifest[] = [];
  for (const found of manifests) {
    const entry = entryOf(cache, found.file);
    if (entry === undefined || !isCurrent(entry, { env: options.env, hasher })) {
      stale.push(found);
      continue;
    }
    const known = { ...found, outcome: refusedImport(found.file, { entry, hasher }) ?? entry.outcome, entry };
    // The cause of a failure may pass without a trace in the files read: a slow disk, a busy machine.
    if (entry.outcome.is === "failure" && !isData(found.file)) failed.push(known);
    else loaded.push(known);
  }
  if (isEnough(loaded, options.wanted)) return { loaded: [...loaded, ...failed], stale };
  return { loaded, stale: [...stale, ...failed] };
}

/** Whether the wanted plugin is loaded, and with it every plugin that it names. */
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
  return [...new Set(keys.map(pluginOf))];
}

function isCurrent(entry: CacheEntry, { env, hasher }: { env: IndexOptions["env"]; hasher: Hasher }): boolean {
  return (
    entry.unknown === null &&
    sameEnvironment(entry.env, env) &&
    sameFiles(entry.files, hasher) &&
    sameAnswers(entry.seen)
  );
}

/** A file with the same content may have changed its owner or mode. */
function refusedImport(file: string, { entry, hasher }: { entry: CacheEntry; hasher: Hasher }): Outcome | null {
  for (const path in entry.files) {
    const refused = hasher.refusal(path);
    if (refused !== null) return refusedOutcome(file, refused);
  }
  return null;
}

/** The index that these manifests, and those that the root has fixed, yield together. */
export function indexOfCached(
  sight: Sight,
  { loaded, builtins }: { loaded: readonly CachedManifest[]; builtins: ResolvedPlugin[] },
): ManifestIndex {
  const all = loaded.map((one) => ({ ...one, parts: Object.keys(one.entry?.files ?? {}) }));
  return { ...assembleIndex([...sight.fixed, ...all], { sight, builtins }), ...unkeptOf(loaded) };
}

function unkeptOf(loaded: readonly { file: string; entry: CacheEntry | null }[]): Pick<ManifestIndex, "unkept"> {
  const unkept = loaded.flatMap(({ file, entry }) => (entry?.unknown == null ? [] : [{ file, why: entry.unknown }]));
  return unkept.length === 0 ? {} : { unkept };
}
