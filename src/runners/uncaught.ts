/** What a handler leaves to nobody: an exception of a timer, a rejection nobody awaits. Bun would print it and go on to success. */

const EVENTS = ["uncaughtException", "unhandledRejection"] as const;

/** As `run`, but an exception nobody catches meanwhile ends the wait by being thrown. */
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
