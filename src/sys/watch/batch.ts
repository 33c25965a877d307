/**
 * Gathers changes until they pause, or until the first of them has waited long enough: the last of a burst always
 * counts, and changes that never pause are worked on all the same. One batch is worked on at a time; changes that
 * arrive meanwhile are the next.
 */
export interface Timers {
  set(run: () => void, ms: number): unknown;
  clear(timer: unknown): void;
}

export interface Batches {
  add(path: string): void;
  addAll(paths: Iterable<string>): void;
  close(): void;
}

export interface BatchOptions {
  /** Quiet time after the last change. */
  quietMs: number;
  /** A batch waits at most this long after its first change. */
  longestMs: number;
  /**
   * Gets each path once, in the order they first changed, and when the first of them did. It must report its own
   * errors.
   */
  work(paths: string[], since: number): Promise<void>;
  now(): number;
  timers: Timers;
}

export const TIMERS: Timers = {
  set: (run, ms) => setTimeout(run, ms),
  clear: (timer) => clearTimeout(timer as Timer),
};

/** Changes that never pause are worked on after this many times the quiet time. */
export const LONGEST = 10;

export function makeBatches({ quietMs, longestMs, work, now, timers }: BatchOptions): Batches {
  let waiting = new Set<string>();
  let since = 0;
  let timer: unknown = null;
  let busy = false;
  let closed = false;
  const arm = () => {
    if (timer !== null) timers.clear(timer);
    timer = timers.set(flush, Math.max(0, Math.min(quietMs, since + longestMs - now())));
  };
  const flush = () => {
    timer = null;
    if (busy || closed || waiting.size === 0) return;
    busy = true;
    const paths = [...waiting];
    waiting = new Set();
    work(paths, since)
      .catch(() => {})
      .finally(() => {
        busy = false;
        if (!closed && waiting.size > 0 && timer === null) arm();
      });
  };
  const addAll = (paths: Iterable<string>) => {
    if (closed) return;
    if (waiting.size === 0) since = now();
    for (const path of paths) waiting.add(path);
    arm();
  };
  return {
    add: (path) => addAll([path]),
    addAll,
    close() {
      closed = true;
      if (timer !== null) timers.clear(timer);
    },
  };
}
