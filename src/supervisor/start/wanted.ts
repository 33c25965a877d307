/** Whether a start is still wanted, watched while it waits. */

/** How late it is noticed that a start is no longer wanted, in milliseconds. */
const LOOK_EVERY_MS = 100;

/**
 * Aborts `signal` once the start is no longer wanted: the process that stopped the launch waits for its host, and ends
 * a host that goes on.
 */
export function watchWanted(stillWanted: (() => boolean) | undefined): { signal: AbortSignal; close(): void } {
  const off = new AbortController();
  if (stillWanted === undefined) return { signal: off.signal, close() {} };
  const look = () => {
    if (!stillWanted()) off.abort();
  };
  look();
  const timer = setInterval(look, LOOK_EVERY_MS);
  return { signal: off.signal, close: () => clearInterval(timer) };
}

/** The result of `work`; null once the start is no longer wanted, however long the work goes on. */
export async function whileWanted<T>(stillWanted: () => boolean, work: Promise<T>): Promise<T | null> {
  const { signal, close } = watchWanted(stillWanted);
  const off = Promise.withResolvers<null>();
  signal.addEventListener("abort", () => off.resolve(null));
  if (signal.aborted) off.resolve(null);
  return Promise.race([work, off.promise]).finally(close);
}
