/**
 * Earlier runs lie beside a file as `.1` (the latest of them), `.2` … and move on by one when a new run begins. The
 * last one is deleted, except in a row of crashes: then the first crash stays, since it tells what went wrong.
 */
import { shiftBeside } from "../sys/files/beside.ts";

/**
 * Makes room for a new run at `path`. `inRow`: how many runs the policy has started in a row, including
 * the new one. The first crash of the row has moved on by as many places; once it is at the last place,
 * the run before it is deleted instead.
 */
export function shiftRuns(path: string, { keep, inRow }: { keep: number; inRow: number }): void {
  const last = keep > 0 && inRow > keep ? keep - 1 : keep;
  shiftBeside(path, last);
}
