/** A person who ended a launch in the foreground and sees nothing happen: what dt waits for, and that another Ctrl-C kills. */
import type { Talk } from "../output/talk.ts";
import { hasRoom, isTerminal } from "../sys/stdio.ts";

/** What ends in the usual time needs no word. */
const QUIET_MS = 1000;

export interface Patience {
  /** From the first signal on. */
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
