/** Changes gathered until it is quiet: the last of a burst always counts. One batch is worked on at a time; what comes meanwhile is the next. */
export interface Timers {
  set(run: () => void, ms: number): unknown;
  clear(timer: unknown): void;
}

export interface Batches {
  add(path: string): void;
  close(): void;
}

export const TIMERS: Timers = {
  set: (run, ms) => setTimeout(run, ms),
  clear: (timer) => clearTimeout(timer as Timer),
};

/** `work` gets each path once, in the order they first changed. What it throws is its own to tell. */
export function makeBatches(quietMs: number, work: (paths: string[]) => Promise<void>, timers: Timers): Batches {
  let waiting = new Set<string>();
  let timer: unknown = null;
  let busy = false;
  let closed = false;
  const arm = () => {
    if (timer !== null) timers.clear(timer);
    timer = timers.set(flush, quietMs);
  };
  const flush = () => {
    timer = null;
    if (busy || closed || waiting.size === 0) return;
    busy = true;
    const paths = [...waiting];
    waiting = new Set();
    work(paths)
      .catch(() => {})
      .finally(() => {
        busy = false;
        if (!closed && waiting.size > 0 && timer === null) arm();
      });
  };
  return {
    add(path) {
      if (closed) return;
      waiting.add(path);
      arm();
    },
    close() {
      closed = true;
      if (timer !== null) timers.clear(timer);
    },
  };
}
