/**
 * What a policy has done so far, as a record keeps it, so that another host goes on where the one before was killed. A record has times of the
 * wall clock, since a host's own clock ends with it. Known limit: a wall clock that is set in between moves the window by as much.
 */
import type { LaunchRecord } from "../../state/types.ts";

/** What the policy has done so far for this launch. */
export interface Streak {
  /** Restarts in a row, that is without a run between them that lasted. */
  inRow: number;
  /** When it restarted, in milliseconds of the clock that `now` is of. */
  at: readonly number[];
}

/** Nothing yet, or a person or a change of files began anew. */
export const NO_STREAK: Streak = { inRow: 0, at: [] };

export function noteStreak({ inRow, at }: Streak): Pick<LaunchRecord, "tries"> {
  if (inRow === 0 && at.length === 0) return {};
  const began = Date.now() - performance.now();
  return { tries: { inRow, at: at.map((one) => Math.round(began + one)) } };
}

export function streakOf({ tries }: Pick<LaunchRecord, "tries">): Streak {
  if (tries === undefined) return NO_STREAK;
  const began = Date.now() - performance.now();
  return { inRow: tries.inRow, at: tries.at.map((one) => one - began) };
}
