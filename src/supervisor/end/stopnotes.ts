/**
 * What a stop writes: the lock, the want, the exit. Stopping is what frees a full disk, so a stop continues if they
 * cannot be written.
 */
import { readLastLines } from "../../logs/tail.ts";
import { unlessUnwritable } from "../../state/unlessunwritable.ts";
import type { HeldLock } from "../../sys/lock/lock.ts";
import { describeAsker, LAST_LINES, makeExit } from "../launch/exit.ts";
import { lockKey } from "../launch/lock.ts";
import type { Site } from "../launch/types.ts";
import { markStop } from "../ticket/pending.ts";
import type { StopKeyRequest } from "./types.ts";

/** Taken even if the lock file cannot be written. */
export function lockToStop(ground: Site, { key, by, lockTimeoutMs }: StopKeyRequest): Promise<HeldLock> {
  return lockKey(ground, {
    key,
    doing: "stop",
    command: by.command,
    timeoutMs: lockTimeoutMs,
    evenUnwritten: true,
  });
}

/** A stop continues without notes that cannot be written. */
export function noteWanted(
  { store }: Site,
  { key, by, mark = markStop(by) }: { mark?: ReturnType<typeof markStop> | undefined } & StopKeyRequest,
): void {
  const at = new Date().toISOString();
  unlessUnwritable(() => store.writeWant({ version: 1, key, want: "stopped", at, by, lastStop: mark }));
}

/** It is unknown what was running, but known who stopped it. */
export function noteUnrecordedEnd({ store, root }: Site, { why, key, by }: { why: string } & StopKeyRequest): void {
  const at = new Date().toISOString();
  const log = store.path(key, "log");
  const text = `stopped${describeAsker(by)}; ${why}, so its start time is unknown`;
  const subject = { key, token: "", startedAt: at, restarts: 0, argv: [], cwd: root, log };
  unlessUnwritable(() =>
    store.writeExit(
      makeExit(subject, { at, reason: "stopped", by, text, lastLines: readLastLines(log, { lines: LAST_LINES }) }),
    ),
  );
}
