/**
 * The host: a process that serves one launch. It reaps, probes, starts again by policy and writes the exit. All that it
 * knows is on disk: if it is killed at any instant, the command runs on, and the next dt sees everything there is to
 * see.
 *
 *   event \ phase            starting             running                stopping            backoff
 *   ----------------------   ------------------   --------------------   -----------------   ------------------
 *   leader ends              (not spawned)        sweep, exit, policy    the process that    -
 *                                                 decides                stops it writes
 *                                                                        the exit
 *   hangs (its `alive`       -                    end, exit, policy      -                   -
 *   probes say so)                                decides
 *   stop, Ctrl-C             cancel, take back    end under the lock     SIGKILL at once     forget the restart
 *   restart asked, or        -                    end, start again       -                   start now
 *   files changed                                 under one lock, unless
 *                                                 it was begun after the
 *                                                 restart was asked for
 *                                                 (start/join.ts)
 *   replaced by another      -                    leave (the other       leave               leave
 *                                                 writes the exit)
 *   host killed              see                  leader runs on         next dt finishes    shown as failed
 *                            start/start.ts
 *
 * A run that is not ready yet is not ended because of its `alive` probes. The table in supervisor/watch/health.ts says
 * how probes change the state in which a run is shown.
 *
 * If another folder has taken the place of the root, no run is started (supervisor/ground/samefolder.ts): the current
 * one goes on until it ends.
 *
 * A launch whose host was killed may get another one (adopt.ts), which goes on in the phase that it finds.
 */
import { messageOf } from "../../sys/base/error.ts";
import { keepFolder } from "../ground/samefolder.ts";
import { letGo } from "../launch/holding.ts";
import { NO_STREAK, type Streak, streakOf } from "../launch/streak.ts";
import type { Ground, LaunchSpec } from "../launch/types.ts";
import { addOwn } from "../run/queue.ts";
import type { Host, HostControl, HostEnd, HostedRun, HostRequest, OwnRequest } from "../run/types.ts";
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
  const started = await startLaunch({
    ground,
    report,
    spec: first,
    options: { restarts: 0, mayJoin: first.detached, signal: outer.control.cancel },
  });
  if (started.is === "unchanged" || started.is === "joined") return started;
  if (started.is === "unwanted") throw new Error("a first start is always wanted");
  const host = { ...outer, control: addOwn(outer.control) };
  return serveRun(host, { run: beginRun(host, { spec: first, ...started }) });
}

/**
 * A shell that became dt (`exec`) had children of its own, and PID 1 gets every orphan, whichever process left it: then
 * an orphan may be a stranger's.
 */
export function beginHosting(ground: Ground): void {
  ground.bystanders ??= process.pid === 1 || ground.table.childrenOf(process.pid).length > 0;
  ground.table.becomeSubreaper();
}

/**
 * Serves a launch that runs, or waits, without its host, as if this host had started it. Null when there is nothing to
 * take over.
 */
export async function hostAgain(outer: Host<HostControl>, key: string): Promise<HostEnd | null> {
  const { ground } = outer;
  keepFolder(ground);
  beginHosting(ground);
  const host = { ...outer, control: addOwn(outer.control) };
  const { adopt } = await import("./adopt.ts");
  const adopted = await adopt(host, key);
  if (adopted === null) return null;
  const { run, waiting } = adopted;
  if (waiting === null) return serveRun(host, { run, streak: streakOf(run.record) });
  const again = await startAfterBackoff(host, { run, finished: waiting });
  return "streak" in again ? serveRun(host, { run: again.run, streak: again.streak }) : again;
}

/** Serves a launch from a run that has begun to its end. */
async function serveRun(
  host: Host,
  { run, streak = NO_STREAK }: { run: HostedRun; streak?: Streak | undefined },
): Promise<HostEnd> {
  const files = watchForRestart(host);
  try {
    return await serve(host, { run, files, streak });
  } finally {
    await files.close();
    letGo(host.ground, run.record.key);
  }
}

/** Serves one run after another, until the launch is over. */
async function serve(
  host: Host,
  { run: first, files, streak: before }: { run: HostedRun; files: FileWatcher; streak: Streak },
): Promise<HostEnd> {
  let run = first;
  let streak = before;
  files.follow(run);
  for (;;) {
    const event = await nextEvent(host, run);
    if (event === null) continue;
    if (event.is !== "ended" && isEnding(event)) return endByRequest(host, { run, request: event });
    if (event.is === "restart" || event.is === "changed") {
      const next = await replaceRun(host, { run, event });
      if (next !== null) {
        run = next;
        streak = NO_STREAK;
        files.follow(run);
        if (event.is === "changed" && run.spec.settings.restartOn?.cascade === true) cascade(host, run);
      }
      continue;
    }
    if (event.is === "stuck" && (event.token !== run.record.token || run.state === "starting")) continue;
    const finished = await finishRun(host, { run, over: event, streak });
    run.over.abort();
    if (finished.is !== "restart") return finished.end;
    const { exit, afterMs } = finished;
    host.report({ is: "restarting", key: run.record.key, inMs: afterMs, because: exit.text });
    const again = await startAfterBackoff(host, { run, finished });
    if (!("streak" in again)) return again;
    ({ run, streak } = again);
    files.follow(run);
  }
}

type HostEvent = Extract<RunOver, { is: "ended" }> | HostRequest | OwnRequest;

async function nextEvent({ control }: Host, run: HostedRun): Promise<HostEvent | null> {
  const ended = run.leader.exited.then(() => ({ is: "ended" as const }));
  return (await Promise.race([ended, control.arrived().then(() => null)])) ?? control.take();
}

function replaceRun(
  host: Host,
  { run, event }: { run: HostedRun; event: Extract<HostEvent, { is: "restart" | "changed" }> },
): Promise<HostedRun | null> {
  return event.is === "restart"
    ? restartNow(host, { run, request: event })
    : restartForChange(host, { run, because: event.because });
}

/** Restarts the dependents, beside the host's other work: they wait until this launch is ready again. */
function cascade(host: Host, run: HostedRun): void {
  void (async () => {
    const { restartDependents } = await import("./cascade.ts");
    await restartDependents(host, run);
  })().catch((error) => {
    if (!run.over.signal.aborted)
      host.report({ is: "note", text: `dependents of ${run.record.key} are not restarted: ${messageOf(error)}` });
  });
}
