/** Keeps the index up to date: writes it a moment after a change, and less often the longer a write takes. */
import type { Store } from "./store.ts";

const DELAY_MS = 100;
/** Writing takes at most one part in this many of the time. */
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
        log(`the index could not be written and will be tried again: ${(error as Error).message}`);
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
