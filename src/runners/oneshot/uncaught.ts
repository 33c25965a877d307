/**
 * Errors of a handler that nothing catches: an exception in a timer, a rejection that is not awaited. Bun would
 * print them and go on to success.
 */

const EVENTS = ["uncaughtException", "unhandledRejection"] as const;

/** Runs `run`; an uncaught exception in the meantime ends the wait and is thrown. */
export async function orUncaught<T>(run: () => Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined);
  for (const event of EVENTS) process.on(event, reject);
  try {
    return await Promise.race([run(), promise]);
  } finally {
    for (const event of EVENTS) process.off(event, reject);
  }
}
