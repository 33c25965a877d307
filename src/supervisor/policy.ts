/** What happens when a leader ended by itself. Pure; the clock is passed in as numbers. */
export interface EndedRun {
  code: number | null;
  uptimeMs: number;
  /** Restarts by this policy in a row, this run's own not counted. */
  restartsInRow: number;
}

export type Decision =
  | { is: "end" }
  | { is: "restart"; afterMs: number; inRow: number }
  | { is: "give-up"; after: number };

/** Never faster than once a second, as the supervisors people trust do it. */
const FIRST_DELAY_MS = 1000;
const MAX_DELAY_MS = 30_000;
/** A run that lasted this long was fine: the next crash begins the row anew. */
const STABLE_MS = 60_000;
/** Crashes in a row after which starting it again is no help. */
const MAX_IN_ROW = 10;

export function decideAfterExit(policy: "no" | "on-failure" | "always", run: EndedRun, jitter: number): Decision {
  if (policy === "no" || (policy === "on-failure" && run.code === 0)) return { is: "end" };
  const before = run.uptimeMs >= STABLE_MS ? 0 : run.restartsInRow;
  if (before >= MAX_IN_ROW) return { is: "give-up", after: before };
  const delay = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** before);
  return { is: "restart", afterMs: Math.round(delay * (1 + 0.2 * jitter)), inRow: before + 1 };
}
