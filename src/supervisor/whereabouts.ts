/**
 * What runs in a root that is not at its path any more: the root was moved, and a record tells of it where the root is now; or it is gone. Known
 * limit: a moved root is found on Linux, by a directory that its host, or one of the processes, is in or holds.
 */
import { dirname } from "node:path";
import { openStore, type StorePlace } from "../state/store.ts";
import type { LaunchRecord } from "../state/types.ts";
import type { ProcessEntry, ProcessTable } from "../sys/identity.ts";
import { runDirectoryOf } from "../sys/paths.ts";
import { HOST_MARK } from "./tree.ts";
import type { Ground } from "./types.ts";

/** `pids`: those of the launch, as far as they are known; `isIt`: whether the record that was found is the launch's. */
export function isMoved(
  { table, home, env }: Pick<Ground, "table" | "home" | "env">,
  { root, key, pids }: { root: string; key: string; pids: readonly number[] },
  isIt: (record: LaunchRecord) => boolean,
): boolean {
  const places = new Set<string>();
  for (const pid of [...hostsOf(table, root).map((entry) => entry.pid), ...pids])
    for (const directory of table.directoriesOf(pid))
      for (let at = directory; at !== dirname(at); at = dirname(at)) places.add(at);
  return [...places].some((place) => {
    const record = recordIn({ directory: runDirectoryOf(place, env), home, table }, key);
    return record !== null && isIt(record);
  });
}

function recordIn(place: StorePlace, key: string): LaunchRecord | null {
  try {
    const record = openStore(place).record(key);
    return record.is === "there" ? record.value : null;
  } catch {
    return null; // somebody else's directory
  }
}

/** The hosts that were started in this root. */
export function hostsOf(table: ProcessTable, root: string): ProcessEntry[] {
  return table.list().filter(({ pid }) => table.environmentOf(pid, HOST_MARK) === root);
}
