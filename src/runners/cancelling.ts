/**
 * Ctrl-C while dt waits for a host: the first press asks the host to give up, which ends what it started in its own time; the second ends dt at
 * once, as if it had never listened, also where the host does not answer. The host goes on.
 *
 * Where dt itself runs what is waited for, a SIGTERM and the closing of the terminal end that too: nobody else would.
 */
import { isIgnored } from "../sys/limits.ts";
import { interruptFirst, makePresses } from "../sys/presses.ts";
import { signalNumber } from "../sys/signals.ts";

export interface Cancelling {
  close(): void;
  /** The exit status of whoever was ended so, 128 + the signal's number; null: no signal came. */
  status(): number | null;
}

/** What a terminal that is closed, or `kill`, sends. */
export const TERMINATING: readonly NodeJS.Signals[] = ["SIGTERM", "SIGHUP", "SIGQUIT"];

export function cancelOnPress(cancel: AbortController, signals: readonly NodeJS.Signals[] = ["SIGINT"]): Cancelling {
  const pressed = makePresses();
  let first: NodeJS.Signals | null = null;
  const hear = interruptFirst((signal) => {
    const press = pressed();
    if (press === "first") first = signal;
    if (press !== "again") return cancel.abort();
    close();
    process.kill(process.pid, signal);
  });
  // What was ignored when dt started (nohup) stays ignored.
  const heard = signals.filter((signal) => signal === "SIGINT" || !isIgnored(signalNumber(signal) as number));
  const close = () => {
    for (const signal of heard) process.off(signal, hear);
  };
  for (const signal of heard) process.on(signal, hear);
  return { close, status: () => (first === null ? null : 128 + (signalNumber(first) as number)) };
}
