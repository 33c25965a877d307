/**
 * Liveness by one probe: attempted at its interval for as long as the run lasts, judged by failures in a row. The clock
 * is passed in.
 */
import type { ResolvedAlive } from "../../manifest/model/resolved.ts";

export interface Counted {
  /** Failed attempts in a row. */
  failed: number;
  /** Whether it has failed the allowed number of times, and has not succeeded since. */
  failing: boolean;
}

/** Counts one more attempt. `why` is null when it succeeded. */
export function countAttempt(
  before: Counted,
  { why, failures, inStartPeriod }: { why: string | null; failures: number; inStartPeriod: boolean },
): Counted & { now: "failing" | "recovered" | null } {
  if (why === null) return { failed: 0, failing: false, now: before.failing ? "recovered" : null };
  if (inStartPeriod && !before.failing) return { failed: 0, failing: false, now: null };
  const failed = before.failed + 1;
  const failing = before.failing || failed >= failures;
  return { failed, failing, now: failing && !before.failing ? "failing" : null };
}

export interface AliveWatch {
  probe: Pick<ResolvedAlive, "intervalMs" | "startPeriodMs" | "failures">;
  attempt(): Promise<string | null>;
  /** Milliseconds since the start of the run. */
  uptimeMs(): number;
  /** Resolves early when the run is over. */
  sleep(ms: number): Promise<void>;
  over(): boolean;
  /** `why` says what failed and how often. Returning true ends the probing. */
  onFailing(why: string): boolean;
  onRecovered(): void;
}

export async function askAlive(watch: AliveWatch): Promise<void> {
  const { probe } = watch;
  let seen: Counted = { failed: 0, failing: false };
  for (;;) {
    await watch.sleep(probe.intervalMs);
    if (watch.over()) return;
    const why = await watch.attempt();
    if (watch.over()) return;
    const inStartPeriod = watch.uptimeMs() < probe.startPeriodMs;
    const { now, ...next } = countAttempt(seen, { why, failures: probe.failures, inStartPeriod });
    seen = next;
    if (now === "recovered") watch.onRecovered();
    if (now === "failing" && watch.onFailing(`${why}, ${timesInRow(seen.failed)}`)) return;
  }
}

function timesInRow(count: number): string {
  return count === 1 ? "once" : `${count} times in a row`;
}
