/**
 * Probes whether a run is ready. Reports when it is, or that it was not in time, and then goes on probing. Once the run
 * is ready, it is probed for being alive.
 */
import { probesOf } from "../prepare/stack.ts";
import { waitReady, waitReadyLate } from "../probe/ready.ts";
import type { ProbeContext } from "../probe/types.ts";
import type { Host, HostedRun } from "../run/types.ts";
import { noteHealth } from "./health.ts";
import { watchAlive } from "./liveness.ts";

export async function watchHealth(host: Host, run: HostedRun): Promise<void> {
  const { ground, report, control } = host;
  const { record, spec, prepared } = run;
  const noted = new Set<string>();
  const asked: ProbeContext = {
    ground,
    record,
    env: prepared.environment.env,
    openFiles: ground.openFiles,
    inherits: run.spec.inherits,
    signal: run.over.signal,
    children: control.children,
    guests: new Set(),
    note(text) {
      if (!noted.has(text)) report({ is: "note", text });
      noted.add(text);
    },
  };
  // An earlier host has seen it ready.
  const wasReady = run.state === "up" || (run.history.ready?.is === "unhealthy" && run.history.ready.lost === true);
  if (record.probed && !wasReady) {
    const request = { ...asked, probes: probesOf(spec), timeoutMs: spec.readyTimeoutMs };
    const readiness = await waitReady(request);
    if (readiness.is === "aborted") return;
    if (readiness.is === "timeout") noteHealth(host, { run, event: "late", why: readiness.why });
    if (readiness.is === "timeout" && !(await waitReadyLate(request))) return;
    noteHealth(host, { run, event: "ready" });
  }
  watchAlive(host, { run, asked });
}
