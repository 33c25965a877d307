/** For what goes on until a signal ends it: the first signal counts, and every later one is ignored. */
import { interruptFirst } from "./presses.ts";

export interface EndSignals {
  signals: readonly NodeJS.Signals[];
  /**
   * If a SIGINT and a SIGTERM arrive together, the SIGINT counts; for that a SIGTERM counts a moment later. For what
   * stands in a terminal, whose wrappers may send both.
   */
  prefersInterrupt: boolean;
}

export function onEndSignal({ signals, prefersInterrupt }: EndSignals, end: (signal: NodeJS.Signals) => void): void {
  let isEnded = false;
  const endOnce = (signal: NodeJS.Signals) => {
    if (isEnded) return;
    isEnded = true;
    end(signal);
  };
  const hear = prefersInterrupt ? interruptFirst(endOnce) : endOnce;
  for (const signal of signals) process.on(signal, hear);
}
