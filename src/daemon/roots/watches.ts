/** Watches the files of all registered roots. If a `dt watch` holds a root, it is taken over when that ends. */
import { makeLanes } from "../../jobs/queue.ts";
import type { Jobs, Log, RootWatch } from "../../jobs/types.ts";
import { watchRoot } from "../../jobs/watcher.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import type { World } from "../../supervisor/ground/ground.ts";
import { messageOf } from "../../sys/base/error.ts";
import { isRootThere } from "../../sys/places/root.ts";

/** Jobs at a time, of all roots together. */
const AT_ONCE = 4;

export interface Watches {
  /** Null: the root is no longer registered. */
  set(root: string, index: ManifestIndex | null): void;
  /** Called now and then: tries again to take the roots that another process watches. */
  look(): void;
  close(): void;
}

export interface WatchesOptions {
  world: World;
  jobs: Jobs;
  log: Log;
  /** Since when a root is to be watched; null: unknown. */
  askedAt: (root: string) => number | null;
}

export function makeWatches({ world, jobs, log, askedAt }: WatchesOptions): Watches {
  const lanes = makeLanes(AT_ONCE);
  const watched = new Map<string, RootWatch>();
  const waiting = new Map<string, ManifestIndex>();

  function take(root: string, index: ManifestIndex): void {
    const since = () => askedAt(root);
    const watch =
      watched.get(root) ?? watchRoot({ world, root, jobs, lanes, log, source: "watcher", plugin: null, since });
    if (watch === null) {
      if (!waiting.has(root)) log("info", "another process watches this root", { root });
      waiting.set(root, index);
      return;
    }
    waiting.delete(root);
    watched.set(root, watch);
    watch.set(index).catch((error) => log("error", messageOf(error), { root }));
  }

  return {
    set(root, index) {
      if (index === null) {
        watched.get(root)?.close();
        watched.delete(root);
        waiting.delete(root);
        return;
      }
      const watches = Object.values(index.plugins).some((plugin) => plugin.watch.length > 0);
      if (watches || watched.has(root)) take(root, index);
    },
    look() {
      for (const [root, index] of waiting) if (isRootThere(root)) take(root, index);
    },
    close() {
      for (const watch of watched.values()) watch.close();
    },
  };
}
