/** For verbs that go on until they are told to end. */

/** Resolves with the exit code of the first signal, or with what the caller gives it. */
export function untilEnded(): PromiseWithResolvers<number> {
  const ended = Promise.withResolvers<number>();
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)
    process.on(signal, () => ended.resolve(code));
  return ended;
}
