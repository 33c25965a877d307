/** What there is to stop of a key: a launch, a start under way, or a failure that is still listed. Changes nothing. */
import { existsSync } from "node:fs";
import { stateAfter } from "../../state/view.ts";
import { lockPathOf } from "../launch/lock.ts";
import type { Site } from "../launch/types.ts";
import { isLeftFor, leftTasks } from "../task/left.ts";
import { pendingKeys, pendingStarts } from "../ticket/pending.ts";

/**
 * Keys that have a start under way, and those of one-shots, and of their starts, that run on without their runner. They
 * may have no files of their own yet.
 */
export function keysUnderWay(ground: Site): string[] {
  return [...pendingKeys(ground), ...leftTasks(ground).flatMap(({ key, startsFor }) => [key, ...startsFor])];
}

/** For a stop: whether there is anything that it may have to end. */
export function isToStop(ground: Site, key: string): boolean {
  return isUnderWay(ground, key) || isLeftFor(ground, key);
}

/**
 * Whether there is something to stop, or a start to call off. Between two runs of a policy there is no record for a
 * moment; but the lock is held then, and once it is released the next record is there.
 */
export function isUnderWay(ground: Site, key: string): boolean {
  const { store } = ground;
  const isRecorded = () => store.record(key).is !== "absent";
  return isRecorded() || existsSync(lockPathOf(store, key)) || isRecorded() || pendingStarts(ground, key).length > 0;
}

/**
 * Whether it is listed although it is not running: a stop takes it off the list. An unreadable exit is for `dt clear`.
 */
export function isListedAsFailed({ store }: Pick<Site, "store">, key: string): boolean {
  if (store.record(key).is !== "absent") return false;
  const exit = store.exit(key);
  return exit.is === "there" && stateAfter(exit.value) === "failed";
}
