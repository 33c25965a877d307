/** `dt stop` of one key: the caller does it itself, under the key's lock; with or without a host it works the same. */
import { existsSync } from "node:fs";
import { readLastLines } from "../../logs/tail.ts";
import type { Asker, ExitRecord, LaunchRecord } from "../../state/types.ts";
import { stateAfter } from "../../state/view.ts";
import { DtError } from "../../sys/base/error.ts";
import type { HeldLock } from "../../sys/lock/lock.ts";
import {
  identifySelf,
  type ProcessIdentity,
  type ProcessTable,
  presenceOf,
  sameIdentity,
} from "../../sys/process/identity.ts";
import { describeAsker, LAST_LINES, makeExit } from "../launch/exit.ts";
import { lockKey } from "../launch/lock.ts";
import { nestedError } from "../launch/nested.ts";
import type { Ground, Report } from "../launch/types.ts";
import { announcedStarts, awaitNamed } from "../ticket/announced.ts";
import { awaitGivenUp, clearStarts, isWithin, markStop, pendingStarts } from "../ticket/pending.ts";
import { queryOf, unrecordedQuery } from "../tree/query.ts";
import type { StopTreeResult } from "../tree/stoptree.ts";
import { findTree } from "../tree/tree.ts";
import { endLaunch } from "./end.ts";

export type StopKeyResult =
  | { is: "not-running"; key: string }
  | {
      is: "stopped";
      key: string;
      pid: number | null;
      exit: ExitRecord;
      killed: number;
      tookMs: number;
      /** A start that was under way beside it was called off as well. */
      calledOff: boolean;
    }
  /** It had ended before; `left`: some of it ran on, and was ended now. */
  | { is: "ended"; key: string; exit: ExitRecord; left: boolean }
  /** Nothing ran yet, and the start that was under way will launch nothing. */
  | { is: "called-off"; key: string }
  | { is: "found-unrecorded"; key: string }
  /** Its files are not this user's, and nothing that runs carries the key: nothing was touched. */
  | { is: "foreign"; key: string; why: string };

export interface StopKeyRequest {
  key: string;
  by: Asker;
  lockTimeoutMs: number;
  /** `--timeout`: replaces the recorded one, in milliseconds. */
  timeoutMs: number | null;
  /** Only what this host serves; for whoever started it and would not stop another's. */
  ofHost?: ProcessIdentity;
  /** As Ctrl-C: SIGINT in place of the recorded signal; aborted, what is left gets SIGKILL at once. */
  interrupt?: AbortSignal;
}

/**
 * Whether there is something to stop, or a start to call off. Between two runs of a policy there is no record for a moment, but the lock is held then, and when
 * it is not any more, the next record is there.
 */
export function isUnderWay({ store, table }: Ground, key: string): boolean {
  const isRecorded = () => store.record(key).is !== "absent";
  return (
    isRecorded() ||
    existsSync(store.path(key, "lock")) ||
    isRecorded() ||
    pendingStarts({ store, table }, key).length > 0
  );
}

export async function stopKey(ground: Ground, request: StopKeyRequest, report: Report): Promise<StopKeyResult> {
  const { store } = ground;
  const { key } = request;
  const say = (text: string) => report({ is: "note", text });
  const isKnown =
    isOfTerminal(request) || isUnderWay(ground, key) || (await awaitNamed(ground, announcedStarts(ground), say));
  if (!isUnderWay(ground, key)) return isKnown ? dismissEnded(ground, request) : markUnknown(ground, request, say);
  store.prepare();
  const pending: string[] = [];
  const result = await stopUnderLock(ground, request, report, pending);
  await awaitGivenUp(ground, pending);
  clearStarts(ground, key);
  return result;
}

/** Also where the lock file cannot be written: stopping is what frees a full disk. */
function lockToStop(ground: Ground, { key, by, lockTimeoutMs }: StopKeyRequest): Promise<HeldLock> {
  return lockKey(ground, key, { doing: "stop", command: by.command, timeoutMs: lockTimeoutMs, evenUnwritten: true });
}

