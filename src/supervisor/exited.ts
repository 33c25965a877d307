/** The leader ended: what is left of its tree is swept, the exit written, and the policy says whether a new run follows. */
import type { ExitRecord, LaunchRecord } from "../state/types.ts";
import type { EndStatus } from "../sys/status.ts";
import { endOf } from "./asked.ts";
import { type Ended, endLaunch } from "./end.ts";
import { lockOrLeave, ownRecord, taken } from "./hostlock.ts";
import { decideAfterExit } from "./policy.ts";
import type { Ground, HostControl, HostEnd, Report, Run } from "./types.ts";

export type Finished =
  | { is: "restart"; afterMs: number; inRow: number; because: string; exit: ExitRecord }
  | { is: "end"; end: HostEnd };

/**
 * The leader ended. If somebody who holds the lock is ending the launch, they write the exit and this host leaves; else this host takes
 * the lock, sweeps what is left of the tree and writes it.
 */
export async function finishExited(
  ground: Ground,
  run: Run,
  status: EndStatus,
  inRow: number,
  report: Report,
  control: HostControl,
): Promise<Finished> {
  const lock = await lockOrLeave(ground, run, "sweep");
  if (lock === null) return { is: "end", end: await taken(ground, run, status) };
  try {
    const record = ownRecord(ground, run);
    if (record === null) return { is: "end", end: await taken(ground, run, status) };
    const stoppedBefore = record.phase === "stopping";
    const byKey = !stoppedBefore && run.leader.terminal?.wasInterrupted(record.stop.timeoutMs) === true;
    const ended = await endLaunch(ground, record, {
      how: stoppedBefore ? "stop" : "sweep",
      by: record.stopping?.by ?? run.spec.asker,
      ...(byKey ? endOf(run, { is: "interrupt" }) : {}),
      hard: control.hard,
      self: record.host,
      ownExit: run.leader.exited,
    });
    if (ended.left !== null) report({ is: "note", text: ended.left });
    if (stoppedBefore || byKey) return { is: "end", end: { is: "ended", exit: ended.exit } };
    return decide(ground, run, record, ended, inRow, report);
  } finally {
    lock.release();
  }
}

/** Still under the lock: the exit is written, the record gone; a policy puts a record in `backoff` in its place. */
function decide(
  ground: Ground,
  run: Run,
  record: LaunchRecord,
  { exit }: Ended,
  inRow: number,
  report: Report,
): Finished {
  const want = ground.store.want(record.key);
  const wanted = want.is === "there" && want.value.want === "run";
  const decision = decideAfterExit(
    wanted ? run.spec.settings.restart : "no",
    { code: exit.code, uptimeMs: exit.uptimeMs, restartsInRow: inRow },
    Math.random(),
  );
  if (decision.is === "give-up") {
    report({ is: "note", text: `${record.key} ended ${decision.after + 1} times in a row; not started again` });
    noteGivenUp(ground, exit, decision.after + 1);
  }
  if (decision.is !== "restart") return { is: "end", end: { is: "ended", exit } };
  try {
    ground.store.writeRecord({
      ...record,
      phase: "backoff",
      leader: null,
      logFile: null,
      restarts: record.restarts + 1,
      backoff: {
        because: exit.text,
        nextAt: new Date(Date.now() + decision.afterMs).toISOString(),
        inRow: decision.inRow,
      },
    });
  } catch (error) {
    // What cannot be written down cannot be waited for: nobody would see or stop it.
    report({ is: "note", text: `${record.key} is not started again: ${(error as Error).message}` });
    return { is: "end", end: { is: "ended", exit } };
  }
  return { ...decision, because: exit.text, exit };
}

function noteGivenUp({ store }: Ground, exit: ExitRecord, runs: number): void {
  try {
    store.writeExit({ ...exit, gaveUpAfter: runs });
  } catch {
    // the exit itself is there; a full disk must not make more of this
  }
}
