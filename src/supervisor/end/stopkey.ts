/**
 * `dt stop` of one key. The caller does it itself, under the key's lock, and it works the same with or without a host.
 */
import type { LaunchRecord } from "../../state/types.ts";
import { descendsFrom, type ProcessTable, presenceOf, sameIdentity } from "../../sys/process/identity.ts";
import { nestedError } from "../launch/nested.ts";
import type { Report, Site } from "../launch/types.ts";
import { announcedStarts, awaitNamed } from "../ticket/announced.ts";
import { awaitGivenUp, clearStarts, isWithinStart, markStop, pendingStarts } from "../ticket/pending.ts";
import type { LastStop } from "../ticket/ticket.ts";
import { queryOf, unrecordedQuery } from "../tree/query.ts";
import { searchTree } from "../tree/search.ts";
import { findTree } from "../tree/tree.ts";
import { dismiss, dismissEnded, markUnknown } from "./dismiss.ts";
import { endLaunch } from "./end.ts";
import { endLeftTasks } from "./lefttasks.ts";
import { lockToStop, noteUnrecordedEnd, noteWanted } from "./stopnotes.ts";
import type { StopKeyRequest, StopKeyResult } from "./types.ts";
import { isToStop } from "./underway.ts";

export async function stopKey(
  ground: Site,
  { report, ...request }: { report: Report } & StopKeyRequest,
): Promise<StopKeyResult> {
  const { store } = ground;
  const { key } = request;
  const say = (text: string) => report({ is: "note", text });
  const isKnown =
    isOfTerminal(request) ||
    isToStop(ground, key) ||
    (await awaitNamed(ground, { names: announcedStarts(ground), say }));
  if (!isToStop(ground, key)) return isKnown ? dismissEnded(ground, request) : markUnknown(ground, { ...request, say });
  store.prepare();
  const pending: string[] = [];
  const result = await stopUnderLock(ground, { request, report, pending });
  await awaitGivenUp(ground, pending);
  clearStarts(ground, key);
  const left = isOfTerminal(request) ? [] : await endLeftTasks(ground, { key, calledOff: true, report });
  return result.is === "not-running" && left.length > 0 ? { is: "left-ended", key, oneshots: left } : result;
}

/** One stop, while it holds the key's lock. */
interface LockedStop {
  ground: Site;
  request: StopKeyRequest;
  report: Report;
  /**
   * What the stop leaves in the want. Undefined if it is not a stop of the key, or comes from what runs first for a
   * start.
   */
  mark: LastStop | undefined;
  /** The files of the starts that it calls off. */
  pending: string[];
}

/**
 * Adds to `pending` the files of the starts that it called off. They may wait for the lock, so the caller awaits their
 * end after releasing it.
 */
async function stopUnderLock(
  ground: Site,
  { request, report, pending }: { request: StopKeyRequest; report: Report; pending: string[] },
): Promise<StopKeyResult> {
  const { store } = ground;
  const { key } = request;
  const lock = await lockToStop(ground, request);
  try {
    const read = store.record(key);
    const waiting = isOfTerminal(request) ? [] : pendingStarts(ground, key);
    const mark =
      isOfTerminal(request) || isWithinStart(ground, { key, names: waiting }) ? undefined : markStop(request.by);
    if (mark !== undefined) pending.push(...waiting);
    const stop: LockedStop = { ground, request, report, mark, pending };
    if (read.is === "absent") return callOff(stop);
    return await (read.is === "unreadable" ? stopUnreadable(stop, read) : stopRecorded(stop, read.value));
  } finally {
    lock.release();
  }
}

/** Nothing is recorded. */
function callOff({ ground, request, mark, pending }: LockedStop): StopKeyResult {
  const { key, by } = request;
  if (pending.length === 0 || mark === undefined) return { is: "not-running", key };
  // If this cannot be written, the start is not called off, and that is an error.
  ground.store.writeWant({ version: 1, key, want: "stopped", at: new Date().toISOString(), by, lastStop: mark });
  return { is: "called-off", key };
}

async function stopUnreadable(
  { ground, request, report, mark }: LockedStop,
  read: { reason: string; foreign?: true },
): Promise<StopKeyResult> {
  const { key } = request;
  if (read.foreign === true && findTree(ground.table, unrecordedQuery(ground, { key })).members.length === 0)
    return { is: "foreign", key, why: read.reason };
  noteWanted(ground, { ...request, mark });
  const { clearUnreadable } = await import("./unrecorded.ts");
  await clearUnreadable(ground, { key, report });
  noteUnrecordedEnd(ground, { ...request, why: "its record could not be read" });
  return { is: "found-unrecorded", key };
}

async function stopRecorded(stop: LockedStop, recorded: LaunchRecord): Promise<StopKeyResult> {
  const { ground, request, report, mark } = stop;
  const { table } = ground;
  const { key, by, interrupt } = request;
  const record = withTimeout(recorded, request.timeoutMs);
  if (request.ofHost !== undefined && !sameIdentity(record.host, request.ofHost)) return { is: "not-running", key };
  const { members: found } = await searchTree(table, queryOf(ground, { record }));
  const members = found.map((one) => one.identity.pid);
  refuseOwnTree(table, { key, members });
  const isLeaderAlive = record.leader !== null && presenceOf(table, record.leader) === "alive";
  if (isOver(table, record)) {
    noteWanted(ground, { ...request, mark });
    const { exit, left } = await endLaunch(ground, {
      record,
      how: "sweep",
      by,
    });
    if (left !== null) report({ is: "note", text: left });
    return { is: "ended", key, exit: dismiss(ground, { ...request, exit }), left: members.length > 0 };
  }
  const { exit, stopped, tookMs, left } = await endLaunch(ground, {
    record,
    by,
    ...(mark === undefined ? {} : { mark }),
    ...(interrupt === undefined ? { how: "stop" } : { how: "interrupt", signal: "SIGINT", hard: interrupt }),
  });
  if (left !== null) report({ is: "note", text: left });
  // If the leader was gone before, its pid may be another process's by now.
  const pid = isLeaderAlive ? (record.leader?.pid ?? null) : null;
  return { is: "stopped", key, pid, exit, killed: stopped.killed, tookMs, calledOff: stop.pending.length > 0 };
}

function withTimeout(record: LaunchRecord, timeoutMs: number | null): LaunchRecord {
  return timeoutMs === null ? record : { ...record, stop: { ...record.stop, timeoutMs } };
}

/** A launch that is ended for its own terminal is not a stop of the key. */
function isOfTerminal({ ofHost, interrupt }: StopKeyRequest): boolean {
  return ofHost !== undefined || interrupt !== undefined;
}

/** It ended by itself, and no host was there to record it. */
function isOver(table: ProcessTable, { phase, leader, host }: LaunchRecord): boolean {
  return phase === "running" && leader !== null && [leader, host].every((one) => presenceOf(table, one) === "gone");
}

/** A dt that stops the launch it runs in would end itself halfway. */
function refuseOwnTree(table: ProcessTable, { key, members }: { key: string; members: number[] }): void {
  if (descendsFrom(table, members)) throw nestedError(key, "stop");
}
