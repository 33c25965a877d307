/**
 * The restarts of a policy so far, kept in the record so that another host continues after this one was killed. The
 * record has wall-clock times, since a host's own clock ends with it. Known limit: setting the wall clock in between
 * moves the window by as much.
 */
import type { LaunchRecord } from "../../state/types.ts";

/**
 * After this many restarts in a row by its policy a launch is no longer waited for: it is not up, and its policy goes
 * on.
 */
export const MOST_RESTARTS = 3;

/** How such a launch ends, for a sentence about it. */
export function describeRepeated(because: string): string {
  return `${because}, after ${MOST_RESTARTS - 1} restarts; its policy goes on`;
}

/** The restarts by policy so far for this launch. */
export interface Streak {
  /** Restarts in a row, without a run between them that lasted. */
  inRow: number;
  /** When it restarted, in milliseconds on the same clock as `now`. */
  at: readonly number[];
}

/** No restart yet, or a user or a file change started it again. */
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
