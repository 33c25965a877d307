/**
 * What commands write, shown on standard output by the dt that hosts them. A reader that has gone is told to the caller. A disk that is full ends
 * no command, since the log has all of it: it is said once, and dt's own exit code says so in the end.
 */
import type { Talk } from "../output/talk.ts";
import { EXIT } from "../sys/error.ts";
import { openPatiently } from "../sys/patient.ts";
import { type WriteOutcome, writeBytes } from "../sys/stdio.ts";

export interface Shown<Written> {
  /** False when the reader has gone. */
  write(bytes: Uint8Array): Written;
  /** The exit code, which is no success when something could not be shown. */
  status(code: number): number;
}

type Warn = Pick<Talk, "warn">;

export function makeShown(talk: Warn): Shown<boolean> {
  const { judge, status } = makeJudge(talk);
  return { write: (bytes) => judge(writeBytes(1, bytes)), status };
}

/** An output that takes nothing for now is waited for, until the signal is aborted. */
export function makeShownPatiently(talk: Warn, impatient: AbortSignal): Shown<boolean | Promise<boolean>> {
  const output = openPatiently(1);
  const { judge, status } = makeJudge(talk);
  return {
    write(bytes) {
      const outcome = output.write(bytes, impatient);
      return typeof outcome === "string" ? judge(outcome) : outcome.then(judge);
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