/** `pending` gets the files of the starts that it called off; they may wait for the lock, so they are waited for without it. */
async function stopUnderLock(
  ground: Ground,
  request: StopKeyRequest,
  report: Report,
  pending: string[],
): Promise<StopKeyResult> {
  const { store, table } = ground;
  const { key } = request;
  const lock = await lockToStop(ground, request);
  try {
    const read = store.record(key);
    const waiting = isOfTerminal(request) ? [] : pendingStarts(ground, key);
    const mark = isOfTerminal(request) || isWithin(ground, key, waiting) ? undefined : markStop(request.by);
    if (mark !== undefined) pending.push(...waiting);
    if (read.is === "absent") {
      if (pending.length === 0 || mark === undefined) return { is: "not-running", key };
      // Where this cannot be written, the start is not called off, and that is an error.
      store.writeWant({
        version: 1,
        key,
        want: "stopped",
        at: new Date().toISOString(),
        by: request.by,
        lastStop: mark,
      });
      return { is: "called-off", key };
    }
    if (read.is === "unreadable") {
      if (read.foreign === true && findTree(table, unrecordedQuery(ground, key)).members.length === 0)
        return { is: "foreign", key, why: read.reason };
      noteWanted(ground, request, mark);
      const { clearUnreadable } = await import("./unrecorded.ts");
      await clearUnreadable(ground, key, report);
      noteUnrecordedEnd(ground, request, "its record could not be read");
      return { is: "found-unrecorded", key };
    }
    const record =
      request.timeoutMs === null
        ? read.value
        : { ...read.value, stop: { ...read.value.stop, timeoutMs: request.timeoutMs } };
    if (request.ofHost !== undefined && !sameIdentity(record.host, request.ofHost)) return { is: "not-running", key };
    const members = findTree(table, queryOf(ground, record)).members.map((one) => one.identity.pid);
    refuseOwnTree(table, key, members);
    const isLeaderAlive = record.leader !== null && presenceOf(table, record.leader) === "alive";
    if (isOver(table, record)) {
      noteWanted(ground, request, mark);
      const { exit, left } = await endLaunch(ground, record, {
        how: "sweep",
        by: request.by,
        self: identifySelf(table),
      });
      if (left !== null) report({ is: "note", text: left });
      return { is: "ended", key, exit: dismiss(ground, request, exit), left: members.length > 0 };
    }
    const ended = await endLaunch(ground, record, {
      by: request.by,
      ...(mark === undefined ? {} : { mark }),
      self: identifySelf(table),
      ...(request.interrupt === undefined
        ? { how: "stop" }
        : { how: "interrupt", signal: "SIGINT", hard: request.interrupt }),
    });
    const { exit, stopped, tookMs, left } = ended;
    if (left !== null) report({ is: "note", text: left });
    const calledOff = pending.length > 0;
    // Of one that was gone before, the number may be somebody else's by now.
    const pid = isLeaderAlive ? (record.leader?.pid ?? null) : null;
    return { is: "stopped", key, pid, exit, killed: stopped.killed, tookMs, calledOff };
  } finally {
    lock.release();
  }
}

/** What ends one launch for its own terminal is no stop of the key. */
function isOfTerminal({ ofHost, interrupt }: StopKeyRequest): boolean {
  return ofHost !== undefined || interrupt !== undefined;
}

/** Nothing runs, and whether a start of it is being loaded is not known: if one is, it finds the mark. */
async function markUnknown(
  ground: Ground,
  request: StopKeyRequest,
  say: (text: string) => void,
): Promise<StopKeyResult> {
  const lock = await lockToStop(ground, request);
  try {
    if (ground.store.record(request.key).is === "absent") noteWanted(ground, request);
  } finally {
    lock.release();
  }
  say(`${request.key}: manifests are still being loaded; a start that they are loaded for will not start it`);
  return dismissEnded(ground, request);
}

