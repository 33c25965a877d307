/**
 * Signals while a handler runs. dt listens only where the handler needs it: once the handler has taken its `signal`,
 * and while a program of `ctx.exec` runs. Otherwise a signal ends dt as it would any program, even a busy one.
 *
 * The first signal aborts, so that the handler can end in its own way; the second press (sys/terminal/presses.ts) ends
 * dt at once, as if it had never listened. A signal that was ignored when dt started (`nohup`, a script's `&`) is left
 * alone.
 */
import { signalNumber } from "../../sys/base/signals.ts";
import { isIgnored } from "../../sys/spawn/limits.ts";
import { hasTerminal } from "../../sys/stdio/stdio.ts";
import { makePresses } from "../../sys/terminal/presses.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface Interruption {
  /** The abort signal; once it is taken, dt listens to the end. */
  signal(): AbortSignal;
  /** dt listens while this runs. */
  during<T>(run: () => Promise<T>): Promise<T>;
  /** The name of the first signal that came. */
  received(): NodeJS.Signals | null;
  /** Forgets a SIGINT that was meant for the program alone, which handled it and still succeeded: a REPL, say. */
  forgive(): void;
}

/** `pass` forwards a signal to what the handler runs, unless a terminal has sent it there already. */
export function makeInterruption(pass: (signal: NodeJS.Signals) => void): Interruption {
  const abort = new AbortController();
  const heard = SIGNALS.filter((name) => !isIgnored(signalNumber(name) as number));
  let received: NodeJS.Signals | null = null;
  let holders = 0;
  let asked = false;
  const pressed = makePresses();
  const listener = (signal: NodeJS.Signals) => {
    const press = pressed();
    if (press === "same") return;
    if (received !== null) {
      for (const name of heard) process.off(name, listener);
      process.kill(process.pid, signal);
      return;
    }
    received = signal;
    // A terminal sends these to its whole foreground group; a program that got one twice would take it for impatience.
    if (signal === "SIGTERM" || !hasTerminal()) pass(signal);
    abort.abort(new DOMException(`${signal} was received.`, "AbortError"));
  };
  const hold = () => {
    if (holders++ === 0) for (const name of heard) process.on(name, listener);
  };
  const release = () => {
    if (--holders === 0) for (const name of heard) process.off(name, listener);
  };
  return {
    signal() {
      if (!asked) hold();
      asked = true;
      return abort.signal;
    },
    async during(run) {
      hold();
      try {
        const result = await run();
        // The signal that ended the program came to dt as well, but its listener may run after that end is reported.
        await new Promise((resolve) => setImmediate(resolve));
        return result;
      } finally {
        release();
      }
    },
    received: () => received,
    forgive() {
      if (received === "SIGINT" && !asked) received = null;
    },
  };
}
