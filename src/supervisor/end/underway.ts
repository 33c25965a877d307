/** What there is to stop of a key: a launch, a start under way, or a failure that is still listed. Changes nothing. */
import { existsSync } from "node:fs";
import { stateAfter } from "../../state/view.ts";
import { lockPathOf } from "../launch/lock.ts";
import type { Site } from "../launch/types.ts";
import { pendingStarts } from "../ticket/pending.ts";

/**
 * Whether there is something to stop, or a start to call off. Between two runs of a policy there is no record for a
 * moment; but the lock is held then, and once it is released the next record is there.
 */
export function isUnderWay({ store, table }: Site, key: string): boolean {
  const isRecorded = () => store.record(key).is !== "absent";
  return (
    isRecorded() ||
    existsSync(lockPathOf(store, key)) ||
    isRecorded() ||
    pendingStarts({ store, table }, key).length > 0
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
