/**
 * From changed paths to jobs. Changes of one target are gathered until it is quiet, or until they have waited long
 * enough; then the target is queued. One job runs at a time per target, several targets side by side. Changes of a
 * target that is queued already are coalesced; while the queue is full, changes go on being gathered, so none is lost.
 *
 *   target \ event   change               quiet or long enough   queue full        job ends         failed, tries left
 *   --------------   ------------------   --------------------   ---------------   --------------   ------------------
 *   unknown          gather               -                      -                 -                -
 *   gathering        gather, wait again   queue                  gather on (due)   -                -
 *   queued           gather beside        coalesce               coalesce          -                -
 *   running          gather beside        queue behind it        gather on (due)   run the queued   wait, queue again
 */
import type { Timers } from "../sys/watch/batch.ts";

export interface Work {
  /** Names what may not run twice at a time. */
  target: string;
  paths: string[];
  /** Whether no further try follows, should this one fail. */
  isLast: boolean;
}

export interface QueueOptions {
  /** Quiet time after the last change. */
  quietMs: number;
  /** The longest wait after the first change. */
  longestMs: number;
  /** Extra tries after a failure; each waits twice as long as the one before. */
  retries: number;
  retryMs: number;
  /** False when it failed. */
  work(work: Work): Promise<boolean>;
  now(): number;
  timers: Timers;
}

export interface Queue {
  add(target: string, path: string): void;
  /** Resolves when nothing is gathered, queued or running. */
  idle(): Promise<void>;
  close(): void;
}

/** How many jobs run at once. Shared by all queues of a daemon. */
export interface Lanes {
  /** False when too many wait; `onRoom` is then called when there is room again. */
  enter(run: () => Promise<void>, onRoom: () => void): boolean;
  waiting(): number;
}

export const CAPACITY = 64;

export function makeLanes(atOnce: number, capacity = CAPACITY): Lanes {
  const waiting: (() => Promise<void>)[] = [];
  const outside = new Set<() => void>();
  let running = 0;
  const pump = () => {
    while (running < atOnce) {
      const next = waiting.shift();
      if (next === undefined) break;
      running++;
      void next().finally(() => {
        running--;
        pump();
      });
    }
    while (waiting.length < capacity && outside.size > 0) {
      const [first] = outside;
      outside.delete(first as () => void);
      first?.();
    }
  };
  return {
    enter(run, onRoom) {
      if (running >= atOnce && waiting.length >= capacity) {
        outside.add(onRoom);
        return false;
      }
      waiting.push(run);
      pump();
      return true;
    },
    waiting: () => waiting.length,
  };
}

interface Target {
  /** Changed since it was last queued. */
  gathered: Set<string>;
  /** When the first of these changes came; null: there was none, what failed waits to be tried again. */
  since: number | null;
  timer: unknown;
  /** The paths to work on; null when it is not queued. */
  queued: Set<string> | null;
  running: boolean;
  failures: number;
}

interface QueueState {
  lanes: Lanes;
  options: QueueOptions;
  targets: Map<string, Target>;
  closed: boolean;
  onIdle: (() => void)[];
}

export function makeJobQueue(lanes: Lanes, options: QueueOptions): Queue {
  const state: QueueState = { lanes, options, targets: new Map(), closed: false, onIdle: [] };
  return {
    add(name, path) {
      if (!state.closed) gather(state, { name, path });
    },
    idle: () => (state.targets.size === 0 ? Promise.resolve() : new Promise((resolve) => state.onIdle.push(resolve))),
    close() {
      state.closed = true;
      for (const target of state.targets.values()) clear(state, target);
      for (const tell of state.onIdle.splice(0)) tell();
    },
  };
}

function gather(state: QueueState, { name, path }: { name: string; path: string }): void {
  const { quietMs, longestMs, now, timers } = state.options;
  const target = state.targets.get(name) ?? newTarget();
  state.targets.set(name, target);
  if (target.gathered.size === 0) target.since = null;
  target.gathered.add(path);
  clear(state, target);
  target.since ??= now();
  const left = target.since + longestMs - now();
  target.timer = timers.set(() => due(state, { name, target }), Math.max(0, Math.min(quietMs, left)));
}

function newTarget(): Target {
  return { gathered: new Set(), since: null, timer: null, queued: null, running: false, failures: 0 };
}

function clear({ options }: QueueState, target: Target): void {
  if (target.timer !== null) options.timers.clear(target.timer);
  target.timer = null;
}

/** Quiet for long enough, or waited for long enough, or there is room in the queue. */
function due(state: QueueState, { name, target }: { name: string; target: Target }): void {
  clear(state, target);
  if (state.closed || target.gathered.size === 0) return;
  if (target.queued !== null) {
    for (const path of target.gathered) target.queued.add(path);
    target.gathered = new Set();
    return;
  }
  const paths = target.gathered;
  target.queued = paths;
  target.gathered = new Set();
  // Behind its own job it takes no place in the queue.
  if (target.running) return;
  const entered = state.lanes.enter(
    () => run(state, { name, target }),
    () => due(state, { name, target }),
  );
  if (entered) return;
  target.queued = null;
  target.gathered = paths;
}

async function run(state: QueueState, { name, target }: { name: string; target: Target }): Promise<void> {
  const { retries, work } = state.options;
  const paths = [...(target.queued ?? [])];
  target.queued = null;
  if (state.closed) return;
  target.running = true;
  const done = await work({ target: name, paths, isLast: target.failures >= retries }).catch(() => false);
  target.running = false;
  if (state.closed) return;
  target.failures = done || target.failures >= retries ? 0 : target.failures + 1;
  // What failed and is to be tried again goes with what changed meanwhile, or waits its time.
  if (target.failures > 0) for (const path of paths) target.gathered.add(path);
  if (target.failures > 0 && target.queued === null) return waitToRetry(state, { name, target });
  const next = target.queued as Set<string> | null;
  if (next !== null) {
    target.queued = null;
    for (const path of next) target.gathered.add(path);
    due(state, { name, target });
  }
  forgetIdle(state, { name, target });
}

function waitToRetry(state: QueueState, { name, target }: { name: string; target: Target }): void {
  const { retryMs, timers } = state.options;
  if (target.timer !== null) return;
  target.since = null;
  target.timer = timers.set(() => due(state, { name, target }), retryMs * 2 ** (target.failures - 1));
}

function forgetIdle({ targets, onIdle }: QueueState, { name, target }: { name: string; target: Target }): void {
  if (target.gathered.size > 0 || target.queued !== null || target.running || target.timer !== null) return;
  targets.delete(name);
  if (targets.size > 0) return;
  for (const tell of onIdle.splice(0)) tell();
}
