/** Waiting, from outside, until it is known what became of a launch: its host finds that out and notes it. */
import type { ExitRecord, LaunchRecord } from "../state/types.ts";
import { presenceOf } from "../sys/identity.ts";
import type { Ground } from "./types.ts";

export type Settled =
  | { is: "ready" | "running"; record: LaunchRecord }
  | { is: "unhealthy"; record: LaunchRecord; why: string }
  | { is: "ended"; exit: ExitRecord | null };

const LOOK_EVERY_MS = 5;

/** What is known now; null while it is still starting. A launch of `notToken` does not count: a restart is awaited. */
export function settledNow({ store, table }: Ground, key: string, notToken?: string): Settled | null {
  const read = store.record(key);
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
    return presenceOf(table, record.host) === "gone" ? ended() : null;
  }
  if (presenceOf(table, record.leader) === "gone") return presenceOf(table, record.host) === "gone" ? ended() : null;
  if (!record.probed) return { is: "running", record };
  const history = store.history(record.token);
  const ready = history.is === "there" ? history.value.ready : null;
  if (ready?.is === "unhealthy") return { is: "unhealthy", record, why: ready.why };
  if (ready?.is === "ready") return { is: "ready", record };
  return presenceOf(table, record.host) === "gone" ? { is: "running", record } : null;
}

/** Throws when `signal` is aborted. */
export async function awaitSettled(
  ground: Ground,
  key: string,
  { notToken, signal }: { notToken?: string; signal?: AbortSignal } = {},
): Promise<Settled> {
  for (;;) {
    signal?.throwIfAborted();
    const settled = settledNow(ground, key, notToken);
    if (settled !== null) return settled;
    await Bun.sleep(LOOK_EVERY_MS);
  }
}
