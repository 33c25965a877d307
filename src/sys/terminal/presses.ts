/**
 * Counts how often dt was asked to end. Wrappers (cross-env, env-cmd, npm) pass a signal on to their child, which has
 * it from the terminal already, and some send SIGTERM with it. So a signal that follows within a moment is the same
 * press, however many wrappers pass it on; a user who wants to kill presses again later.
 *
 * Known limit: two presses within that moment count as one.
 */

/**
 * Longer than a busy machine takes to pass a signal through several wrappers, shorter than a user waits before the
 * second press.
 */
const SAME_PRESS_MS = 300;

/** Returns a function to call with each signal that arrives. */
export function makePresses(now: () => number = () => performance.now()): () => "first" | "same" | "again" {
  let counted: number | null = null;
  return () => {
    const at = now();
    if (counted !== null && at - counted < SAME_PRESS_MS) return "same";
    const which = counted === null ? "first" : "again";
    counted = at;
    return which;
  };
}

/** Two signals that are pending together are delivered in either order. */
const TOGETHER_MS = 50;

/**
 * Passes signals on in a fixed order: a SIGTERM that arrives together with a SIGINT comes after it. A SIGTERM alone is
 * passed on a moment later.
 */
export function interruptFirst(hear: (signal: NodeJS.Signals) => void): (signal: NodeJS.Signals) => void {
  let waiting: ReturnType<typeof setTimeout> | null = null;
  const terminate = () => {
    waiting = null;
    hear("SIGTERM");
  };
  return (signal) => {
    if (signal === "SIGTERM") waiting ??= setTimeout(terminate, TOGETHER_MS);
    else {
      hear(signal);
      if (waiting === null) return;
      clearTimeout(waiting);
      terminate();
    }
  };
}

/** Ctrl-C and Ctrl-\, as numbers. */
const ENDING = [2, 3];

/**
 * For signals that show whether the terminal sent them (sys/capture/signalfd.ts). A signal is handed on if the terminal
 * sent it and a process sends it again within a moment.
 */
export function makeKernelPresses(now: () => number = () => performance.now()) {
  const sent = new Map<number, number>();
  return {
    isHandedOn(signal: number, fromKernel: boolean): boolean {
      if (fromKernel) sent.set(signal, now());
      return (
        !fromKernel && ENDING.includes(signal) && now() - (sent.get(signal) ?? Number.NEGATIVE_INFINITY) < SAME_PRESS_MS
      );
    },
  };
}
