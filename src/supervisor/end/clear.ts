/**
 * Forgets how a key ended: removes its exit, and a record whose processes are all gone. Nothing that is alive is
 * touched; logs, what was last asked for and the inputs of one-shots stay. If it is killed after any step, the key has
 * ended as before, and less is known about it.
 */
import type { Asker } from "../../state/types.ts";
import { presenceOf } from "../../sys/process/identity.ts";
import { lockKey } from "../launch/lock.ts";
import type { Site } from "../launch/types.ts";
import { queryOf } from "../tree/query.ts";
import { findTree } from "../tree/tree.ts";
import { endLaunch } from "./end.ts";

export interface ClearRequest {
  key: string;
  by: Asker;
  lockTimeoutMs: number;
}

/** `foreign`: its files are not this user's. */
export type ClearResult = "cleared" | "living" | "foreign" | "nothing";

export async function clearKey(ground: Site, { key, by, lockTimeoutMs }: ClearRequest): Promise<ClearResult> {
  const { store, table } = ground;
  store.prepare();
  const lock = await lockKey(ground, {
    key,
    doing: "clear",
    command: by.command,
    timeoutMs: lockTimeoutMs,
  });
  try {
    const record = store.record(key);
    if (record.is === "unreadable") return record.foreign === true ? "foreign" : "living";
    if (record.is === "there") {
      const isLeft = findTree(table, queryOf(ground, { record: record.value })).members.length > 0;
      const { leader, host } = record.value;
      if (isLeft || [leader ?? host, host].some((one) => presenceOf(table, one) !== "gone")) return "living";
      await endLaunch(ground, { record: record.value, how: "sweep", by });
    }
    const exit = store.exit(key);
    if (exit.is === "absent") return "nothing";
    if (exit.is === "unreadable" && exit.foreign === true) return "foreign";
    if (exit.is === "unreadable") store.setAside(key, "exit");
    else store.removeExit(key);
    return "cleared";
  } finally {
    lock.release();
  }
}
