/**
 * The host: one process that serves one launch. It reaps, probes, starts again by policy and writes the exit, and is nothing that
 * is not on disk: killed at any instant, the command runs on and the next dt sees all there is to see.
 *
 *   phase \ event   leader ends                     stop, Ctrl-C              restart asked      replaced by another      host killed
 *   -------------   -----------------------------   -----------------------   ----------------   ----------------------   -----------------
 *   starting        (not spawned)                   cancel, take back         -                  -                        see start.ts
 *   running         sweep, exit, policy decides     end under the lock        end, start anew    leave (the other writes) leader runs on
 *   stopping        who stops it writes the exit    SIGKILL at once           -                  leave                    next dt finishes
 *   backoff         -                               forget the restart        start now          leave                    shown as failed
 */
import { endByRequest, restartNow } from "./asked.ts";
import { startAfterBackoff } from "./backoff.ts";
import { finishExited } from "./exited.ts";
import { noteExit } from "./notes.ts";
import { beginRun } from "./run.ts";
import { startLaunch } from "./start.ts";
import type { Ground, HostControl, HostEnd, LaunchSpec, Report, Run } from "./types.ts";

export async function hostLaunch(
  ground: Ground,
  first: LaunchSpec,
  report: Report,
  control: HostControl,
): Promise<HostEnd> {
  ground.table.becomeSubreaper();
  const started = await startLaunch(ground, first, report, { restarts: 0, signal: control.cancel });
  if (started.is === "unchanged") return { is: "unchanged", record: started.record };
  if (started.is === "unwanted") throw new Error("a first start is always wanted");
  return serveRun(ground, beginRun(ground, first, started, report, control), report, control);
}

/** From a run that has begun to the end of its launch. */
export async function serveRun(ground: Ground, first: Run, report: Report, control: HostControl): Promise<HostEnd> {
  let run = first;
  let inRow = 0;
  for (;;) {
    const event = await Promise.race([
      run.leader.exited.then((status) => ({ is: "exited" as const, status })),
      control.arrived().then(() => null),
    ]);
    if (event === null) {
      const request = control.take();
      if (request === null) continue;
      if (request.is !== "restart") return endByRequest(ground, run, request, control);
      const next = await restartNow(ground, run, request, report, control);
      if (next !== null) {
        run = next;
        inRow = 0;
      }
      continue;
    }

    if (event.status.code !== null || event.status.signal !== null) noteExit(ground, run, event.status);
    const finished = await finishExited(ground, run, event.status, inRow, report, control);
    run.over.abort();
    if (finished.is !== "restart") return finished.end;
    inRow = finished.inRow;
    report({ is: "restarting", key: run.record.key, inMs: finished.afterMs, because: finished.because });
    const again = await startAfterBackoff(ground, run, finished, report, control);
    if (!("leader" in again)) return again;
    run = again;
  }
}
