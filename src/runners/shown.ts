/**
 * What commands write, shown on standard output by the dt that hosts them. A reader that has gone is told to the caller. A disk that is full ends
 * no command, since the log has all of it: it is said once, and dt's own exit code says so in the end.
 */
import type { Talk } from "../output/talk.ts";
import { EXIT } from "../sys/error.ts";
import { openPatiently } from "../sys/patient.ts";
import type { WriteOutcome } from "../sys/stdio.ts";

export interface Shown {
  /** False when the reader has gone. */
  write(bytes: Uint8Array): boolean | Promise<boolean>;
  /** The exit code, which is no success when something could not be shown. */
  status(code: number): number;
}

type Warn = Pick<Talk, "warn">;

/**
 * An output that takes nothing for now is waited for, until the signal is aborted. What is written meanwhile comes after it; bytes that are not
 * written at once may be used again by the caller only when the promise is resolved.
 */
export function makeShown(talk: Warn, impatient: AbortSignal): Shown {
  const output = openPatiently(1);
  const { judge, status } = makeJudge(talk);
  let last: Promise<boolean> | null = null;
  const writeNow = (bytes: Uint8Array): boolean | Promise<boolean> => {
    const outcome = output.write(bytes, impatient);
    return typeof outcome === "string" ? judge(outcome) : outcome.then(judge);
  };
  return {
    write(bytes) {
      const wrote = last === null ? writeNow(bytes) : last.then((isRead) => isRead && writeNow(bytes));
      if (typeof wrote === "boolean") return wrote;
      last = wrote;
      void wrote.then(() => {
        if (last === wrote) last = null;
      });
      return wrote;
    },
    status,
  };
}

function makeJudge(talk: Warn) {
  let isLost = false;
  return {
    judge(outcome: WriteOutcome): boolean {
      if (outcome === "failed" && !isLost) {
        isLost = true;
        talk.warn(
          "standard output cannot be written (is the disk full that it goes to?); dt logs shows what is missing",
        );
      }
      return outcome !== "closed";
    },
    status: (code: number) => (isLost && code === EXIT.done ? EXIT.failed : code),
  };
}
