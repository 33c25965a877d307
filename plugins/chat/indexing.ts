/** Keeps the index up to date: a moment after a change, and where writing it takes long, so much more seldom. */
import type { Store } from "./store.ts";

const DELAY_MS = 100;
/** Of the time no more than one part in so many is spent on it. */
const SHARE = 20;

export function makeIndexing(store: Store, log: (text: string) => void) {
  const changed = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | null = null;
  let delayMs = DELAY_MS;

  function flush(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (changed.size === 0) return;
    const began = performance.now();
    store.updateIndex(changed);
    changed.clear();
    delayMs = Math.max(DELAY_MS, (performance.now() - began) * SHARE);
  }

  function flushLater(): void {
    timer ??= setTimeout(() => {
      timer = null;
      try {
        flush();
      } catch (error) {
        log(`the index could not be written, which is tried again: ${(error as Error).message}`);
        flushLater();
      }
    }, delayMs);
  }

  return {
    add(id: string): void {
      changed.add(id);
      flushLater();
    },
    flush,
  };
}
