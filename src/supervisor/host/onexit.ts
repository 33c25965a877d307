/**
 * When a run is over, the rest of its tree is swept and the exit written, and the policy decides whether a new run
 * follows.
 */
import type { Asker, ExitRecord, LaunchRecord } from "../../state/types.ts";
import { formatDuration } from "../../values/duration.ts";
import { endLaunch } from "../end/end.ts";
import { noteSpec } from "../ground/spec.ts";
import { noteStreak, type Streak } from "../launch/streak.ts";
import type { Ground, LaunchSpec } from "../launch/types.ts";
import { lockOrLeave, ownRecord, taken } from "../run/lock.ts";
import { noteExit } from "../run/notes.ts";
import type { Host, HostEnd, HostedRun } from "../run/types.ts";
import { wantsRun } from "./onchange.ts";
import { endOf } from "./onrequest.ts";
import { type Decision, decideAfterEnd, judgeEnd } from "./policy.ts";

export type Finished =
  | { is: "restart"; afterMs: number; streak: Streak; asker: Asker; exit: ExitRecord }
  | { is: "end"; end: HostEnd };

/** `ended`: the leader ended by itself. `stuck`: it runs, its `alive` probes fail, and this host ends it. */
export type RunOver = { is: "ended" } | { is: "stuck"; because: string };

/**
 * If the process that holds the lock is ending the launch, that process writes the exit and this host leaves. Otherwise
 * this host takes the lock, sweeps the rest of the tree and writes the exit.
 */
export async function finishRun(
  host: Host,
  { run, over, streak }: { run: HostedRun; over: RunOver; streak: Streak },
): Promise<Finished> {
  const { ground, report, control } = host;
  run.leader.exited.then((status) => noteExit(ground, { run, status }));
  const leave = async (): Promise<Finished> => ({
    is: "end",
    end: await taken(ground, { run, status: await run.leader.exited }),
  });
  const lock = await lockOrLeave(ground, { run, doing: over.is === "stuck" ? "restart" : "clean up" });
  if (lock === null) return await leave();
  try {
    const record = ownRecord(ground, run);
    if (record === null) return await leave();
    const stoppedBefore = record.phase === "stopping";
    const byKey =
      !stoppedBefore && over.is === "ended" && run.leader.terminal?.wasInterrupted(record.stop.timeoutMs) === true;
    let finished: Finished | null = null;
    const isKept = (ended: ExitRecord) => {
      const exit = over.is === "stuck" ? noteStuck(ground, { run, exit: ended, because: over.because }) : ended;
      finished = decide(host, { run, record, exit, over, streak });
      return finished.is === "restart";
    };
    const isOver = stoppedBefore || byKey;
    const ended = await endLaunch(ground, {
      record,
      how: stoppedBefore ? "stop" : "sweep",
      by: record.stopping?.by ?? run.spec.asker,
      ...(byKey ? endOf(run, { is: "interrupt" }) : {}),
      hard: control.hard,
      isOwn: true,
      ownExit: run.leader.exited,
      ...(isOver ? {} : { isKept }),
    });
    if (ended.left !== null) report({ is: "note", text: ended.left });
    return finished ?? { is: "end", end: { is: "ended", exit: ended.exit } };
  } finally {
    lock.release();
  }
}

interface FinishedRun {
  run: HostedRun;
  /** The run's record as it is on disk. */
  record: LaunchRecord;
  exit: ExitRecord;
  over: RunOver;
  streak: Streak;
}

/**
 * Decides what follows, still under the lock and with the exit written. Before another run, a record in `backoff`
 * replaces the run's in one step.
 */
function decide({ ground, report }: Host, { run, record, exit, over, streak }: FinishedRun): Finished {
  const wanted = wantsRun(ground, record);
  const policy = run.spec.settings.restart;
  const end = over.is === "stuck" ? "not-alive" : judgeEnd(policy, exit.code);
  const ended = { end, uptimeMs: exit.uptimeMs, streak, now: performance.now() } as const;
  const decision: Decision = wanted ? decideAfterEnd(policy, { ...ended, random: Math.random() }) : { is: "end" };
  if (decision.is === "give-up") return giveUp({ ground, report }, { exit, decision });
  if (decision.is === "end") return { is: "end", end: { is: "ended", exit } };
  try {
    ground.store.writeRecord({
      ...record,
      phase: "backoff",
      leader: null,
      logFile: null,
      restarts: record.restarts + 1,
      ...noteStreak(decision.streak),
      backoff: {
        because: exit.text,
        nextAt: new Date(Date.now() + decision.afterMs).toISOString(),
        inRow: decision.streak.inRow,
      },
    });
    noteSpec(ground, { token: record.token, spec: run.spec });
  } catch (error) {
    // A restart that cannot be recorded is not waited for: nobody could see or stop it.
    report({ is: "note", text: `${record.key} is not started again: ${(error as Error).message}` });
    return { is: "end", end: { is: "ended", exit } };
  }
  return { ...decision, asker: policyAsker(record, { spec: run.spec, over, exit }), exit };
}

/**
 * The next run is recorded as started by the policy. What a person later does to it in this terminal is still recorded
 * as that person's.
 */
function policyAsker(
  { host }: LaunchRecord,
  { spec: { settings }, over, exit }: { spec: LaunchSpec; over: RunOver; exit: ExitRecord },
): Asker {
  const field = over.is === "stuck" ? "`alive`" : `restart: "${settings.restart.policy}"`;
  return { by: "policy", pid: host.pid, command: `${field} in the manifest`, because: `it ${exit.text}` };
}

/** A run that its host ended because it hung has failed, whatever its exit status. */
function noteStuck(
  ground: Ground,
  { run, exit, because }: { run: HostedRun; exit: ExitRecord; because: string },
): ExitRecord {
  const failed: ExitRecord = {
    ...exit,
    reason: "failed",
    text: `failed after ${formatDuration(exit.uptimeMs)}, as it was not alive: ${because}`,
    by: { by: "policy", pid: run.record.host.pid, command: "`alive` in the manifest" },
  };
  writeExit(ground, failed);
  return failed;
}

function giveUp(
  { ground, report }: Pick<Host, "ground" | "report">,
  { exit, decision: { restarts, windowMs } }: { exit: ExitRecord; decision: Extract<Decision, { is: "give-up" }> },
): Finished {
  const text = `${exit.key} was started again ${restarts} times within ${formatDuration(windowMs)}: given up`;
  report({ is: "note", text });
  // Also if the last end was a success, as it may be with `always`: a command that is wanted and given up has failed.
  const failed: ExitRecord = { ...exit, reason: "failed", gaveUpAfter: restarts, gaveUpWithinMs: windowMs };
  writeExit(ground, failed);
  return { is: "end", end: { is: "ended", exit: failed } };
}

function writeExit({ store }: Ground, exit: ExitRecord): void {
  try {
    store.writeExit(exit);
  } catch {
    // the exit itself is there, and a full disk must not end the host
  }
}
