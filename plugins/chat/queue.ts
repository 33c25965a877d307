/** Looks at transcripts in turn: a long one does not keep the others waiting, and a failed one is tried again later. */

export interface Work {
  /**
   * Returns whether there is more to read now, and whether to look again after a quiet time. If it throws, it is tried
   * again.
   */
  look(path: string, settled: boolean): { more: boolean; unsettled: boolean };
  onFault(path: string, error: Error): void;
}

const SETTLE_MS = 1000;
/** Least time between two looks at one transcript, so a flood of lines is read together. */
const APART_MS = 50;
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 60_000;

interface Known {
  timer: ReturnType<typeof setTimeout> | null;
  lookedAt: number;
  failures: number;
}

export function makeQueue(work: Work) {
  const due = new Map<string, boolean>();
  const known = new Map<string, Known>();
  let running = false;
  let closed = false;

  function later(path: string, { ms, settled }: { ms: number; settled: boolean }): void {
    const entry = known.get(path) ?? { timer: null, lookedAt: 0, failures: 0 };
    known.set(path, entry);
    if (entry.timer !== null) clearTimeout(entry.timer);
    entry.timer = setTimeout(() => {
      entry.timer = null;
      enqueue(path, settled);
    }, ms);
  }

  function enqueue(path: string, settled: boolean): void {
    if (closed) return;
    due.set(path, settled && due.get(path) !== false);
    if (running) return;
    running = true;
    setImmediate(next);
  }

  function next(): void {
    const [first] = due;
    if (first === undefined || closed) {
      running = false;
      return;
    }
    const [path, settled] = first;
    due.delete(path);
    lookAt(path, settled);
    setImmediate(next);
  }

  function lookAt(path: string, settled: boolean): void {
    try {
      const { more, unsettled } = work.look(path, settled);
      const entry = known.get(path);
      if (entry !== undefined) {
        entry.failures = 0;
        entry.lookedAt = performance.now();
      }
      if (more) enqueue(path, settled);
      else if (unsettled) later(path, { ms: SETTLE_MS, settled: true });
    } catch (error) {
      work.onFault(path, error as Error);
      const failures = (known.get(path)?.failures ?? 0) + 1;
      later(path, { ms: Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LAST_RETRY_MS), settled });
      (known.get(path) as Known).failures = failures;
    }
  }

  return {
    /** Reports a change of the transcript. */
    add(path: string): void {
      const entry = known.get(path) ?? { timer: null, lookedAt: Number.NEGATIVE_INFINITY, failures: 0 };
      known.set(path, entry);
      const since = performance.now() - entry.lookedAt;
      if (since >= APART_MS) {
        if (entry.timer !== null) clearTimeout(entry.timer);
        entry.timer = null;
        entry.lookedAt = performance.now();
        enqueue(path, false);
      } else later(path, { ms: APART_MS - since, settled: false });
    },
    /** Stops looking at the transcript. */
    forget(path: string): void {
      const timer = known.get(path)?.timer ?? null;
      if (timer !== null) clearTimeout(timer);
      known.delete(path);
    },
    close(): void {
      closed = true;
      for (const { timer } of known.values()) if (timer !== null) clearTimeout(timer);
    },
  };
}
