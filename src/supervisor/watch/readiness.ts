/** Asks whether a run is ready, tells when, or that it was not in time and goes on asking; once it is, whether it is still alive. */

import type { Ground, Report } from "../launch/types.ts";
import { probesOf } from "../prepare/stack.ts";
import { waitReady, waitReadyLate } from "../probe/ready.ts";
import type { Asked } from "../probe/types.ts";
import type { OwnControl, Run } from "../run/types.ts";
import { noteHealth } from "./health.ts";
import { watchAlive } from "./liveness.ts";

export async function watchHealth(ground: Ground, run: Run, report: Report, control: OwnControl): Promise<void> {
  const { record, spec, prepared } = run;
  const told = new Set<string>();
  const asked: Asked = {
    ground,
    record,
    env: prepared.environment.env,
    openFiles: ground.openFiles,
    signal: run.over.signal,
    children: control.children,
    guests: new Set(),
    note(text) {
      if (!told.has(text)) report({ is: "note", text });
      told.add(text);
    },
  };
  // Another host has seen it ready.
  const wasReady = run.state === "up" || (run.history.ready?.is === "unhealthy" && run.history.ready.lost === true);
  if (record.probed && !wasReady) {
    const request = { ...asked, probes: probesOf(spec), timeoutMs: spec.readyTimeoutMs };
    const readiness = await waitReady(request);
    if (readiness.is === "aborted") return;
    if (readiness.is === "timeout") noteHealth(ground, run, "late", readiness.why, report);
    if (readiness.is === "timeout" && !(await waitReadyLate(request))) return;
    noteHealth(ground, run, "ready", "", report);
  }
  watchAlive(ground, run, asked, report, control);
}
