/** Tells when a run is ready, or that it was not in time, and goes on asking. */
import { writeHistory } from "./notes.ts";
import { waitReady, waitReadyLate } from "./ready.ts";
import { lineOf } from "./start.ts";
import type { Ground, Report, Run } from "./types.ts";

export async function watchReadiness(ground: Ground, run: Run, children: Set<number>, report: Report): Promise<void> {
  const { record, spec, prepared } = run;
  const request = {
    ground,
    record,
    probes: spec.settings.ready,
    timeoutMs: spec.readyTimeoutMs,
    env: prepared.environment.env,
    openFiles: ground.openFiles,
    signal: run.over.signal,
    children,
  };
  const tellReady = () => {
    writeHistory(ground, run, { ready: { is: "ready", at: new Date().toISOString() } });
    report({
      is: "ready",
      line: lineOf(record, "ready"),
      tookMs: Math.max(0, Date.now() - Date.parse(record.startedAt)),
    });
  };
  const readiness = await waitReady(request);
  if (readiness.is === "ready") return tellReady();
  if (readiness.is === "aborted") return;
  writeHistory(ground, run, { ready: { is: "unhealthy", at: new Date().toISOString(), why: readiness.why } });
  report({ is: "unhealthy", line: lineOf(record, "unhealthy"), why: readiness.why });
  if (await waitReadyLate(request)) tellReady();
}
