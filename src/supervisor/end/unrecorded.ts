/** Stops processes that have no record, or one that does not parse; they are never assumed gone. */
import type { Report, Site } from "../launch/types.ts";
import { unrecordedQuery } from "../tree/query.ts";
import { type StopTreeResult, stopTree } from "../tree/stoptree.ts";
import { survivorError } from "./survivors.ts";

/** Sets the record aside, under the lock and after reading it again, and stops the launch behind it. */
export async function clearUnreadable(ground: Site, { key, report }: { key: string; report: Report }): Promise<void> {
  const again = ground.store.record(key);
  if (again.is !== "unreadable") return;
  const aside = ground.store.setAside(key, "record");
  report({
    is: "note",
    text: `the record of ${key} could not be read (${again.reason}); it is kept as ${aside}, and dt searches for its processes`,
  });
  await stopUnrecorded(ground, { key, spare: [] });
}

/** How long processes without a readable record may take to end after SIGTERM: the manifest's default. */
const UNRECORDED_TIMEOUT_MS = 10_000;

/** Stops every process that carries this project's root and the key and has no record. Call it under the key's lock. */
export async function stopUnrecorded(
  ground: Site,
  { key, spare }: { key: string; spare: readonly string[] },
): Promise<StopTreeResult> {
  const stopped = await stopTree({
    table: ground.table,
    query: unrecordedQuery(ground, { key, spare }),
    signal: "SIGTERM",
    timeoutMs: UNRECORDED_TIMEOUT_MS,
    wholeTree: true,
  });
  if (stopped.survivors.length > 0) throw survivorError(key, stopped.survivors);
  return stopped;
}
