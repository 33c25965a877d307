/**
 * The file of a start that is under way, `starts/<key>.<id>.json`: which process the start waits in, who asked for it,
 * and the hold that shows that process to be alive where it is not visible (sys/lock/hold.ts).
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Asker } from "../../state/types.ts";
import { descendInto } from "../../sys/door/descend.ts";
import { removeFile } from "../../sys/files/removal.ts";
import { isHeld } from "../../sys/lock/hold.ts";
import { isSuspended, type ProcessIdentity, presenceOf } from "../../sys/process/identity.ts";
import type { Ground, Ticket } from "../launch/types.ts";

export const STARTS = "starts";
/** Stands for a key that is not known yet. */
export const UNNAMED = "unnamed";
/** Where the waiting processes take their holds. */
export const HELD = `${STARTS}.held`;
const NAME = /^(.+)\.([0-9a-f]{16})\.json$/;

export interface StartFile {
  version: 1;
  key: string;
  holder: ProcessIdentity;
  /** The process that passed the start on to the holder. While it lives, it asks another if the holder ends. */
  caller?: ProcessIdentity;
  /** The holder has not said yet that it takes the start. */
  isOffered?: true;
  by: Asker;
  /** It waits for its turn in a process that starts nothing itself. */
  isQueued?: true;
  /** The name of its process's hold, for those who cannot see the process. */
  hold?: string;
}

export type TicketGround = Pick<Ground, "store" | "table">;

/** Who asked for these starts. */
export function askersOf(ground: TicketGround, names: readonly string[]): Asker[] {
  return names.flatMap((name) => fileOf(ground, name)?.by ?? []);
}

export function clearStart(ground: TicketGround, name: string): void {
  if (!isWaiting(ground, name)) removeFile(join(ground.store.directory, name));
}

export function startsIn({ store }: Pick<Ground, "store">): { key: string; name: string }[] {
  let names: string[];
  try {
    names = descendInto(join(store.directory, STARTS), (at) => readdirSync(at));
  } catch {
    return []; // nothing was ever started here, or the directory is not dt's
  }
  return names.flatMap((name) => {
    const key = NAME.exec(name)?.[1];
    return key === undefined ? [] : [{ key, name: join(STARTS, name) }];
  });
}

export function isWaiting(ground: TicketGround, name: string): boolean {
  const file = fileOf(ground, name);
  if (file === null) return false;
  return [file.holder, ...(file.caller === undefined ? [] : [file.caller])].some((one) =>
    isAlive(ground, { process: one, hold: file.hold }),
  );
}

/** Whether a process lives, also one in another container, by its hold. */
export function isAlive(
  { store, table }: TicketGround,
  { process, hold }: { process: ProcessIdentity; hold: string | undefined },
): boolean {
  const presence = presenceOf(table, process);
  if (presence !== "unknown") return presence === "alive";
  const seen = table.locate(process);
  if (seen !== undefined) return seen !== null && presenceOf(table, seen) === "alive";
  // It is in another container.
  return hold === undefined || isHeld(join(store.directory, HELD), hold) !== false;
}

/** A caller that was killed right after it had named a host, which may never have heard of the start. */
export function isUnclaimed(ground: TicketGround, name: string): boolean {
  const file = fileOf(ground, name);
  return (
    file?.isOffered === true && file.caller !== undefined && !isAlive(ground, { process: file.caller, hold: file.hold })
  );
}

/** Whether the process that the start waits in is stopped (SIGSTOP, Ctrl-Z). */
export function isHeldStill(ground: TicketGround, name: string): boolean {
  const holder = startHolderOf(ground, name);
  return holder !== null && isSuspended(ground.table, holder);
}

export function startHolderOf(ground: TicketGround, name: string): ProcessIdentity | null {
  return fileOf(ground, name)?.holder ?? null;
}

export function isQueuedIn(ground: TicketGround, name: string): boolean {
  return fileOf(ground, name)?.isQueued === true;
}

/** Null where there is none, or none that dt wrote. */
export function fileOf({ store }: Pick<Ground, "store">, name: string): StartFile | null {
  const file = store.read(name, (value) => value as StartFile);
  return file.is === "there" ? file.value : null;
}

export function startFileName(key: string, { id }: Ticket): string {
  return join(STARTS, `${key}.${id}.json`);
}
