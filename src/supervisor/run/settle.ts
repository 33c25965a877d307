/** Waits, from outside the host, until it is known what became of a launch: its host finds that out and notes it. */
import type { ExitRecord, LaunchRecord } from "../../state/types.ts";
import type { FileRead } from "../../sys/files/fileread.ts";
import { isSuspended, presenceOf } from "../../sys/process/identity.ts";
import { isKeyLocked } from "../launch/lock.ts";
import { MOST_RESTARTS } from "../launch/streak.ts";
import type { Ground } from "../launch/types.ts";

export type Settled =
  | { is: "ready" | "running"; record: LaunchRecord }
  | { is: "unhealthy"; record: LaunchRecord; why: string }
  | { is: "ended"; exit: ExitRecord | null };

const LOOK_EVERY_MS = 5;
/** In milliseconds. A host that is stopped, or gone, for this long is no longer waited for. */
const SILENT_MS = 5000;

/**
 * Between two runs there is no record for an instant, while the process that changes the key holds its lock. That is
 * different from having no record.
 */
function readRecord({ store, table }: Ground, key: string): FileRead<LaunchRecord> | { is: "changing" } {
  const read = store.record(key);
  if (read.is !== "absent") return read;
  if (isKeyLocked({ store, table }, key)) return { is: "changing" };
  return store.record(key); // the lock was released between the two looks, with a record left
}

/** The record, once the key is not between two runs; null when there is none that can be read. */
export async function awaitRecord(ground: Ground, key: string): Promise<LaunchRecord | null> {
  for (;;) {
    const read = readRecord(ground, key);
    if (read.is !== "changing") return read.is === "there" ? read.value : null;
    await Bun.sleep(LOOK_EVERY_MS);
  }
}

/**
 * What is known now; null while the launch is still starting. The launch `notToken` does not count, since its restart
 * is awaited.
 */
export function settledNow(
  ground: Ground,
  { key, notToken }: { key: string; notToken?: string | undefined },
): Settled | null {
  const { store, table } = ground;
  const read = readRecord(ground, key);
  if (read.is === "changing") return null;
  const ended = (): Settled => {
    const exit = store.exit(key);
    return { is: "ended", exit: exit.is === "there" ? exit.value : null };
  };
  if (read.is !== "there") return ended();
  const record = read.value;
  if (
    record.phase === "backoff" ||
    record.phase === "stopping" ||
    record.leader === null ||
    record.token === notToken
  ) {
    const isLeft = presenceOf(table, record.host) === "gone" && !isKeyLocked(ground, key);
    return isLeft ? ended() : null;
  }
  if (presenceOf(table, record.leader) === "gone") return presenceOf(table, record.host) === "gone" ? ended() : null;
  if (!record.probed && record.alive !== true) return { is: "running", record };
  const history = store.history(record.token);
  const ready = history.is === "there" ? history.value.ready : null;
  if (ready?.is === "unhealthy") return { is: "unhealthy", record, why: ready.why };
  if (ready?.is === "ready") return { is: "ready", record };
  return record.probed ? null : { is: "running", record };
}

/** Whether a launch has lost its host: then nothing finds out whether it is ready. */
export function isLeftByHost({ store, table }: Ground, key: string): boolean {
  const read = store.record(key);
  return read.is === "there" && presenceOf(table, read.value.host) === "gone";
}

interface Silent {
  record: LaunchRecord;
  why: string;
}

/**
 * A launch whose host finds nothing out: it is stopped (SIGSTOP, a debugger), or gone. Another host may still take it
 * over.
 */
function silentOf({ store, table }: Ground, key: string): Silent | null {
  const read = store.record(key);
  if (read.is !== "there") return null;
  const record = read.value;
  const { host } = record;
  const presence = presenceOf(table, host);
  if (presence === "gone")
    return isKeyLocked({ store, table }, key)
      ? null // another process is changing the launch
      : { record, why: `its host (pid ${host.pid}) is gone, and no other has taken its place` };
  if (!isSuspended(table, host)) return null;
  return { record, why: `its host (pid ${host.pid}) is stopped, and so does not answer` };
}

/** A launch that its policy starts again and again is not waited for; it counts as ended, as it last did. */
function keepsEnding({ store }: Ground, key: string): Settled | null {
  const read = store.record(key);
  if (read.is !== "there" || read.value.phase !== "backoff") return null;
  if ((read.value.tries?.inRow ?? 0) < MOST_RESTARTS) return null;
  const exit = store.exit(key);
  return { is: "ended", exit: exit.is === "there" ? exit.value : null };
}

/** Throws when `signal` is aborted. If the host is stopped or gone for 5 s, the launch counts as `unhealthy`. */
export async function awaitSettled(
  ground: Ground,
  { key, notToken, signal }: { key: string; notToken?: string | undefined; signal?: AbortSignal | undefined },
): Promise<Settled> {
  let silentSince: number | null = null;
  for (;;) {
    signal?.throwIfAborted();
    const settled = settledNow(ground, { key, notToken });
    if (settled !== null) return settled;
    const over = keepsEnding(ground, key);
    if (over !== null) return over;
    const silent = silentOf(ground, key);
    silentSince = silent === null ? null : (silentSince ?? performance.now());
    if (silent !== null && performance.now() - (silentSince as number) > SILENT_MS)
      return { is: "unhealthy", ...silent };
    await Bun.sleep(LOOK_EVERY_MS);
  }
}
