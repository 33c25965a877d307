/**
 * The registered roots and their manifests, as a person last took them over: read when the daemon begins, when a root
 * is registered, and when something is taken over. A change in a `manifests/` directory is seen and reported as
 * waiting. Every few minutes everything is looked at, since a manifest may import files that lie elsewhere.
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

/** Changes that come within this time are read together. */
const SETTLE_MS = 200;
const AGAIN_MS = 5 * 60_000;

export interface Projects {
  /** Those whose manifests could be loaded. */
  all(): ReadonlyMap<string, ManifestIndex>;
  /** Per root, where there are any: the manifests that wait for a person to take them over. */
  waiting(): { root: string; files: string[] }[];
  /** Looks which roots are registered. Returns the new ones, once they are loaded. */
  refresh(): Promise<string[]>;
  close(): void;
}

export interface ProjectsOptions {
  world: World;
  paths: DaemonPaths;
  log: Log;
  /** Null: the root is no longer registered. */
  onIndex(root: string, index: ManifestIndex | null): void;
}

interface ProjectsState extends ProjectsOptions {
  indexes: Map<string, ManifestIndex>;
  waiting: Map<string, string[]>;
  /** Of each registered root; null where its `manifests/` cannot be watched. */
  watchers: Map<string, FSWatcher | null>;
  pending: Map<string, { timer: ReturnType<typeof setTimeout>; since: number }>;
}

export function watchProjects(options: ProjectsOptions): Projects {
  const state: ProjectsState = {
    ...options,
    indexes: new Map(),
    waiting: new Map(),
    watchers: new Map(),
    pending: new Map(),
  };
  const timer = setInterval(() => {
    for (const root of state.watchers.keys()) void load(state, root);
  }, AGAIN_MS);
  const taken = watchTaken(state);
  return {
    all: () => state.indexes,
    waiting: () => [...state.waiting].flatMap(([root, files]) => (files.length === 0 ? [] : [{ root, files }])),
    refresh: () => refresh(state),
    close() {
      clearInterval(timer);
      taken?.close();
      for (const { timer } of state.pending.values()) clearTimeout(timer);
      for (const watcher of state.watchers.values()) watcher?.close();
    },
  };
}

async function refresh(state: ProjectsState): Promise<string[]> {
  const { paths, watchers } = state;
  const roots = new Set(registeredRoots(paths).filter(existsSync));
  for (const root of [...watchers.keys()]) if (!roots.has(root)) drop(state, root);
  const added = [...roots].filter((root) => !watchers.has(root));
  for (const root of added) watchers.set(root, watchManifests(state, root));
  await Promise.all(added.map((root) => load(state, root)));
  return added;
}

function drop({ watchers, indexes, waiting, onIndex }: ProjectsState, root: string): void {
  watchers.get(root)?.close();
  watchers.delete(root);
  indexes.delete(root);
  waiting.delete(root);
  onIndex(root, null);
}

async function load(state: ProjectsState, root: string): Promise<void> {
  const { world, log, watchers, indexes, onIndex } = state;
  if (!isRootThere(root)) return;
  try {
    const index = await indexOf(world, root);
    if (!watchers.has(root)) return;
    indexes.set(root, index);
    noteWaiting(state, root);
    onIndex(root, index);
  } catch (error) {
    log("error", `manifests could not be loaded: ${messageOf(error)}`, { root });
  }
}

function noteWaiting({ world, log, waiting }: ProjectsState, root: string): void {
  const { files } = waitsIn(world, root);
  const before = waiting.get(root) ?? [];
  waiting.set(root, files);
  if (files.length > 0 && files.join() !== before.join())
    log("warn", "manifests changed and wait until a person runs a command there, or `dt trust`", { root, files });
}

function loadSoon(state: ProjectsState, root: string): void {
  const { pending } = state;
  const { timer: before, since = performance.now() } = pending.get(root) ?? {};
  clearTimeout(before);
  const left = since + LONGEST * SETTLE_MS - performance.now();
  const timer = setTimeout(
    () => {
      pending.delete(root);
      void load(state, root);
    },
    Math.max(0, Math.min(SETTLE_MS, left)),
  );
  pending.set(root, { timer, since });
}

function watchManifests(state: ProjectsState, root: string): FSWatcher | null {
  return watchDirectory(join(root, "manifests"), () => loadSoon(state, root));
}

/** Manifests that a person takes over are noted in the home. */
function watchTaken(state: ProjectsState): FSWatcher | null {
  return watchDirectory(homeKindDirectory(state.world.home, "known"), (name) => {
    for (const root of state.watchers.keys()) if (name?.includes(rootSlug(root)) === true) loadSoon(state, root);
  });
}

/** Null where it is not there, or the kernel has no watch left: then it is looked at every few minutes. */
function watchDirectory(path: string, onChange: (name: string | null) => void): FSWatcher | null {
  try {
    const watcher = watch(path, (_event, name) => onChange(name));
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return null;
  }
}
