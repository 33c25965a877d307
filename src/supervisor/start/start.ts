/**
 * Starting a launch, done by its host while it holds the key's lock. If the host is killed after a step, the next dt
 * finds this:
 *
 *   step                                    what the next dt finds
 *   -------------------------------------   -------------------------------------------------------------------------
 *   prepare (argv, cwd, env, port, log)     nothing was touched
 *   lock                                    a lock whose holder is gone: broken
 *   check whether a stop came meanwhile     the same; which stops count is the table in supervisor/ticket/pending.ts
 *   check whether a launch is needed        the same: a start that joins another's launch writes nothing
 *   end the old launch                      see supervisor/end/end.ts: `stopping`, finished by the next start or stop
 *   want written, port checked              no record, and the exit of the old launch
 *   fence, hold, write-ahead (`starting`)   a record without a leader, whose host is gone: looks for the token, finds
 *                                           nothing
 *   log opened                              the same
 *   leader spawned                          the same, but a process carries the token (or the fence is still held
 *                                           until it does)
 *   leader recorded (`running`), unlock     a launch without a host: it runs on and is listed, stopped and replaced
 *                                           as usual
 *
 * `runSteps` prepares and locks; `startUnderLock` judges, clears (place.ts), claims and begins (begin.ts). Prepare,
 * clear and claim each return the start with more in it. Clear and claim push onto `undo` how to take them back, which
 * runs in reverse order if a later step fails. Begin takes back its own writes, and `runSteps` releases the port.
 *
 * A start that needs no launch of its own ends at the check under the lock: with `--ensure`, when the launch that runs
 * is fine; and when another start has launched the same meanwhile (join.ts). Before the first step, starts that were
 * asked for at once wait for each other (crowd.ts).
 *
 * A start that fails under the lock with nothing left running leaves an exit (`start-failed`), so that it can be
 * reported later. A start that fails before the lock touched nothing, and its caller gets the error. A start whose old
 * launch runs on never overwrites the facts of that launch.
 */
import type { LaunchRecord } from "../../state/types.ts";
import { messageOf } from "../../sys/base/error.ts";
import { bootClock } from "../../sys/kernel/bootclock.ts";
import type { HeldLock } from "../../sys/lock/lock.ts";
import { endLeftTasks } from "../end/lefttasks.ts";
import { refuseAnotherFolder } from "../ground/samefolder.ts";
import { lineOf } from "../launch/line.ts";
import { lockKey } from "../launch/lock.ts";
import type { LaunchEvent } from "../launch/types.ts";
import { prepareLaunch } from "../prepare/launch.ts";
import type { StackLaunch } from "../prepare/stack.ts";
import { dropTicket, holdTicket, refuseCalledOff, watchTicket } from "../ticket/ticket.ts";
import { begin, claim } from "./begin.ts";
import { joinCrowd } from "./crowd.ts";
import { noteStartFailure } from "./failed.ts";
import { findJoined, isBegunSince } from "./join.ts";
import { clear } from "./place.ts";
import type { PreparedStart, Start, Started, Undo } from "./types.ts";
import { refuseUnlike } from "./unlike.ts";
import { watchWanted } from "./wanted.ts";

/**
 * How long the one-shots before a restart may take to end once the restart is no longer wanted, in milliseconds: the dt
 * that stopped the launch waits for its host, and not as long as for a start.
 */
const GIVE_UP_MS = 1000;

export async function startLaunch(start: Start): Promise<Started> {
  const { ground, spec, options } = start;
  refuseAnotherFolder(ground);
  refuseUnlike(spec);
  ground.store.prepare();
  await endLeftTasks(ground, { key: spec.key, report: start.report });
  const stopped = watchTicket(ground, spec);
  // A start with a ticket is called off by it, and the ticket says by whom.
  const wanted = watchWanted(spec.ticket === undefined ? options.stillWanted : undefined);
  const { key, askedAt } = spec;
  const crowd =
    options.mayJoin !== true || askedAt === undefined
      ? null
      : joinCrowd({ runDirectory: ground.store.directory, key, askedAt });
  try {
    const signal = AbortSignal.any([options.signal ?? [], stopped.signal, wanted.signal].flat());
    if (crowd?.isFollower === true && !isBegunSince(start)) {
      holdTicket(ground, spec);
      await crowd.quiet(signal);
    }
    return await runSteps({ ...start, options: { ...options, signal } }, { onLock: wanted.close });
  } catch (error) {
    // Before anything was touched: under the lock this is not watched.
    if (wanted.signal.aborted && error === wanted.signal.reason) return { is: "unwanted" };
    throw error;
  } finally {
    crowd?.over();
    wanted.close();
    stopped.close();
    dropTicket(ground, spec);
  }
}

interface Steps {
  onLock: () => void;
  /** What runs before the launch runs in any case. Default: not if no launch seems to be needed. */
  withFirst?: boolean;
}

