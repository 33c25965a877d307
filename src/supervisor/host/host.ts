/**
 * The host: one process that serves one launch. It reaps, probes, starts again by policy and writes the exit, and is nothing that
 * is not on disk: killed at any instant, the command runs on and the next dt sees all there is to see.
 *
 *   phase \ event   leader ends                     stop, Ctrl-C              restart asked      replaced by another      host killed
 *   -------------   -----------------------------   -----------------------   ----------------   ----------------------   -----------------
 *   starting        (not spawned)                   cancel, take back         -                  -                        see supervisor/start/start.ts
 *   running         sweep, exit, policy decides     end under the lock        end, start anew    leave (the other writes) leader runs on
 *   stopping        who stops it writes the exit    SIGKILL at once           -                  leave                    next dt finishes
 *   backoff         -                               forget the restart        start now          leave                    shown as failed
 *
 * Where another folder is in the place of the root by then, nothing is started anew (supervisor/ground/samefolder.ts): what runs goes on, and ends as it ends.
 *
 * A launch whose host was killed may get another one (adopt.ts), which goes on in the phase that it finds.
 *
 * What it does beside that, when probes or files say so, is in the table of supervisor/run/events.ts.
 */
import { messageOf } from "../../sys/base/error.ts";
import { keepFolder } from "../ground/samefolder.ts";
import { letGo } from "../launch/holding.ts";
import { NO_STREAK, type Streak, streakOf } from "../launch/streak.ts";
import type { Ground, LaunchSpec } from "../launch/types.ts";
import { addOwn } from "../run/queue.ts";
import type { Host, HostControl, HostEnd, HostRequest, OwnRequest, Run } from "../run/types.ts";
import { startLaunch } from "../start/start.ts";
import { type FileWatcher, watchForRestart } from "../watch/files.ts";
import { startAfterBackoff } from "./backoff.ts";
import { beginRun } from "./begin.ts";
import { restartForChange } from "./onchange.ts";
import { finishRun, type RunOver } from "./onexit.ts";
import { endByRequest, isEnding, restartNow } from "./onrequest.ts";

export async function hostLaunch(outer: Host<HostControl>, first: LaunchSpec): Promise<HostEnd> {
  const { ground, report } = outer;
  keepFolder(ground);
  beginHosting(ground);
  const started = await startLaunch(ground, first, report, { restarts: 0, signal: outer.control.cancel });
  if (started.is === "unchanged") return { is: "unchanged", record: started.record };
  if (started.is === "unwanted") throw new Error("a first start is always wanted");
  const host = { ...outer, control: addOwn(outer.control) };
  return serveRun(host, beginRun(host, first, started));
}

/** A shell that became dt (`exec`) had children, and to PID 1 falls what has no parent, whoever left it. */
export function beginHosting(ground: Ground): void {
  ground.bystanders ??= process.pid === 1 || ground.table.childrenOf(process.pid).length > 0;
  ground.table.becomeSubreaper();
}

/** What runs, or waits, without its host: served from here on as if this host had started it. Null when there is nothing to take over. */
export async function hostAgain(outer: Host<HostControl>, key: string): Promise<HostEnd | null> {
  const { ground } = outer;
  keepFolder(ground);
  beginHosting(ground);
  const host = { ...outer, control: addOwn(outer.control) };
  const { adopt } = await import("./adopt.ts");
  const adopted = await adopt(host, key);
  if (adopted === null) return null;
  const { run, waiting } = adopted;
  if (waiting === null) return serveRun(host, run, streakOf(run.record));
  const again = await startAfterBackoff(host, run, waiting);
  return "streak" in again ? serveRun(host, again.run, again.streak) : again;
}

/** From a run that has begun to the end of its launch. */
async function serveRun(host: Host, begun: Run, streak = NO_STREAK): Promise<HostEnd> {
  const files = watchForRestart(host);
  try {
    return await serve(host, begun, files, streak);
  } finally {
    await files.close();
    letGo(host.ground, begun.record.key);
  }
}

/** One run after the other, until the launch is over. */
async function serve(host: Host, begun: Run, files: FileWatcher, before: Streak): Promise<HostEnd> {
  let run = begun;
  let streak = before;
  files.follow(run);
  for (;;) {
    const event = await nextEvent(host, run);
    if (event === null) continue;
    if (event.is !== "ended" && isEnding(event)) return endByRequest(host, run, event);
    if (event.is === "restart" || event.is === "changed") {
      const next = await replaceRun(host, run, event);
      if (next !== null) {
        run = next;
        streak = NO_STREAK;
        files.follow(run);
        if (event.is === "changed" && run.spec.settings.restartOn?.cascade === true) cascade(host, run);
      }
      continue;
    }
    if (event.is === "stuck" && (event.token !== run.record.token || run.state === "starting")) continue;
    const finished = await finishRun(host, run, event, streak);
    run.over.abort();
    if (finished.is !== "restart") return finished.end;
    const { exit, afterMs } = finished;
    host.report({ is: "restarting", key: run.record.key, inMs: afterMs, because: exit.text });
    const again = await startAfterBackoff(host, run, finished);
    if (!("streak" in again)) return again;
    ({ run, streak } = again);
    files.follow(run);
  }
}

type HostEvent = Extract<RunOver, { is: "ended" }> | HostRequest | OwnRequest;

async function nextEvent({ control }: Host, run: Run): Promise<HostEvent | null> {
  const ended = run.leader.exited.then(() => ({ is: "ended" as const }));
  return (await Promise.race([ended, control.arrived().then(() => null)])) ?? control.take();
}

function replaceRun(
  host: Host,
  run: Run,
  event: Extract<HostEvent, { is: "restart" | "changed" }>,
): Promise<Run | null> {
  return event.is === "restart" ? restartNow(host, run, event) : restartForChange(host, run, event.because);
}

/** Beside the host's own work: what needs this launch waits until it is ready again. */
function cascade(host: Host, run: Run): void {
  void (async () => {
    const { restartDependents } = await import("./cascade.ts");
    await restartDependents(host, run);
  })().catch((error) => {
    if (!run.over.signal.aborted)
      host.report({ is: "note", text: `what needs ${run.record.key}: ${messageOf(error)}` });
  });
}
