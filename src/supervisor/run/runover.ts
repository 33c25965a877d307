/**
 * Whether the latest run of a key has ended, judged by what is on disk and by its leader. If so, nothing more comes to
 * its log by itself.
 */
import { presenceOf } from "../../sys/process/identity.ts";
import type { Ground } from "../launch/types.ts";

export function isRunOver({ store, table }: Pick<Ground, "store" | "table">, key: string): boolean {
  const record = store.record(key);
  // A captured one-shot has no record, and no exit before its end.
  if (record.is === "absent") return store.exit(key).is === "there";
  if (record.is !== "there") return false;
  const { phase, leader } = record.value;
  return phase === "backoff" || (leader !== null && presenceOf(table, leader) === "gone");
}
