/**
 * Shows what commands write, on the standard output of the dt that hosts them. The caller learns when the reader
 * has gone. A full disk ends no command, since the log has all of its output: it is reported once, and dt's own
 * exit code shows it in the end.
 */
import type { Talk } from "../../output/talk.ts";
import { EXIT } from "../../sys/base/error.ts";
import { openPatiently } from "../../sys/stdio/patient.ts";
import type { WriteOutcome } from "../../sys/stdio/stdio.ts";

export interface Shown {
  /** False when the reader has gone. */
  write(bytes: Uint8Array): boolean | Promise<boolean>;
  /** The exit code: never success when something could not be shown. */
  status(code: number): number;
}

type Warn = Pick<Talk, "warn">;

/**
 * Waits for an output that accepts nothing for now, until the signal is aborted. Later writes follow in order. When a
 * write returns a promise, the caller must not reuse its bytes before the promise resolves.
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
        talk.warn("standard output cannot be written (is its disk full?); dt logs shows what is missing");
      }
      return outcome !== "closed";
    },
    status: (code: number) => (isLost && code === EXIT.done ? EXIT.failed : code),
  };
}
