/**
 * The order in which this very process takes a lock that it wants several times at once, as a host of many launches
 * does: first come, first served. Nobody has to ask again and again.
 */
import { lazy } from "../base/lazy.ts";

/** The nonces of the locks that this process holds. */
export const heldHere = lazy(() => new Set<string>());

/** Who waits for the lock at a path. */
const waiting = lazy(() => new Map<string, (() => void)[]>());

/**
 * Resolves with true when it is this waiter's turn, with false at the deadline (`performance.now()`) or on the signal.
 */
export function awaitTurn(
  path: string,
  { deadline, signal }: { deadline: number; signal?: AbortSignal | undefined },
): Promise<boolean> {
  const turn = Promise.withResolvers<boolean>();
  const queue = waiting().get(path) ?? [];
  waiting().set(path, queue);
  const wake = () => turn.resolve(true);
  const giveUp = () => turn.resolve(false);
  queue.push(wake);
  const timer = setTimeout(giveUp, Math.max(0, deadline - performance.now()));
  signal?.addEventListener("abort", giveUp);
  if (signal?.aborted) giveUp();
  return turn.promise.finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
    const at = queue.indexOf(wake);
    if (at >= 0) queue.splice(at, 1);
    if (queue.length === 0 && waiting().get(path) === queue) waiting().delete(path);
  });
}

/** Wakes the first waiter, if there is one. Call it when the lock is free. */
export function passTurn(path: string): void {
  waiting().get(path)?.shift()?.();
}
