/**
 * From changed paths to jobs. Changes of one target are gathered until it is quiet, or until they have waited long enough; then the target is queued.
 * One job at a time a target, several targets side by side. What is queued already is coalesced; where the queue is full, changes go on being
 * gathered, so nothing is ever lost.
 *
 *   target \ event   change              quiet, or long enough   queue full         job ends              job failed, tries left
 *   --------------   -----------------   ---------------------   ----------------   -------------------   -----------------------
 *   unknown          gather              -                       -                  -                     -
 *   gathering        gather, wait anew   queue                   gather on (due)    -                     -
 *   queued           gather beside       coalesce                coalesce           -                     -
 *   running          gather beside       queue behind it         gather on (due)    run what is queued    wait, queue again
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
  /** So long after the first change it is not waited any more. */
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

/** Shared by all queues of a daemon. */
export interface Lanes {
  /** Null when too many wait; `onRoom` is then called when there is room again. */
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
  /** The first of these changes; null: there was none, what failed waits to be tried again. */
  since: number | null;
  timer: unknown;
  /** To be worked on; null when it is not queued. */
  queued: Set<string> | null;
  running: boolean;
  failures: number;
}

export function makeQueue(lanes: Lanes, options: QueueOptions): Queue {
  const { quietMs, longestMs, retries, retryMs, work, now, timers } = options;
  const targets = new Map<string, Target>();
  let closed = false;
  let onIdle: (() => void)[] = [];

  const clear = (target: Target) => {
    if (target.timer !== null) timers.clear(target.timer);
    target.timer = null;
  };

  function settle(name: string, target: Target): void {
    if (target.gathered.size > 0 || target.queued !== null || target.running || target.timer !== null) return;
    targets.delete(name);
    if (targets.size > 0) return;
    for (const tell of onIdle.splice(0)) tell();
  }

  function due(name: string, target: Target): void {
    clear(target);
    if (closed || target.gathered.size === 0) return;
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
    const entered = lanes.enter(
      () => run(name, target),
      () => due(name, target),
    );
    if (entered) return;
    target.queued = null;
    target.gathered = paths;
  }

  async function run(name: string, target: Target): Promise<void> {
    const paths = [...(target.queued ?? [])];
    target.queued = null;
    if (closed) return;
    target.running = true;
    const done = await work({ target: name, paths, isLast: target.failures >= retries }).catch(() => false);
    target.running = false;
    if (closed) return;
    target.failures = done || target.failures >= retries ? 0 : target.failures + 1;
    // What failed and is to be tried again goes with what changed meanwhile, or waits its time.
    if (target.failures > 0) for (const path of paths) target.gathered.add(path);
    if (target.failures > 0 && target.queued === null) {
      if (target.timer !== null) return;
      target.since = null;
      target.timer = timers.set(() => due(name, target), retryMs * 2 ** (target.failures - 1));
      return;
    }
    const next = target.queued as Set<string> | null;
    if (next !== null) {
      target.queued = null;
      for (const path of next) target.gathered.add(path);
      due(name, target);
    }
    settle(name, target);
  }

  return {
    add(name, path) {
      if (closed) return;
      const target = targets.get(name) ?? {
        gathered: new Set<string>(),
        since: null,
        timer: null,
        queued: null,
        running: false,
        failures: 0,
      };
      targets.set(name, target);
      if (target.gathered.size === 0) target.since = null;
      target.gathered.add(path);
      clear(target);
      target.since ??= now();
      const left = target.since + longestMs - now();
      target.timer = timers.set(() => due(name, target), Math.max(0, Math.min(quietMs, left)));
    },
    idle: () => (targets.size === 0 ? Promise.resolve() : new Promise((resolve) => onIdle.push(resolve))),
    close() {
      closed = true;
      for (const target of targets.values()) clear(target);
      for (const tell of onIdle.splice(0)) tell();
      onIdle = [];
    },
  };
}
