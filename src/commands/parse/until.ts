/** For verbs that go on until they are told to end. */

import { interruptFirst } from "../../sys/terminal/presses.ts";

/** Resolves with the exit code of the first signal, or with what the caller gives it. */
export function untilEnded(): PromiseWithResolvers<number> {
  const ended = Promise.withResolvers<number>();
  const hear = interruptFirst((signal) => ended.resolve(signal === "SIGINT" ? 130 : signal === "SIGTERM" ? 143 : 129));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, hear);
  return ended;
}
