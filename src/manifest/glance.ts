/**
 * What the manifests declare, for commands that only look: they run no manifest's code, and write nothing. Code that
 * changed counts as it was when last loaded.
 */
import { assembleIndex, type LoadedManifest } from "./cache/assemble.ts";
import { entryOf, readCache } from "./cache/cache.ts";
import { type IndexOptions, indexOfCached, sortCached } from "./cache/current.ts";
import { sightOf } from "./cache/reading.ts";
import { isData } from "./imports/extensions.ts";
import type { LoadIndexOptions } from "./index.ts";
import type { ManifestIndex } from "./model/resolved.ts";

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
    return entry === undefined ? [] : [{ ...found, outcome: entry.outcome, entry }];
  });
  const index = indexOfCached(sight, { loaded, builtins: cache?.builtins ?? [] });
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
  const { loaded, stale } = sortCached(cache, { manifests: sight.read, options });
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
  const index = assembleIndex([...sight.fixed, ...loaded, ...seen], { sight, builtins });
  for (const { file, plugin } of index.failures) unsure.push({ file, plugin, is: "failed" });
  for (const { file } of index.unread) unsure.push({ file, plugin: null, is: "untrusted" });
  return { index, unsure };
}
