/**
 * The watches of one root's manifests: opened, kept and closed as the manifests say. One process at a time watches a
 * root: the one that holds the lock in its run directory.
 */
import { join } from "node:path";
import type { ManifestIndex } from "../manifest/model/resolved.ts";
import { logsOf } from "../supervisor/prepare/declaredlogs.ts";
import { type FileLock, tryFlock } from "../sys/files/flock.ts";
import { runDirectoryOf } from "../sys/places/paths.ts";
import { makePrivateDirectory } from "../sys/places/privatedirectory.ts";
import { type DeclaredWatch, type OneWatch, openWatch } from "./onewatch.ts";
import type { RootWatch, RootWatchOptions } from "./types.ts";

const LOCK_TRIES = 3;

/** Null when another process watches this root. */
export function watchRoot(options: RootWatchOptions): RootWatch | null {
  const { world, root } = options;
  const directory = join(runDirectoryOf(root, world.env), "watch");
  const lock = lockOf(directory);
  if (lock === "busy") return null;
  const open = new Map<string, Promise<OneWatch>>();
  return {
    async set(index) {
      const wanted = wantedOf(index, options.plugin);
      for (const [name, one] of open) {
        if (wanted.has(name)) continue;
        open.delete(name);
        void one.then((watch) => watch.close()).catch(() => {});
      }
      for (const [name, declared] of wanted)
        if (!open.has(name))
          open.set(name, openWatch({ options, directory, name, declared, logs: logsOf(root, index) }));
      await Promise.allSettled(open.values());
    },
    async idle() {
      for (const one of open.values()) await (await one).idle();
    },
    close() {
      for (const one of open.values()) void one.then((watch) => watch.close()).catch(() => {});
      open.clear();
      lock?.release();
    },
  };
}

function lockOf(directory: string): FileLock | "busy" | null {
  try {
    makePrivateDirectory(join(directory, ".."));
    makePrivateDirectory(directory);
    let tried = tryFlock(join(directory, "watch.lock"));
    // A process that only asks whether it is held (daemon/serving.ts) holds it for an instant.
    for (let again = 0; tried.is === "busy" && again < LOCK_TRIES; again++) {
      Bun.sleepSync(1);
      tried = tryFlock(join(directory, "watch.lock"));
    }
    return tried.is === "held" ? tried.lock : tried.is === "busy" ? "busy" : null;
  } catch {
    return null; // nothing can be noted there: watched all the same
  }
}

/** Each named by everything in which one watch differs from another. */
function wantedOf(index: ManifestIndex, only: string | null): Map<string, DeclaredWatch> {
  const wanted = new Map<string, DeclaredWatch>();
  for (const plugin of Object.values(index.plugins)) {
    if (only !== null && plugin.name !== only) continue;
    for (const [at, watch] of plugin.watch.entries())
      wanted.set(JSON.stringify([plugin.name, plugin.file, at, watch]), { plugin, watch, index: at });
  }
  return wanted;
}
