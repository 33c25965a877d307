/** For verbs that go on until a signal ends them. Their exit code says which: 128 and its number, as in a shell. */
import { EXIT } from "../../sys/base/error.ts";
import { shellCode } from "../../sys/base/status.ts";
import { onEndSignal } from "../../sys/terminal/endsignal.ts";

/** Resolves with the exit code of the first signal, or with what the caller resolves it with. */
export function untilEnded(): PromiseWithResolvers<number> {
  const ended = Promise.withResolvers<number>();
  onEndSignal({ signals: ["SIGINT", "SIGTERM", "SIGHUP"], prefersInterrupt: true }, (signal) =>
    ended.resolve(shellCode({ code: null, signal })),
  );
  return ended;
}

/**
 * Ctrl-C and SIGTERM abort `signal`; `status` is the exit code, 0 before that. A terminal that closes ends dt at once.
 */
export function abortOnSignal(): { signal: AbortSignal; status(): number } {
  const stop = new AbortController();
  let code: number = EXIT.done;
  onEndSignal({ signals: ["SIGINT", "SIGTERM"], prefersInterrupt: true }, (signal) => {
    code = shellCode({ code: null, signal });
    stop.abort();
  });
  return { signal: stop.signal, status: () => code };
}
