/**
 * How a host takes the lock of its own launch. It never waits for a process that ends or replaces the launch: that
 * process writes the exit, and the host leaves.
 */
import { existsSync } from "node:fs";
import type { LaunchRecord } from "../../state/types.ts";
import { DtError } from "../../sys/base/error.ts";
import type { EndStatus } from "../../sys/base/status.ts";
import type { HeldLock } from "../../sys/lock/lock.ts";
import { presenceOf } from "../../sys/process/identity.ts";
import { keyHolder, lockKey } from "../launch/lock.ts";
import type { Ground } from "../launch/types.ts";
import type { HostEnd, HostedRun } from "./types.ts";

/** Tries once; null when another process has the lock. A full disk does not prevent it: ending a launch frees space. */
export async function tryLock(
  ground: Ground,
  { run, doing }: { run: HostedRun; doing: string },
): Promise<HeldLock | null> {
  try {
    return await lockKey(ground, {
      key: run.record.key,
      doing,
      command: run.spec.asker.command,
      timeoutMs: 0,
      evenUnwritten: true,
    });
  } catch (error) {
    if (error instanceof DtError && error.code === "lock-timeout") return null;
    throw error;
  }
}

/** Null when another process ends the launch, or has replaced it. */
export async function lockOrLeave(
  ground: Ground,
  { run, doing }: { run: HostedRun; doing: string },
): Promise<HeldLock | null> {
  if (!existsSync(ground.store.directory) && existsSync(ground.root)) ground.store.prepare();
  for (;;) {
    const lock = await tryLock(ground, { run, doing });
    if (lock !== null) return lock;
    const current = ground.store.record(run.record.key);
    if (current.is === "absent" || (current.is === "there" && current.value.token !== run.record.token)) return null;
    if (current.is === "there" && current.value.phase === "stopping") {
      const holder = keyHolder(ground, run.record.key);
      // A holder in another pid namespace counts as alive: the failed attempt has just shown that it is.
      if (holder.is === "there" && presenceOf(ground.table, holder.value.holder) !== "gone") return null;
    }
    await Bun.sleep(2);
  }
}

/**
 * The record of this host's launch, read under the lock: the one on disk or, if that was lost, the one that this host
 * wrote. Null when another process ended the launch: its exit, a wanted stop or the record of another launch says so.
 */
export function ownRecord({ store }: Ground, { record }: HostedRun): LaunchRecord | null {
  const current = store.record(record.key);
  if (current.is === "there") return current.value.token === record.token ? current.value : null;
  const exit = store.exit(record.key);
  if (exit.is === "there" && exit.value.token === record.token) return null;
  const want = store.want(record.key);
  if (want.is === "there" && want.value.want === "stopped") return null;
  if (current.is === "unreadable") store.setAside(record.key, "record");
  return record;
}

/**
 * How the launch ended when another process ended it: the exit that this process wrote or, before it is written, one
 * made from who is stopping the launch according to its record.
 */
export async function taken(ground: Ground, { run, status }: { run: HostedRun; status: EndStatus }): Promise<HostEnd> {
  const record = ground.store.record(run.record.key);
  const by = record.is === "there" && record.value.token === run.record.token ? record.value.stopping?.by : undefined;
  const exit = ground.store.exit(run.record.key);
  if (exit.is === "there" && exit.value.token === run.record.token) return { is: "taken", status, exit: exit.value };
  if (by === undefined) return { is: "taken", status, exit: null };
  const { makeTakenExit } = await import("../launch/exit.ts");
  return { is: "taken", status, exit: makeTakenExit(run.record, { by, status }) };
}
