/**
 * For a user who ended a foreground launch and sees nothing happen: says what dt waits for,
 * and that another Ctrl-C kills it.
 */
import type { Talk } from "../../output/talk.ts";
import { hasRoom, isTerminal } from "../../sys/stdio/stdio.ts";

/** A launch that ends in the usual time needs no message. */
const QUIET_MS = 1000;

export interface Patience {
  /** Called at the first signal, and harmless at later ones. */
  begin(): void;
  end(): void;
}

export function makePatience(talk: Pick<Talk, "warn">, what: string): Patience {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    begin() {
      if (!isTerminal(2)) return;
      timer ??= setTimeout(() => {
        if (hasRoom(2)) talk.warn(`${what} has not ended yet: press Ctrl-C again to kill it`);
      }, QUIET_MS);
    },
    end: () => clearTimeout(timer),
  };
}
