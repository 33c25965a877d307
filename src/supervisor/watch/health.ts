/** What is shown of a run's health: `ready`, `unhealthy`, or that it just runs. Noted in the launch's history, told to whoever listens. */

import { lineOf } from "../launch/line.ts";
import { actOn, type RunEvent } from "../run/events.ts";
import { writeHistory } from "../run/notes.ts";
import type { Host, Run } from "../run/types.ts";

export type HealthEvent = Extract<RunEvent, "ready" | "late" | "sick" | "well">;

/** `why`: of `late` and `sick`, for a person. */
export function noteHealth({ ground, report }: Host, run: Run, event: HealthEvent, why: string): void {
  const act = actOn(run.state, event);
  if (run.over.signal.aborted || act === "ignore") return;
  const { record } = run;
  const at = new Date().toISOString();
  if (act === "show-ready") {
    run.state = "up";
    writeHistory(ground, run, { ready: record.probed ? { is: "ready", at } : null });
    const tookMs = Math.max(0, Date.now() - Date.parse(record.startedAt));
    if (event === "well") report({ is: "note", text: `${record.key} is alive again` });
    else report({ is: "ready", line: lineOf(record, "ready"), tookMs });
    return;
  }
  run.state = "unhealthy";
  writeHistory(ground, run, { ready: { is: "unhealthy", at, why, ...(event === "sick" ? { lost: true } : {}) } });
  if (event === "late") report({ is: "unhealthy", line: lineOf(record, "unhealthy"), why });
  else report({ is: "note", text: `${record.key} is unhealthy: ${why}` });
}
