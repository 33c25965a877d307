/**
 * The step `clear`, for what was under the key before a start. A living launch is ended, the rest of a dead one is
 * swept by its record, and the processes of a record that does not parse are searched for by key and root. None of them
 * is ever assumed to be gone.
 */
import type { LaunchRecord } from "../../state/types.ts";
import { messageOf } from "../../sys/base/error.ts";
import { presenceOf } from "../../sys/process/identity.ts";
import { endLaunch } from "../end/end.ts";
import { endStack } from "../end/stack.ts";
import { clearUnreadable } from "../end/unrecorded.ts";
import { refuseSharedLog } from "../launch/log.ts";
import { checkPort, isHeldForIt } from "../port/port.ts";
import { isConverging } from "../prepare/stack.ts";
import type { Before, ClearedStart, PreparedStart, Undo } from "./types.ts";

/** Throws if the start must not touch the launch before: because a log is in use, or another process holds the port. */
export async function clear(start: PreparedStart, undo: Undo): Promise<ClearedStart> {
  const { ground, spec, prepared } = start;
  refuseSharedLog(ground, { key: spec.key, log: prepared.log, isOwn: prepared.ownLog });
  if (prepared.stack === null) refuseStrangersPort(start);
  const before = await clearPlace(start);
  if (before !== null) undo.push(() => giveUp(start, before));
  return { ...start, before };
}

/** A rerun onto a port that another process holds is refused before the old launch is touched. */
function refuseStrangersPort({ ground, spec: { key }, prepared: { port } }: PreparedStart): void {
  const old = ground.store.record(key);
  if (port === null || old.is !== "there") return;
  if (old.value.port !== port || !isHeldForIt(ground, { record: old.value, port }))
    checkPort(ground, { key, port, old: old.value });
}

/** Ends the launch before. Returns what is left of it for this start to replace; null: nothing is left. */
async function clearPlace({ ground, spec, prepared, report, options }: PreparedStart): Promise<Before | null> {
  const { key } = spec;
  const old = ground.store.record(key);
  if (old.is === "absent") return null;
  if (old.is === "unreadable") {
    await clearUnreadable(ground, { key, report });
    return null;
  }
  const record = old.value;
  const converge = isConverging(record, prepared.stack);
  ground.store.checkSpace();
  const isLiving = record.leader !== null && presenceOf(ground.table, record.leader) === "alive";
  if (isLiving && converge)
    report({ is: "note", text: `${key} runs: updating its containers to what is declared now` });
  if (isLiving && !converge) report({ is: "replacing", key, pid: record.leader?.pid ?? null, ageMs: ageOf(record) });
  const ended = await endLaunch(ground, {
    record,
    how: isLiving ? "replace" : "sweep",
    by: spec.asker.by === "user" ? { ...spec.asker, by: "rerun" } : spec.asker,
    isOwn: options.replaces === record.token,
    converge,
    isFollowed: true,
    ...(options.ownExit === undefined ? {} : { ownExit: options.ownExit }),
  });
  if (isLiving && !converge) report({ is: "replaced", key, killed: ended.stopped.killed, tookMs: ended.tookMs });
  return converge || record.phase === "backoff" ? { record, converge } : null;
}

function ageOf({ startedAt }: LaunchRecord): number {
  return Math.max(0, Date.now() - Date.parse(startedAt));
}

/** A failed start leaves nothing of the launch that it was to replace. */
async function giveUp(start: PreparedStart, { record, converge }: Before): Promise<void> {
  if (converge) return giveUpStack(start, record);
  const { store } = start.ground;
  const there = store.record(record.key);
  if (there.is === "there" && there.value.token === record.token) store.removeRecord(record);
  else store.removeFiled(record.token);
}

/** Ends the containers of a launch that is gone, since the start could not take them over. */
async function giveUpStack({ ground, report }: PreparedStart, old: LaunchRecord): Promise<void> {
  try {
    await endStack(ground, { record: old });
    ground.store.removeRecord(old);
  } catch (error) {
    report({ is: "note", text: messageOf(error) });
  }
}
