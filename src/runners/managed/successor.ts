/**
 * A detached launch that was replaced before it was ready, by a launch of the same: the start reports that one, which
 * is no older than what was asked for. A launch of something else is not reported: the start has lost to it.
 */
import type { LaunchRecord } from "../../state/types.ts";
import { reportJoined } from "../../supervisor/hosts/settled.ts";
import { isKeyLocked } from "../../supervisor/launch/lock.ts";
import type { Ground, LaunchEvent, LaunchSpec, Report } from "../../supervisor/launch/types.ts";
import { awaitRecord } from "../../supervisor/run/settle.ts";
import { isSameRequest } from "../../supervisor/start/join.ts";

type Ended = Extract<LaunchEvent, { is: "ended" }>;

const LOOK_EVERY_MS = 5;

export interface Replaced {
  ended: Ended;
  spec: LaunchSpec;
  /** Of the launch that was replaced. */
  specHash: string;
  report: Report;
  signal: AbortSignal;
}

/** What became of it. `ended`: it was replaced by something else, nothing is there, or `signal` is aborted. */
export async function awaitSuccessor(
  ground: Ground,
  { ended, spec, specHash, report, signal }: Replaced,
): Promise<LaunchEvent> {
  let last: LaunchEvent = ended;
  while (last.is === "ended" && last.exit.reason === "replaced") {
    const record = await successorOf(ground, last);
    if (record?.specHash !== specHash || !isSameRequest(ground, { spec, token: record.token })) return last;
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
