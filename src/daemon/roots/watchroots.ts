/**
 * The registered roots and their manifests, as a person last took them over: read when the daemon begins, when a root is registered, and when something
 * is taken over. What changes in a `manifests/` directory is seen, and told as waiting; now and then all is looked at, since a manifest may import what lies elsewhere.
 */
import { existsSync, type FSWatcher, watch } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../jobs/types.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import type { World } from "../../supervisor/ground/ground.ts";
import { messageOf } from "../../sys/base/error.ts";
import { rootSlug } from "../../sys/places/paths.ts";
import { isRootThere } from "../../sys/places/root.ts";
import { homeKindDirectory } from "../../sys/seal/homefiles.ts";
import { LONGEST } from "../../sys/watch/batch.ts";
import type { DaemonPaths } from "../socket/paths.ts";
import { indexOf, waitsIn } from "./project.ts";
import { registeredRoots } from "./roots.ts";

const SETTLE_MS = 200;
const AGAIN_MS = 5 * 60_000;

export interface Projects {
  /** With manifests that could be loaded. */
  all(): ReadonlyMap<string, ManifestIndex>;
  /** Of each root that has them, the manifests that wait for a person to take them over. */
  waiting(): { root: string; files: string[] }[];
  /** Looks which roots are registered; gives those that are new when they are loaded. */
  refresh(): Promise<string[]>;
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
  const waiting = new Map<string, string[]>();
  const watchers = new Map<string, FSWatcher | null>();
  const pending = new Map<string, { timer: ReturnType<typeof setTimeout>; since: number }>();
  const timer = setInterval(() => {
    for (const root of watchers.keys()) void load(root);
  }, AGAIN_MS);

  async function load(root: string): Promise<void> {
    if (!isRootThere(root)) return;
    try {
      const index = await indexOf(world, root);
      if (!watchers.has(root)) return;
      indexes.set(root, index);
      hearOfWaiting(root);
      onIndex(root, index);
    } catch (error) {
      log("error", `manifests could not be loaded: ${messageOf(error)}`, { root });
    }
  }

  function hearOfWaiting(root: string): void {
    const { files } = waitsIn(world, root);
    const before = waiting.get(root) ?? [];
    waiting.set(root, files);
    if (files.length > 0 && files.join() !== before.join())
      log("warn", "manifests changed and wait for a person: a command that is run there, or `dt trust`", {
        root,
        files,
      });
  }

  function loadSoon(root: string): void {
    const { timer: before, since = performance.now() } = pending.get(root) ?? {};
    clearTimeout(before);
    const left = since + LONGEST * SETTLE_MS - performance.now();
    const timer = setTimeout(
      () => {
        pending.delete(root);
        void load(root);
      },
      Math.max(0, Math.min(SETTLE_MS, left)),
    );
    pending.set(root, { timer, since });
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

  /** What a person takes over is noted in the home. */
  function watchTaken(): FSWatcher | null {
    try {
      const directory = homeKindDirectory(world.home, "known");
      const watcher = watch(directory, (_event, name) => {
        for (const root of watchers.keys()) if (name?.includes(rootSlug(root)) === true) loadSoon(root);
      });
      watcher.on("error", () => watcher.close());
      return watcher;
    } catch {
      return null; // no more watches: looked at now and then
    }
  }
  const taken = watchTaken();

  return {
    all: () => indexes,
    waiting: () => [...waiting].flatMap(([root, files]) => (files.length === 0 ? [] : [{ root, files }])),
    async refresh() {
      const roots = new Set(registeredRoots(paths).filter(existsSync));
      for (const [root, watcher] of watchers) {
        if (roots.has(root)) continue;
        watcher?.close();
        watchers.delete(root);
        indexes.delete(root);
        waiting.delete(root);
        onIndex(root, null);
      }
      const added = [...roots].filter((root) => !watchers.has(root));
      for (const root of added) watchers.set(root, watchManifests(root));
      await Promise.all(added.map(load));
      return added;
    },
    close() {
      clearInterval(timer);
      taken?.close();
      for (const { timer } of pending.values()) clearTimeout(timer);
      for (const watcher of watchers.values()) watcher?.close();
    },
  };
}