/** It ended by itself, and nobody was there to write that down. */
function isOver(table: ProcessTable, { phase, leader, host }: LaunchRecord): boolean {
  return phase === "running" && leader !== null && [leader, host].every((one) => presenceOf(table, one) === "gone");
}

/** Whether it is listed though nothing of it runs: a stop takes it off the list. One that cannot be read is for `dt clear`. */
export function isListedAsFailed({ store }: Pick<Ground, "store">, key: string): boolean {
  if (store.record(key).is !== "absent") return false;
  const exit = store.exit(key);
  return exit.is === "there" && stateAfter(exit.value) === "failed";
}

/** Nothing runs; what is listed as failed is no longer. */
async function dismissEnded(ground: Ground, request: StopKeyRequest): Promise<StopKeyResult> {
  const { store } = ground;
  const { key } = request;
  if (!isListedAsFailed(ground, key)) {
    const exit = store.exit(key);
    const byItself = exit.is === "there" && exit.value.reason === "exited";
    return byItself ? { is: "ended", key, exit: exit.value, left: false } : { is: "not-running", key };
  }
  store.prepare();
  const lock = await lockToStop(ground, request);
  try {
    const exit = store.exit(key);
    if (!isListedAsFailed(ground, key) || exit.is !== "there") return { is: "not-running", key };
    noteWanted(ground, request);
    return { is: "ended", key, exit: dismiss(ground, request, exit.value), left: false };
  } finally {
    lock.release();
  }
}

function dismiss({ store }: Ground, { by }: StopKeyRequest, exit: ExitRecord): ExitRecord {
  if (stateAfter(exit) !== "failed") return exit;
  const dismissed = { ...exit, dismissed: { by, at: new Date().toISOString() } };
  unlessUnwritable(() => store.writeExit(dismissed));
  return dismissed;
}

/** Processes that say they are of this key and root while it has no record: `dt doctor --fix`. */
export async function stopLost(
  ground: Ground,
  request: StopKeyRequest,
  spare: readonly string[],
): Promise<StopTreeResult | null> {
  const { store } = ground;
  const { key } = request;
  store.prepare();
  const lock = await lockKey(ground, key, {
    doing: "stop (doctor)",
    command: request.by.command,
    timeoutMs: request.lockTimeoutMs,
  });
  try {
    if (store.record(key).is !== "absent") return null; // recorded meanwhile: its host did that
    noteWanted(ground, request);
    const { stopUnrecorded } = await import("./unrecorded.ts");
    const stopped = await stopUnrecorded(ground, key, spare);
    noteUnrecordedEnd(ground, request, "its record was lost");
    return stopped;
  } finally {
    lock.release();
  }
}

/** Notes are done without where they cannot be written: stopping is what frees a full disk. */
function noteWanted({ store }: Ground, { key, by }: StopKeyRequest, mark = markStop(by)): void {
  const at = new Date().toISOString();
  unlessUnwritable(() => store.writeWant({ version: 1, key, want: "stopped", at, by, lastStop: mark }));
}

/** What was running is not known any more, but who stopped it is. */
function noteUnrecordedEnd({ store, root }: Ground, { key, by }: StopKeyRequest, why: string): void {
  const at = new Date().toISOString();
  const log = store.path(key, "log");
  const text = `stopped${describeAsker(by)}; ${why}, so since when it ran is not known`;
  const subject = { key, token: "", startedAt: at, restarts: 0, argv: [], cwd: root, log };
  unlessUnwritable(() =>
    store.writeExit(makeExit(subject, { at, reason: "stopped", by, text, lastLines: readLastLines(log, LAST_LINES) })),
  );
}

function unlessUnwritable(note: () => void): void {
  try {
    note();
  } catch (error) {
    if (!(error instanceof DtError)) throw error;
  }
}

/** Stopping the launch one runs in would end the stopper halfway. */
function refuseOwnTree(table: ProcessTable, key: string, members: number[]): void {
  const tree = new Set(members);
  for (let pid = process.ppid; pid > 1; pid = table.entry(pid)?.ppid ?? 0) {
    if (tree.has(pid)) throw nestedError(key, "stop");
  }
}
