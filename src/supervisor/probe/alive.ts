/** Liveness of one probe: tried at its interval as long as the run lasts, judged by failures in a row. The clock is passed in. */
import type { ResolvedAlive } from "../../manifest/model/resolved.ts";

export interface Counted {
  /** Failed tries in a row. */
  failed: number;
  /** Whether it has failed as often as it may, and has not held since. */
  sick: boolean;
}

/** What one more try means. `why` is null when it held. */
export function countTry(
  before: Counted,
  why: string | null,
  { failures, inStartPeriod }: { failures: number; inStartPeriod: boolean },
): Counted & { now: "sick" | "well" | null } {
  if (why === null) return { failed: 0, sick: false, now: before.sick ? "well" : null };
  if (inStartPeriod && !before.sick) return { failed: 0, sick: false, now: null };
  const failed = before.failed + 1;
  const sick = before.sick || failed >= failures;
  return { failed, sick, now: sick && !before.sick ? "sick" : null };
}

export interface AliveWatch {
  probe: Pick<ResolvedAlive, "intervalMs" | "startPeriodMs" | "failures">;
  attempt(): Promise<string | null>;
  /** Milliseconds since the start of the run. */
  uptimeMs(): number;
  /** Resolves early when the run is over. */
  sleep(ms: number): Promise<void>;
  over(): boolean;
  /** `why` says what failed, and how often. True ends the asking. */
  onSick(why: string): boolean;
  onWell(): void;
}

export async function askAlive(watch: AliveWatch): Promise<void> {
  const { probe } = watch;
  let seen: Counted = { failed: 0, sick: false };
  for (;;) {
    await watch.sleep(probe.intervalMs);
    if (watch.over()) return;
    const why = await watch.attempt();
    if (watch.over()) return;
    const inStartPeriod = watch.uptimeMs() < probe.startPeriodMs;
    const { now, ...next } = countTry(seen, why, { failures: probe.failures, inStartPeriod });
    seen = next;
    if (now === "well") watch.onWell();
    if (now === "sick" && watch.onSick(`${why}, ${timesInRow(seen.failed)}`)) return;
  }
}

function timesInRow(count: number): string {
  return count === 1 ? "once" : `${count} times in a row`;
}
