/** What the cache holds once manifests were loaded again, and once a root is no longer trusted. */
import type { FoundManifest } from "../discover/discover.ts";
import { isData } from "../imports/extensions.ts";
import { buildIdentity } from "./build.ts";
import { type Cache, type CacheEntry, entryOf, readCache, writeCache } from "./cache.ts";
import type { Reading } from "./reading.ts";

export interface Renewal {
  reading: Reading;
  /** The manifests that are read. */
  read: readonly FoundManifest[];
  /** By file, those that were loaded; `lasting`: not due to chance. */
  fresh: ReadonlyMap<string, CacheEntry & { lasting: boolean }>;
  builtins: Cache["builtins"];
}

/** Drops the outcomes of code in a root that is not trusted; the daemon does not read those, so it keeps them. */
export function renewCache(cache: Cache | null, { reading, read, fresh, builtins }: Renewal): Cache {
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

export function entryOfFresh({ outcome, files, env, seen, unknown }: CacheEntry): CacheEntry {
  return { outcome, files, env, seen, unknown };
}

/** Removes from the cache every outcome of code, except that of the user's own manifests. */
export function forgetCode(cacheDir: string, home: string): void {
  const cache = readCache({ cacheDir, home });
  if (cache === null) return;
  const kept = Object.entries(cache.entries).filter(([file]) => isData(file) || file.startsWith(`${home}/`));
  writeCache({ cacheDir, home }, { ...cache, entries: Object.fromEntries(kept) });
}
