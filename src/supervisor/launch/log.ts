/** Which launch a log file belongs to. */
import { basename } from "node:path";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { presenceOf } from "../../sys/process/identity.ts";
import { isWholeKey } from "../../values/key.ts";
import type { Ground } from "./types.ts";

/** Whether the key's last launch wrote this file. */
export function isKnownLog({ store }: Ground, { key, log }: { key: string; log: string }): boolean {
  const exit = store.exit(key);
  return exit.is === "there" && exit.value.log === log;
}

/**
 * Two launches must not write one file: their output would be mixed. `isOwn`: it is the key's own log in the run
 * directory, which no other launch may have (`refuseOthersLog`).
 */
export function refuseSharedLog(
  { store, table }: Ground,
  { key, log, isOwn = false }: { key: string; log: string; isOwn?: boolean },
): void {
  if (isOwn) return;
  for (const other of store.keys()) {
    if (other === key) continue;
    const record = store.record(other);
    if (record.is !== "there" || record.value.log !== log) continue;
    const alive = presenceOf(table, record.value.leader ?? record.value.host) !== "gone";
    if (!alive) continue;
    throw new DtError(
      "log-in-use",
      `${key} and ${other} cannot write one log at the same time: ${log} belongs to ${other}, which is running.`,
      {
        status: EXIT.failed,
        hint: `Give one of them another \`log\` in the manifest, or stop the other: dt stop ${other}`,
      },
    );
  }
}

/** A `log` in the manifest must not be the file where another key's output goes without one. */
export function refuseOthersLog({ store }: Pick<Ground, "store">, { key, log }: { key: string; log: string }): void {
  const other = basename(log, ".log");
  if (other === key || !isWholeKey(other) || log !== store.path(other, "log")) return;
  throw new DtError("log-in-use", `${key} cannot write to ${log}: that is where the output of ${other} goes.`, {
    status: EXIT.failed,
    hint: "Give it another `log` in the manifest.",
  });
}
