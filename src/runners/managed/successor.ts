/**
 * A detached launch that was replaced before it was ready, by one that was asked for in the same words: the start
 * reports that one, which is younger than what it had. To one that was asked for in other words, the start has lost.
 */
import type { LaunchRecord } from "../../state/types.ts";
import { reportJoined } from "../../supervisor/hosts/settled.ts";
import { isKeyLocked } from "../../supervisor/launch/lock.ts";
import type { Ground, LaunchEvent, LaunchSpec, Report } from "../../supervisor/launch/types.ts";
import { awaitRecord } from "../../supervisor/run/settle.ts";
import { likenessOfRequest } from "../../supervisor/start/join.ts";

type Ended = Extract<LaunchEvent, { is: "ended" }>;

const LOOK_EVERY_MS = 5;

export interface Replaced {
  ended: Ended;
  spec: LaunchSpec;
  report: Report;
  signal: AbortSignal;
}

/** What became of it. `ended`: it has lost, nothing is there, or `signal` is aborted. */
export async function awaitSuccessor(ground: Ground, { ended, spec, report, signal }: Replaced): Promise<LaunchEvent> {
  let last: LaunchEvent = ended;
  while (last.is === "ended" && last.exit.reason === "replaced") {
    const record = await successorOf(ground, last);
    if (record === null || likenessOfRequest(ground, { spec, token: record.token }) === "other") return last;
    try {
      last = await reportJoined(ground, { record, signal, report });
    } catch (error) {
      if (!signal.aborted) throw error;
      return last;
    }
  }
  return last;
}

/** The replaced launch's own record may still be there, for as long as the process that ended it holds the lock. */
async function successorOf(ground: Ground, { exit: { key, token } }: Ended): Promise<LaunchRecord | null> {
  for (;;) {
    const record = await awaitRecord(ground, key);
    if (record?.token !== token) return record;
    if (!isKeyLocked(ground, key)) return null;
    await Bun.sleep(LOOK_EVERY_MS);
  }
}
