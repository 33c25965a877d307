/**
 * What changes, for those who subscribed: the states of all keys of all roots, seen again when a run directory changes, and every second, since the
 * end of a process whose host is gone changes no file. While nobody subscribes, nothing is looked at.
 */
import { type FSWatcher, watch } from "node:fs";
import { seeKey } from "../inspect/seen.ts";
import type { JobReport } from "../jobs/types.ts";
import { groundOf, type World } from "../supervisor/ground/ground.ts";
import type { Ground } from "../supervisor/launch/types.ts";
import type { Event } from "./socket/protocol.ts";

const LOOK_EVERY_MS = 1000;
const SETTLE_MS = 5;

export interface Events {
  /** `root` undefined: of all. Gives what ends it. */
  subscribe(root: string | undefined, emit: (event: Event) => void): () => void;
  job(job: JobReport): void;
  stopping(): void;
}

interface Watched {
  ground: Ground;
  watcher: FSWatcher | null;
  states: Map<string, { state: string | null; pid: number | null }>;
}

export function makeEvents(world: World, rootsOf: () => readonly string[]): Events {
  const subscribers = new Set<{ root: string | undefined; emit(event: Event): void }>();
  const watched = new Map<string, Watched>();
  let timer: ReturnType<typeof setInterval> | null = null;
  let soon: ReturnType<typeof setTimeout> | null = null;
  const now = () => new Date().toISOString();

  function emit(root: string | null, event: Event): void {
    for (const one of subscribers) if (root === null || one.root === undefined || one.root === root) one.emit(event);
  }

  function look(isFirst: boolean): void {
    const roots = new Set(rootsOf());
    for (const [root, { watcher }] of watched)
      if (!roots.has(root)) {
        watcher?.close();
        watched.delete(root);
      }
    for (const root of roots) {
      try {
        const known = watched.get(root);
        const one = known ?? { ground: groundOf(world, root), watcher: null, states: new Map() };
        one.watcher ??= watchDirectory(one.ground.store.directory);
        watched.set(root, one);
        compare(root, one, isFirst);
      } catch {
        // a run directory that is not to be trusted: the keeper has said so
      }
    }
  }

  function watchDirectory(path: string): FSWatcher | null {
    try {
      const watcher = watch(path, () => {
        if (soon !== null) return;
        soon = setTimeout(() => {
          soon = null;
          look(false);
        }, SETTLE_MS);
      });
      watcher.on("error", () => watcher.close());
      return watcher;
    } catch {
      return null; // not there yet
    }
  }

  function compare(root: string, { ground, states }: Watched, isFirst: boolean): void {
    for (const key of new Set([...ground.store.keys(), ...states.keys()])) {
      const { state, pid } = seeKey(ground, key);
      const before = states.get(key) ?? { state: null, pid: null };
      if (before.state === state && before.pid === pid) continue;
      if (state === null) states.delete(key);
      else states.set(key, { state, pid });
      const isNews = before.state !== state || pid !== null;
      if (!isFirst && isNews) emit(root, { event: "state", at: now(), root, key, state, was: before.state, pid });
    }
  }

  return {
    subscribe(root, emitTo) {
      const one = { root, emit: emitTo };
      if (subscribers.size === 0) {
        look(true);
        timer = setInterval(() => look(false), LOOK_EVERY_MS);
      }
      subscribers.add(one);
      return () => {
        subscribers.delete(one);
        if (subscribers.size > 0 || timer === null) return;
        clearInterval(timer);
        timer = null;
        for (const { watcher } of watched.values()) watcher?.close();
        watched.clear();
      };
    },
    job: (job) => emit(job.root, { event: "job", at: now(), job }),
    stopping: () => emit(null, { event: "stopping", at: now() }),
  };
}
