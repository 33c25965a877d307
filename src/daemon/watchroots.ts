/**
 * The registered roots and their manifests, as they are now: loaded when the daemon begins, and again when a root is registered, when something changes
 * in a `manifests/` directory, and now and then, since a manifest may import what lies elsewhere.
 */
import { existsSync, type FSWatcher, watch } from "node:fs";
import { join } from "node:path";
import type { ManifestIndex } from "../manifest/resolved.ts";
import { messageOf } from "../sys/error.ts";
import type { Log } from "./log.ts";
import type { DaemonPaths } from "./paths.ts";
import { indexOf, type World } from "./project.ts";
import { registeredRoots } from "./roots.ts";

const SETTLE_MS = 200;
const AGAIN_MS = 5 * 60_000;

export interface Projects {
  /** With manifests that could be loaded. */
  all(): ReadonlyMap<string, ManifestIndex>;
  /** Looks which roots are registered; resolves when those that are new are loaded. */
  refresh(): Promise<void>;
  close(): void;
}

/** `onIndex`: null for a root that is registered no more. */
export function watchProjects(
  world: World,
  paths: DaemonPaths,
  log: Log,
  onIndex: (root: string, index: ManifestIndex | null) => void,
): Projects {
  const indexes = new Map<string, ManifestIndex>();
  const watchers = new Map<string, FSWatcher | null>();
  const pending = new Map<string, ReturnType<typeof setTimeout>>();
  const timer = setInterval(() => {
    for (const root of watchers.keys()) void load(root);
  }, AGAIN_MS);

  async function load(root: string): Promise<void> {
    try {
      const index = await indexOf(world, root);
      if (!watchers.has(root)) return;
      indexes.set(root, index);
      onIndex(root, index);
    } catch (error) {
      log("error", `manifests could not be loaded: ${messageOf(error)}`, { root });
    }
  }

  function loadSoon(root: string): void {
    clearTimeout(pending.get(root));
    pending.set(
      root,
      setTimeout(() => {
        pending.delete(root);
        void load(root);
      }, SETTLE_MS),
    );
  }

  function watchManifests(root: string): FSWatcher | null {
    try {
      const watcher = watch(join(root, "manifests"), () => loadSoon(root));
      watcher.on("error", () => watcher.close());
      return watcher;
    } catch {
      return null; // not there, or no more watches: looked at now and then
    }
  }

  return {
    all: () => indexes,
    async refresh() {
      const roots = new Set(registeredRoots(paths).filter(existsSync));
      for (const [root, watcher] of watchers) {
        if (roots.has(root)) continue;
        watcher?.close();
        watchers.delete(root);
        indexes.delete(root);
        onIndex(root, null);
      }
      const added = [...roots].filter((root) => !watchers.has(root));
      for (const root of added) watchers.set(root, watchManifests(root));
      await Promise.all(added.map(load));
    },
    close() {
      clearInterval(timer);
      for (const one of pending.values()) clearTimeout(one);
      for (const watcher of watchers.values()) watcher?.close();
    },
  };
}
