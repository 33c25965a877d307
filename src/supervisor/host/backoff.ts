/**
 * Between two runs the host waits for the policy's delay, unless a person stops, restarts or replaces the launch
 * meanwhile, or files that restart it change.
 */
import type { ExitRecord } from "../../state/types.ts";
import { identifySelf, type ProcessIdentity } from "../../sys/process/identity.ts";
import { endLaunch } from "../end/end.ts";
import { NO_STREAK, type Streak } from "../launch/streak.ts";
import type { Ground, LaunchSpec } from "../launch/types.ts";
import { lockOrLeave } from "../run/lock.ts";
import type { EndingRequest, Host, HostEnd, HostedRun, HostRequest, OwnRequest } from "../run/types.ts";
import { noteStartFailure } from "../start/failed.ts";
import { startLaunch } from "../start/start.ts";
import { whileWanted } from "../start/wanted.ts";
import { isOwnerGone, OWNER_GONE } from "../watch/owner.ts";
import { beginRun } from "./begin.ts";
import { changeAsker, wantsRun } from "./onchange.ts";
import type { Finished } from "./onexit.ts";
import { doingOf, endOf, isEnding, sizeOf } from "./onrequest.ts";

/** How often a waiting host checks whether the launch is still wanted, in milliseconds. */
const BACKOFF_LOOK_MS = 100;

type Restart = Extract<Finished, { is: "restart" }>;

/**
 * Waits for the policy's delay and starts the launch again, unless its record says that another process stopped or
 * replaced it.
 */
export async function startAfterBackoff(
  host: Host,
  { run, finished }: { run: HostedRun; finished: Restart },
): Promise<{ run: HostedRun; streak: Streak } | HostEnd> {
  const { ground, report, control } = host;
  const self = identifySelf(ground.table);
  const stillMine = () => waitsHere(ground, { run, self });
  const waited = await waitOut(host, { run, finished, stillMine });
  if (waited.is !== "over") return waited;
  const { early } = waited;
  const restart = early?.is === "restart" ? early : null;
  const stillWanted = () => stillMine() && wantsRun(ground, run.record) && !control.cancel.aborted;
  const spec = restart?.spec ?? (await whileWanted(stillWanted, control.resolveAnew(run.spec))) ?? run.spec;
  const asker = early?.is === "changed" ? changeAsker(self, early.because) : finished.asker;
  // The next run follows one of this very host, so there is nothing to compare it with.
  const asked = { ...(restart === null ? { ...spec, asker } : spec), ensure: false, terminal: sizeOf(run) };
  const streak = early === null ? finished.streak : NO_STREAK;
  try {
    const started = await startLaunch({
      ground,
      report,
      spec: asked,
      options: { restarts: restartsOf(ground, run), streak, stillWanted, replaces: run.record.token },
    });
    restart?.done({ is: "restarted" });
    if (started.is !== "started") {
      const request = stillMine() ? control.take() : null;
      return request !== null && isEnding(request)
        ? endInBackoff(ground, { run, request, last: finished.exit })
        : takenInBackoff(ground, { run, last: finished.exit });
    }
    return { run: beginRun(host, { spec, ...started }), streak };
  } catch (error) {
    restart?.done({ is: "failed", error });
    if (stillMine()) await giveUpStarting(ground, { run, spec: asked, error });
    throw error;
  }
}

/** The record of a launch that waits counts the next run already; another host may have written it. */
function restartsOf({ store }: Ground, { record }: HostedRun): number {
  const now = store.record(record.key);
  const isWaiting = now.is === "there" && now.value.token === record.token && now.value.phase === "backoff";
  return isWaiting ? now.value.restarts : record.restarts + 1;
}

type Early = Exclude<HostRequest | OwnRequest, EndingRequest | { is: "stuck" }>;

/** `early`: the request that ended the wait before its time, if one did. */
async function waitOut(
  { ground, control }: Host,
  { run, finished: { afterMs, exit }, stillMine }: { run: HostedRun; finished: Restart; stillMine: () => boolean },
): Promise<{ is: "over"; early: Early | null } | HostEnd> {
  const until = performance.now() + afterMs;
  while (performance.now() < until) {
    if (!stillMine()) return takenInBackoff(ground, { run, last: exit });
    if (isOwnerGone(ground, run)) return endInBackoff(ground, { run, request: OWNER_GONE, last: exit });
    await Promise.race([control.arrived(), Bun.sleep(Math.min(BACKOFF_LOOK_MS, until - performance.now()))]);
    const request = control.take();
    if (request === null) continue;
    if (isEnding(request)) return endInBackoff(ground, { run, request, last: exit });
    // A run that hung is over by now.
    if (request.is !== "stuck") return { is: "over", early: request };
  }
  return { is: "over", early: null };
}

function waitsHere(
  { store }: Ground,
  {
    run: {
      record: { key, token },
    },
    self,
  }: { run: HostedRun; self: ProcessIdentity },
): boolean {
  const record = store.record(key);
  return (
    record.is === "there" &&
    record.value.token === token &&
    record.value.phase === "backoff" &&
    record.value.host.pid === self.pid
  );
}

/**
 * Writes down why the launch could not be started, or not even prepared (its directory or its program is gone): there
 * is no caller to report it to.
 */
async function giveUpStarting(
  ground: Ground,
  { run, spec, error }: { run: HostedRun; spec: LaunchSpec; error: unknown },
): Promise<void> {
  const lock = await lockOrLeave(ground, { run, doing: "give up" });
  if (lock === null) return;
  try {
    const current = ground.store.record(run.record.key);
    if (current.is !== "there" || current.value.token !== run.record.token || current.value.phase !== "backoff") return;
    ground.store.removeRecord(current.value);
    noteStartFailure(ground, { spec, facts: { ...run.prepared, restarts: current.value.restarts }, error });
  } finally {
    lock.release();
  }
}

async function endInBackoff(
  ground: Ground,
  { run, request, last }: { run: HostedRun; request: EndingRequest; last: ExitRecord },
): Promise<HostEnd> {
  const lock = await lockOrLeave(ground, { run, doing: doingOf(request) });
  if (lock === null) return takenInBackoff(ground, { run, last });
  try {
    const current = ground.store.record(run.record.key);
    if (current.is !== "there" || current.value.token !== run.record.token)
      return takenInBackoff(ground, { run, last });
    const { exit } = await endLaunch(ground, {
      record: current.value,
      ...endOf(run, request),
      isOwn: true,
    });
    return { is: "ended", exit };
  } finally {
    lock.release();
  }
}

/** Another process stopped the launch while it waited, or started another in its place. */
async function takenInBackoff(
  { store }: Ground,
  { run, last }: { run: HostedRun; last: ExitRecord },
): Promise<HostEnd> {
  const { key, token } = run.record;
  const status = { code: last.code, signal: last.signal };
  const exit = store.exit(key);
  const isWritten = exit.is === "there" && exit.value.token === token && exit.value.reason !== last.reason;
  if (isWritten) return { is: "taken", status, exit: exit.value };
  const want = store.want(key);
  if (want.is !== "there" || want.value.by.by !== "rerun") return { is: "taken", status, exit: null };
  const { makeTakenExit } = await import("../launch/exit.ts");
  return { is: "taken", status, exit: makeTakenExit(run.record, { by: want.value.by, status }) };
}
