/**
 * How often somebody asked dt to end. Wrappers (cross-env, env-cmd, npm) hand a signal on to their child, which has it from the terminal already,
 * and some send SIGTERM with it. So what comes within a moment of the one before is the same press, however many hand it on; a
 * person who wants to kill presses again later.
 *
 * Known limit: two presses within that moment are one.
 */

/** Longer than a busy machine takes to hand a signal on through several wrappers, shorter than a person waits before the second press. */
const SAME_PRESS_MS = 300;

/** Gives a function to be called with each signal that came. */
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

/** Two that are pending together are delivered in either order. */
const TOGETHER_MS = 50;

/** Hands signals on in the order of their meaning: a SIGTERM that comes together with a SIGINT comes after it. Alone, it is handed on a moment later. */
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

/** For signals that tell whether the terminal sent them (held.ts): what it sent, and a process sends again within a moment, is handed on. */
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
