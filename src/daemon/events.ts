/**
 * Reports changes to subscribers: the states of all keys of all roots, and jobs. States are judged again when a run
 * directory changes, and every second, since the end of a process whose host is gone changes no file. While there is no
 * subscriber, nothing is looked at.
 */
import { type FSWatcher, watch } from "node:fs";
import { seeKey } from "../inspect/seen.ts";
import type { JobReport } from "../jobs/types.ts";
import { groundOf, type World } from "../supervisor/ground/ground.ts";
import type { Ground } from "../supervisor/launch/types.ts";
import type { Event } from "./socket/protocol.ts";

const LOOK_EVERY_MS = 1000;
/** After a change in a run directory, the look waits this long for more. */
const SETTLE_MS = 5;

export interface Events {
  /** `root` undefined: of all roots. Returns the function that ends it. */
  subscribe(root: string | undefined, emit: (event: Event) => void): () => void;
  job(job: JobReport): void;
  stopping(): void;
}

interface Watched {
  ground: Ground;
  watcher: FSWatcher | null;
  states: Map<string, { state: string | null; pid: number | null }>;
}

interface Subscriber {
  root: string | undefined;
  emit(event: Event): void;
}

interface EventsState {
  world: World;
  rootsOf: () => readonly string[];
  subscribers: Set<Subscriber>;
  watched: Map<string, Watched>;
  /** Set while there are subscribers. */
  timer: ReturnType<typeof setInterval> | null;
  soon: ReturnType<typeof setTimeout> | null;
}

export function makeEvents(world: World, rootsOf: () => readonly string[]): Events {
  const state: EventsState = {
    world,
    rootsOf,
    subscribers: new Set(),
    watched: new Map(),
    timer: null,
    soon: null,
  };
  return {
    subscribe: (root, emit) => subscribe(state, { root, emit }),
    job: (job) => send(state, { root: job.root, event: { event: "job", at: now(), job } }),
    stopping: () => send(state, { root: null, event: { event: "stopping", at: now() } }),
  };
}

function subscribe(state: EventsState, one: Subscriber): () => void {
  const { subscribers, watched } = state;
  if (subscribers.size === 0) {
    look(state, { isFirst: true });
    state.timer = setInterval(() => look(state), LOOK_EVERY_MS);
  }
  subscribers.add(one);
  return () => {
    subscribers.delete(one);
    if (subscribers.size > 0 || state.timer === null) return;
    clearInterval(state.timer);
    state.timer = null;
    for (const { watcher } of watched.values()) watcher?.close();
    watched.clear();
  };
}

/** `root` null: to all. */
function send({ subscribers }: EventsState, { root, event }: { root: string | null; event: Event }): void {
  for (const one of subscribers) if (root === null || one.root === undefined || one.root === root) one.emit(event);
}

function look(state: EventsState, { isFirst = false } = {}): void {
  const { world, watched } = state;
  const roots = new Set(state.rootsOf());
  for (const [root, { watcher }] of watched)
    if (!roots.has(root)) {
      watcher?.close();
      watched.delete(root);
    }
  for (const root of roots) {
    try {
      const known = watched.get(root);
      const one = known ?? { ground: groundOf(world, root), watcher: null, states: new Map() };
      one.watcher ??= watchRun(state, one.ground.store.directory);
      watched.set(root, one);
      for (const event of changesIn(root, one)) if (!isFirst) send(state, { root, event });
    } catch {
      // a run directory that is not to be trusted: the keeper has said so
    }
  }
}

function watchRun(state: EventsState, path: string): FSWatcher | null {
  try {
    const watcher = watch(path, () => {
      if (state.soon !== null) return;
      state.soon = setTimeout(() => {
        state.soon = null;
        look(state);
      }, SETTLE_MS);
    });
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return null; // not there yet
  }
}

/** Judges all keys again. A change of pid alone is reported only where there is a pid. */
function* changesIn(root: string, { ground, states }: Watched): Iterable<Event> {
  for (const key of new Set([...ground.store.keys(), ...states.keys()])) {
    const { state, pid } = seeKey(ground, { key });
    const before = states.get(key) ?? { state: null, pid: null };
    if (before.state === state && before.pid === pid) continue;
    if (state === null) states.delete(key);
    else states.set(key, { state, pid });
    const isNews = before.state !== state || pid !== null;
    if (isNews) yield { event: "state", at: now(), root, key, state, was: before.state, pid };
  }
}

function now(): string {
  return new Date().toISOString();
}
