/**
 * A detached launch that was replaced before it was ready, by one that was asked for in the same words: the start
 * reports that one, which is younger than what it had. To one that was asked for in other words, the start has lost.
 */
import type { LaunchRecord } from "../../state/types.ts";
import { reportJoined } from "../../supervisor/hosts/settled.ts";
import { isKeyLocked } from "../../supervisor/launch/lock.ts";
import type { Ground, LaunchEvent, LaunchSpec, Report } from "../../supervisor/launch/types.ts";
import { awaitRecord } from "../../supervisor/run/settle.ts";
import { type Likeness, likenessOfRequest } from "../../supervisor/start/join.ts";

type Ended = Extract<LaunchEvent, { is: "ended" }>;

const LOOK_EVERY_MS = 5;
const WILL_DO: readonly Likeness[] = ["same", "same-words"];

export interface Replaced {
  ended: Ended;
  spec: LaunchSpec;
  report: Report;
  signal: AbortSignal;
}

/** What became of it. `ended`: it has lost, nothing is there, or `signal` is aborted. */
export async function awaitSuccessor(ground: Ground, { ended, spec, report, signal }: Replaced): Promise<LaunchEvent> {
  let last: LaunchEvent = ended;
  // Of a successor that was killed with its host, the exit before it is the last that is known.
  const joined = new Set<string>();
  while (last.is === "ended" && last.exit.reason === "replaced") {
    const record = await successorOf(ground, last);
    if (record === null || joined.has(record.token)) return last;
    joined.add(record.token);
    if (!WILL_DO.includes(likenessOfRequest(ground, { spec, token: record.token }))) return last;
    try {
      last = await reportJoined(ground, { record, signal, report });
    } catch (error) {
      if (!signal.aborted) throw error;
      return last;
    }
  }
  return last;
}

/**
 * As long as the process that replaces the launch holds the lock, its own record may still be there, or not all is
 * written that belongs to the new one.
 */
async function successorOf(ground: Ground, { exit: { key, token } }: Ended): Promise<LaunchRecord | null> {
  for (;;) {
    const isChanging = isKeyLocked(ground, key);
    const record = await awaitRecord(ground, key);
    const isThere = record !== null && record.token !== token;
    if (record === null || (isThere && record.phase !== "starting")) return record;
    if (!isChanging) return null;
    await Bun.sleep(LOOK_EVERY_MS);
  }
}
