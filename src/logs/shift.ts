/**
 * Earlier runs lie beside a file as `.1` (the latest of them), `.2` … and move on by one when a new run begins. The last goes; but in a
 * row of crashes the first of them stays, since it is the one that tells what went wrong.
 */
import { shiftBeside } from "../sys/files.ts";

/**
 * Makes room for a new run at `path`. `inRow`: how many runs the policy has started in a row, the new one counted. The first crash of such
 * a row has moved on by that many places; once it is at the last one, it is the one before it that goes.
 */
export function shiftRuns(path: string, keep: number, inRow: number): void {
  const last = keep > 0 && inRow > keep ? keep - 1 : keep;
  shiftBeside(path, last);
}
