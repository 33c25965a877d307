/**
 * Ctrl-C while dt waits for a host: the first press asks the host to give up, which ends what it started in its own time; the second ends dt at
 * once, as if it had never listened, also where the host does not answer. The host goes on.
 */
import { makePresses } from "../sys/presses.ts";

/** Gives a function that ends the listening. */
export function cancelOnPress(cancel: AbortController): () => void {
  const pressed = makePresses();
  const hear = () => {
    if (pressed() !== "again") return cancel.abort();
    process.off("SIGINT", hear);
    process.kill(process.pid, "SIGINT");
  };
  process.on("SIGINT", hear);
  return () => void process.off("SIGINT", hear);
}
