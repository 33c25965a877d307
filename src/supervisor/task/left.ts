/**
 * One-shots that dt ran and that run on although their runner is gone (note.ts has the table). A stop also ends what a
 * stopped runner (SIGSTOP, Ctrl-Z) has running for starts that were all called off: when that runner goes on, it finds
 * its one-shot ended, and starts nothing.
 */
import { isSuspended, presenceOf } from "../../sys/process/identity.ts";
import { isAlive } from "../ticket/startfile.ts";
import { lastStopOf } from "../ticket/ticket.ts";
import { makeTreeQuery, type TreeQuery } from "../tree/query.ts";
import { findTree } from "../tree/tree.ts";
import { type Note, readNotes, type TaskFile, type TaskGround } from "./note.ts";

export interface LeftTask {
  key: string;
  /** The keys whose starts waited for it. */
  startsFor: string[];
  pids: number[];
}

/** Those that run on. Changes nothing. */
export function leftTasks(ground: TaskGround): LeftTask[] {
  return abandonedNotes(ground).flatMap(({ file }) => {
    const pids = pidsOf(ground, file);
    return pids.length === 0 ? [] : [{ key: file.key, startsFor: file.startsFor, pids }];
  });
}

/** Whether a one-shot of this key, or for it, runs on. */
export function isLeftFor(ground: TaskGround, key: string): boolean {
  return abandonedNotes(ground).some(({ file }) => isOfOrFor(file, key) && pidsOf(ground, file).length > 0);
}

/** The notes of those whose runner is gone, whether they run or not. */
export function abandonedNotes(ground: TaskGround): Note[] {
  return readNotes(ground).filter(({ file }) => isAbandoned(ground, file));
}

/**
 * Those of this one-shot, or of those for this key. `calledOff`: also those whose stopped runner may not go on with
 * them.
 */
export function notesToEnd(ground: TaskGround, { key, calledOff }: { key: string; calledOff: boolean }): Note[] {
  const isToEnd = (file: TaskFile) =>
    isAbandoned(ground, file) ||
    (calledOff && isSuspended(ground.table, file.runner) && areStartsCalledOff(ground, file));
  return readNotes(ground).filter(({ file }) => isOfOrFor(file, key) && isToEnd(file));
}

export function isAbandoned(ground: TaskGround, { runner, token }: TaskFile): boolean {
  return !isAlive(ground, { process: runner, hold: token });
}

function isOfOrFor({ key, startsFor }: TaskFile, wanted: string): boolean {
  return key === wanted || startsFor.includes(wanted);
}

/** It was stopped itself, or every start was that was asked for. */
function areStartsCalledOff(ground: TaskGround, { key, lastStop, wantedBy }: TaskFile): boolean {
  const isCalledOff = ([one, before]: [string, string | null]) => (lastStopOf(ground, one)?.id ?? null) !== before;
  const starts = Object.entries(wantedBy);
  return isCalledOff([key, lastStop]) || (starts.length > 0 && starts.every(isCalledOff));
}

/** Its processes. Once it has ended by itself there are none: what it left in the background is its own affair. */
export function pidsOf(ground: TaskGround, file: TaskFile): number[] {
  const { table } = ground;
  if (file.runner.bootId !== table.bootId()) return [];
  const { leader } = file;
  if (leader !== null && file.isEnding !== true && presenceOf(table, leader) !== "alive") return [];
  return findTree(table, queryOfTask(ground, file)).members.map((one) => one.identity.pid);
}

export function queryOfTask({ root }: TaskGround, { key, token, runner, leader }: TaskFile): TreeQuery {
  return makeTreeQuery({ key, root, token, leader, host: runner, bystanders: true, isUnnamed: true });
}