async function runSteps(start: Start, { onLock, withFirst = false }: Steps): Promise<Started> {
  const prepared = await prepare(start, withFirst);
  const { claim: port } = prepared.prepared;
  const lock = await lockStart(start);
  onLock();
  let started: Started | { is: "owed" };
  try {
    started = await startUnderLock(prepared, lock);
  } catch (error) {
    port?.release();
    throw error;
  } finally {
    lock.release();
  }
  if (started.is !== "started") port?.release();
  if (started.is === "owed") return runSteps(start, { onLock, withFirst: true });
  // Reported when the lock is free again: the caller may go on at once with the same key.
  if (started.is === "started") start.report(spawnedEvent(started.record, started.prepared.stack));
  return started;
}

async function prepare(start: Start, withFirst: boolean): Promise<PreparedStart> {
  const { ground, spec, report } = start;
  const { compose, before } = spec.settings;
  const isStack = compose !== null;
  const begunAt = isStack || before.length > 0 ? bootClock() : null;
  // A one-shot before it may write the file of a stack.
  if (isStack) await runFirst(start);
  const prepared = { ...start, prepared: await prepareLaunch(ground, { spec, report }), begunAt, isFirstOwed: false };
  if (isStack || before.length === 0) return prepared;
  if (!withFirst && (await judge({ ...prepared, report: () => {} })) !== null)
    return { ...prepared, isFirstOwed: true };
  await runFirst(start);
  return prepared;
}

async function runFirst({ ground, spec, report, options: { signal, restarts } }: Start): Promise<void> {
  if (spec.settings.before.length === 0) return;
  const { runBefore } = await import("../oneshot/before.ts");
  await runBefore({ ground, spec, report, signal, cancelMs: restarts === 0 ? undefined : GIVE_UP_MS });
}

/** With `--ensure`: whether the launch that runs is the same. Null when this was not asked for. */
async function compare({ ground, spec, prepared }: PreparedStart) {
  if (!spec.ensure) return null;
  const { judgeSame } = await import("../prepare/ensure.ts");
  return judgeSame(ground, { key: spec.key, prepared, isTty: spec.settings.tty });
}

function lockStart({ ground, spec, options }: Start): Promise<HeldLock> {
  return lockKey(ground, {
    key: spec.key,
    doing: "start",
    command: spec.asker.command,
    timeoutMs: spec.lockTimeoutMs,
    signal: options.signal,
    onWait: () => holdTicket(ground, spec),
  });
}

/** `owed`: a launch is needed after all, and what runs before it has not run. */
async function startUnderLock(start: PreparedStart, lock: HeldLock): Promise<Started | { is: "owed" }> {
  const { ground, spec, prepared, options } = start;
  if (options.stillWanted?.() === false) return { is: "unwanted" };
  refuseCalledOff(ground, spec);
  const undo: Undo = [];
  try {
    reportBroken(start, lock);
    const done = await judge(start);
    if (done !== null) return done;
    if (start.isFirstOwed) return { is: "owed" };
    const cleared = await clear(start, undo);
    const started = await begin(await claim(cleared, undo));
    if (cleared.before !== null) ground.store.removeFiled(cleared.before.record.token);
    return started;
  } catch (error) {
    await takeBack(undo, start);
    noteStartFailure(ground, { spec, facts: { ...prepared, restarts: options.restarts }, error });
    throw error;
  }
}

/** What cannot be taken back is reported; the start's own error stays the one that counts. */
async function takeBack(undo: Undo, { report }: Start): Promise<void> {
  for (const back of undo.reverse())
    try {
      await back();
    } catch (error) {
      report({ is: "note", text: messageOf(error) });
    }
}

const BROKEN = { unreadable: "an unfinished lock", foreign: "a foreign lock (it is kept beside it)" };

function reportBroken({ report }: Start, { broke }: HeldLock): void {
  if (broke === null) return;
  const whose =
    typeof broke === "string" ? BROKEN[broke] : `the lock of pid ${broke.holder.pid} (${broke.command}), which is gone`;
  report({ is: "note", text: `broke ${whose}` });
}

/** The launch by which the start is done without one of its own; null: it needs one. Throws `overtaken`. */
async function judge(start: PreparedStart): Promise<Extract<Started, { is: "unchanged" | "joined" }> | null> {
  const judged = await compare(start);
  if (judged?.is === "same") return { is: "unchanged", record: judged.record };
  const joined = findJoined(start);
  if (joined !== null) return { is: "joined", record: joined };
  if (judged?.is === "different") start.report({ is: "note", text: `${start.spec.key} is replaced: ${judged.why}` });
  return null;
}

function spawnedEvent(record: LaunchRecord, stack: StackLaunch | null): LaunchEvent {
  const { probed, argv, cwd } = record;
  const shown = stack?.shown == null ? {} : { shown: stack.shown };
  return { is: "spawned", line: lineOf(record, "running"), probed, commandLine: argv, cwd, ...shown };
}
