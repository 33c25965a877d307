/**
 * One-shots that dt ran and that run on although their runner is gone (note.ts has the table). A stop also ends what a
 * stopped runner (SIGSTOP, Ctrl-Z) has running for starts that were all called off: when that runner goes on, it finds
 * its one-shot ended, and starts nothing.
 */
import { isSuspended, presenceOf } from "../../sys/process/identity.ts";
import { lastStopOf } from "../ticket/ticket.ts";
import { makeTreeQuery, type TreeQuery } from "../tree/query.ts";
import { findTree } from "../tree/tree.ts";
import { notedTasks, type TaskFile, type TaskGround } from "./note.ts";

export interface LeftNote {
  name: string;
  file: TaskFile;
}

export interface LeftTask {
  key: string;
  /** The keys that it ran for. */
  startsFor: string[];
  pids: number[];
}

/** Those that run on. Changes nothing. */
export function leftTasks(ground: TaskGround): LeftTask[] {
  return notesWithoutRunner(ground).flatMap(({ file }) => {
    const pids = pidsOf(ground, file);
    return pids.length === 0 ? [] : [{ key: file.key, startsFor: Object.keys(file.startsFor), pids }];
  });
}

/** Whether a one-shot of this key, or for it, runs on. */
export function isLeftFor(ground: TaskGround, key: string): boolean {
  return notesWithoutRunner(ground).some(({ file }) => isMeant(file, key) && pidsOf(ground, file).length > 0);
}

/** Of this one-shot, or of those for this key. `calledOff`: also those whose stopped runner may not go on with them. */
export function leftNotes(ground: TaskGround, { key, calledOff }: { key: string; calledOff: boolean }): LeftNote[] {
  const left = [...notesWithoutRunner(ground), ...(calledOff ? notesWithStoppedRunner(ground) : [])];
  return left.filter(({ file }) => isMeant(file, key));
}

function notesWithoutRunner(ground: TaskGround): LeftNote[] {
  return notedTasks(ground).filter(({ file }) => isRunnerGone(ground, file));
}

function notesWithStoppedRunner(ground: TaskGround): LeftNote[] {
  return notedTasks(ground).filter(
    ({ file }) => isSuspended(ground.table, file.runner) && areStartsCalledOff(ground, file),
  );
}

export function isRunnerGone({ table }: TaskGround, { runner }: TaskFile): boolean {
  return presenceOf(table, runner) === "gone";
}

function isMeant({ key, startsFor }: TaskFile, wanted: string): boolean {
  return key === wanted || Object.hasOwn(startsFor, wanted);
}

/** It was stopped itself, or every start that it runs for was. */
function areStartsCalledOff(ground: TaskGround, { key, lastStop, startsFor }: TaskFile): boolean {
  const isCalledOff = ([one, before]: [string, string | null]) => (lastStopOf(ground, one)?.id ?? null) !== before;
  const starts = Object.entries(startsFor);
  return isCalledOff([key, lastStop]) || (starts.length > 0 && starts.every(isCalledOff));
}

export function pidsOf(ground: TaskGround, file: TaskFile): number[] {
  return findTree(ground.table, queryOfTask(ground, file)).members.map((one) => one.identity.pid);
}

export function queryOfTask({ table, root }: TaskGround, { key, token, runner, leader }: TaskFile): TreeQuery {
  const host = runner.bootId === table.bootId() ? runner : null;
  return makeTreeQuery({ key, root, token, leader, host, bystanders: true, isUnnamed: true });
}
