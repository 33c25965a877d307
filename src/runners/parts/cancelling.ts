/**
 * Ctrl-C while dt waits for a host. The first press asks the host to give up, and the host ends what it
 * started in its own time. The second press ends dt at once, as if it had never listened, even when the host
 * does not answer; the host goes on.
 *
 * Where dt itself runs what it waits for, SIGTERM and the closing of the terminal end that
 * too, since no other process would.
 */
import { signalNumber } from "../../sys/base/signals.ts";
import { isIgnored } from "../../sys/spawn/limits.ts";
import { interruptFirst, makePresses } from "../../sys/terminal/presses.ts";

export interface Cancelling {
  close(): void;
  /** The exit status of a dt that was ended this way, 128 + the first signal's number; null when no signal came. */
  status(): number | null;
}

/** What a closing terminal, or `kill`, sends. */
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
  // Signals that were ignored when dt started (nohup) stay ignored.
  const heard = signals.filter((signal) => signal === "SIGINT" || !isIgnored(signalNumber(signal) as number));
  const close = () => {
    for (const signal of heard) process.off(signal, hear);
  };
  for (const signal of heard) process.on(signal, hear);
  return { close, status: () => (first === null ? null : 128 + (signalNumber(first) as number)) };
}
