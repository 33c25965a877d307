/** What there is to stop of a key: a launch, a start under way, or a failure that is still listed. Changes nothing. */
import { existsSync } from "node:fs";
import { stateAfter } from "../../state/view.ts";
import { lockPathOf } from "../launch/lock.ts";
import type { Site } from "../launch/types.ts";
import { isLeftFor, type LeftTask, leftTasks } from "../task/left.ts";
import { pendingKeys, pendingStarts } from "../ticket/pending.ts";

/**
 * Keys that have a start under way, or of such a start a one-shot that runs on without its runner. They may have no
 * files of their own yet.
 */
export function keysUnderWay(ground: Site): string[] {
  return [...pendingKeys(ground), ...leftTasks(ground).flatMap(keysOfLeft)];
}

const keysOfLeft = ({ key, startsFor }: LeftTask) => (startsFor.length === 0 ? [key] : startsFor);

/**
 * Whether there is something to stop, or a start to call off. Between two runs of a policy there is no record for a
 * moment; but the lock is held then, and once it is released the next record is there.
 */
export function isUnderWay(ground: Site, key: string): boolean {
  const { store } = ground;
  const isRecorded = () => store.record(key).is !== "absent";
  return (
    isRecorded() ||
    existsSync(lockPathOf(store, key)) ||
    isRecorded() ||
    pendingStarts(ground, key).length > 0 ||
    isLeftFor(ground, key)
  );
}

/**
 * Whether it is listed although it is not running: a stop takes it off the list. An unreadable exit is for `dt clear`.
 */
export function isListedAsFailed({ store }: Pick<Site, "store">, key: string): boolean {
  if (store.record(key).is !== "absent") return false;
  const exit = store.exit(key);
  return exit.is === "there" && stateAfter(exit.value) === "failed";
}
