/**
 * What commands write, shown on standard output by the dt that hosts them. A reader that has gone is told to the caller. A disk that is full ends
 * no command, since the log has all of it: it is said once, and dt's own exit code says so in the end.
 */
import type { Talk } from "../output/talk.ts";
import { EXIT } from "../sys/error.ts";
import { writeBytes } from "../sys/stdio.ts";

export interface Shown {
  /** False when the reader has gone. */
  write(bytes: Uint8Array): boolean;
  /** The exit code, which is no success when something could not be shown. */
  status(code: number): number;
}

export function makeShown(talk: Pick<Talk, "warn">): Shown {
  let isLost = false;
  return {
    write(bytes) {
      const outcome = writeBytes(1, bytes);
      if (outcome === "failed" && !isLost) {
        isLost = true;
        talk.warn(
          "standard output cannot be written (is the disk full that it goes to?); dt logs shows what is missing",
        );
      }
      return outcome !== "closed";
    },
    status: (code) => (isLost && code === EXIT.done ? EXIT.failed : code),
  };
}
