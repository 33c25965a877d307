/** Processes that have no record, or one that does not parse: stopped, never assumed gone. */

import type { Ground, Report } from "../launch/types.ts";
import { unrecordedQuery } from "../tree/query.ts";
import { type StopTreeResult, stopTree } from "../tree/stoptree.ts";
import { survivorError } from "./survivors.ts";

/** Set aside under the lock after reading it again, and the launch behind it stopped, never assumed gone. */
export async function clearUnreadable(ground: Ground, key: string, report: Report): Promise<void> {
  const again = ground.store.record(key);
  if (again.is !== "unreadable") return;
  const aside = ground.store.setAside(key, "record");
  report({
    is: "note",
    text: `the record of ${key} could not be read (${again.reason}); it is kept as ${aside}, and its processes are searched for`,
  });
  await stopUnrecorded(ground, key, []);
}

/** How long processes without a readable record may take to end after SIGTERM: what the manifest's default says. */
const UNRECORDED_TIMEOUT_MS = 10_000;

/** Stops what carries the key and root of this project and has no record. To be called under the key's lock. */
export async function stopUnrecorded(ground: Ground, key: string, spare: readonly string[]): Promise<StopTreeResult> {
  const stopped = await stopTree({
    table: ground.table,
    query: unrecordedQuery(ground, key, spare),
    signal: "SIGTERM",
    timeoutMs: UNRECORDED_TIMEOUT_MS,
    wholeTree: true,
  });
  if (stopped.survivors.length > 0) throw survivorError(key, stopped.survivors);
  return stopped;
}
