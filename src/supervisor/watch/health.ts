/**
 * How probes change the state in which a run is shown. The state is noted in the launch's history and reported by the
 * host.
 *
 * The table gives a run's next state; null: nothing changes, and nothing is noted. An `alive` probe whose action is a
 * restart is no event here: the host ends such a run (liveness.ts, supervisor/host/host.ts).
 */
import { lineOf } from "../launch/line.ts";
import { writeHistory } from "../run/notes.ts";
import type { Host, HostedRun, RunState } from "../run/types.ts";

export type HealthEvent =
  /** All `ready` probes hold. */
  | "ready"
  /** They did not hold in time. */
  | "late"
  /** An `alive` probe failed as often as it may, and its action is to show that. */
  | "failing"
  /** All `alive` probes hold again. */
  | "recovered";

// biome-ignore format: a table is read by its columns
const NEXT: Readonly<Record<RunState, Readonly<Record<HealthEvent, "up" | "unhealthy" | null>>>> = {
  starting:  { ready: "up", late: "unhealthy", failing: null,        recovered: null },
  up:        { ready: null, late: null,        failing: "unhealthy", recovered: null },
  unhealthy: { ready: "up", late: null,        failing: null,        recovered: "up" },
};

/** `why`: of `late` and `failing`, for the user. */
export function noteHealth(
  { ground, report }: Host,
  { run, event, why = "" }: { run: HostedRun; event: HealthEvent; why?: string | undefined },
): void {
  const next = NEXT[run.state][event];
  if (run.over.signal.aborted || next === null) return;
  const { record } = run;
  const at = new Date().toISOString();
  run.state = next;
  if (next === "up") {
    writeHistory(ground, { run, change: { ready: record.probed ? { is: "ready", at } : null } });
    const tookMs = Math.max(0, Date.now() - Date.parse(record.startedAt));
    if (event === "recovered") report({ is: "note", text: `${record.key} is alive again` });
    else report({ is: "ready", line: lineOf(record, "ready"), tookMs });
    return;
  }
  writeHistory(ground, {
    run,
    change: { ready: { is: "unhealthy", at, why, ...(event === "failing" ? { lost: true } : {}) } },
  });
  if (event === "late") report({ is: "unhealthy", line: lineOf(record, "unhealthy"), why });
  else report({ is: "note", text: `${record.key} is unhealthy: ${why}` });
}
