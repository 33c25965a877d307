/**
 * Starts under way: requested but not launched yet, because they wait for a need, for `before`, for their turn or for
 * the key's lock. A stop wins over every start that was requested before it; a start that is requested later wins over
 * the stop.
 *
 * No clock decides which came first. Each stop by a user leaves a new mark in the key's want (`lastStop`), under the
 * key's lock. A start reads the mark before it does anything else, and keeps it in its ticket. It compares again under
 * the lock, right before it launches: a different mark means that a stop came in between. The ticket's file,
 * `starts/<key>.<id>.json`, only lets a stop see the start. It names the process that the start waits in: a caller that
 * passes the start on names the host there, beside itself, before the host knows what to start (namehost.ts). A start
 * that waits for nothing writes none.
 *
 *   killed                             then
 *   --------------------------------   --------------------------------------------------------------------------------
 *   the start, with its file written   nothing is launched; the file names a process that is gone, and the next stop
 *                                      removes it
 *   its caller, once there is a host   the host continues, and the file names the host
 *   the host, while its caller lives   the caller asks another host; the file names the caller
 *   its caller, while it names a       the host may never hear of it; the file names the host, and the next stop
 *   host that lives                    removes it. If the host has heard, the start is called off all the same
 *   the stop, before its mark          the start continues, as if no stop had been requested
 *   the stop, after its mark           the start is called off
 *
 * A start in another container, whose process is not visible here, is over when its hold is (sys/lock/hold.ts). A start
 * whose manifests are being loaded has no keys yet: see announced.ts.
 *
 * Known limit: a want that was removed by hand, or is unreadable, calls nothing off.
 */
import { join } from "node:path";
import { LOADING } from "../../manifest/depends/begun.ts";
import type { Asker } from "../../state/types.ts";
import { removeFile } from "../../sys/files/removal.ts";
import { descendsFrom } from "../../sys/process/identity.ts";
import { FIRST_MARK } from "../launch/marks.ts";
import type { Ground } from "../launch/types.ts";
import {
  clearStart,
  isHeldStill,
  isQueuedIn,
  isUnclaimed,
  isWaiting,
  startHolderOf,
  startsIn,
  type TicketGround,
  UNNAMED,
} from "./startfile.ts";
import type { LastStop } from "./ticket.ts";

/** How long a start that was called off may take to end what it runs: as long as a one-shot gets after Ctrl-C. */
const GIVE_UP_MS = 15_000;

/** How long a process that is stopped, or a host that a killed caller has named, is waited for, in milliseconds. */
const CLAIM_MS = 500;

/** What a stop by a user leaves in the want. */
export function markStop(by: Asker): LastStop {
  return { id: crypto.randomUUID(), by };
}

/** Keys that have a start under way. */
export function pendingKeys(ground: TicketGround): string[] {
  const found = new Set<string>();
  for (const { key, name } of startsIn(ground))
    if (key !== UNNAMED && !found.has(key) && isWaiting(ground, name)) found.add(key);
  return [...found];
}

export function pendingStarts(ground: TicketGround, key: string): string[] {
  return startsIn(ground).flatMap((one) => (one.key === key && isWaiting(ground, one.name) ? [one.name] : []));
}

/**
 * Whether this dt descends from a process that one of these starts waits in, and runs first for that start (its
 * `before`, a one-shot that it needs, the manifest). A stop from there clears the ground for the start, and does not
 * call it off.
 */
export function isWithinStart(
  ground: TicketGround & Pick<Ground, "env">,
  { key, names }: { key: string; names: readonly string[] },
): boolean {
  const { [FIRST_MARK]: first = "", [LOADING]: loading } = ground.env;
  if (loading === undefined && !first.split(" ").includes(key)) return false;
  const holders = new Set(
    names.flatMap((name) => (isQueuedIn(ground, name) ? [] : (startHolderOf(ground, name)?.pid ?? []))),
  );
  return descendsFrom(ground.table, holders);
}

/**
 * Resolves when these starts, which were called off, and what they ran are over, or have taken too long. One of a
 * caller that was killed while it offered the start to a host may never be over, and is taken off the list. One in a
 * process that is stopped is not waited for.
 */
export async function awaitGivenUp(ground: TicketGround, names: readonly string[]): Promise<void> {
  const began = performance.now();
  const isOver = (name: string) => {
    const waitedMs = performance.now() - began;
    // A start that only waits for its turn runs nothing yet.
    if (!isWaiting(ground, name) || isQueuedIn(ground, name) || waitedMs > GIVE_UP_MS) return true;
    // What is stopped finds the mark when it goes on.
    return waitedMs > CLAIM_MS && (isHeldStill(ground, name) || isUnclaimed(ground, name));
  };
  for (const name of names) {
    while (!isOver(name)) await Bun.sleep(5);
    if (isUnclaimed(ground, name)) removeFile(join(ground.store.directory, name));
  }
}

/** Removes the files of starts that ended without removing them. */
export function clearStarts(ground: TicketGround, key: string): void {
  for (const one of startsIn(ground)) if (one.key === key) clearStart(ground, one.name);
}
