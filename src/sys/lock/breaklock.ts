/**
 * Breaks a lock on request, and only when its holder is verified gone. It works under the guard, like every change of a
 * lock. Without flock it first moves the file to a name of its own and checks it there, so that a lock another process
 * has just taken is put back, not removed.
 *
 * Known limit: without flock and without hard links, that lock is missing for the moment between the two.
 */
import { errnoOf } from "../base/error.ts";
import { temporaryName } from "../door/temporaryname.ts";
import { linkBeside, renameBeside } from "../files/beside.ts";
import { tryFlock } from "../files/flock.ts";
import { removeFile } from "../files/removal.ts";
import { type ProcessTable, presenceOf } from "../process/identity.ts";
import type { Seal } from "../seal/seal.ts";
import { readOwnText } from "../seal/sealed.ts";
import { isLetGo, type LockHolder, type LockReason, readHolder } from "./lock.ts";

export type BreakOutcome =
  | { is: "broken"; holder: LockHolder | null }
  | { is: "absent" }
  /** Its holder lives or cannot be judged from here, or another process is at the guard. */
  | { is: "left"; reason: LockReason };

export function breakStaleLock(path: string, { seal, table }: { seal: Seal; table: ProcessTable }): BreakOutcome {
  const guard = tryFlock(path.replace(/\.lock$/, ".guard"));
  if (guard.is === "busy") return { is: "left", reason: "guard-busy" };
  try {
    const current = readHolder(path, { seal });
    if (current.is === "absent") return { is: "absent" };
    if (current.is === "unreadable" && (current.foreign === true || !isUnfinished(path)))
      return { is: "left", reason: "unknown-holder" };
    const holder = current.is === "there" ? current.value : null;
    const presence = holder === null ? "gone" : presenceOf(table, holder.holder);
    if (presence === "alive") return { is: "left", reason: "held" };
    if (presence === "unknown" && !(guard.is === "held" && holder !== null && isLetGo(path, holder)))
      return { is: "left", reason: "unknown-holder" };
    if (guard.is === "held") removeFile(path);
    else if (holder === null || !removeIfStill(path, { seal, judged: holder }))
      return { is: "left", reason: "no-guard" };
    return { is: "broken", holder };
  } finally {
    if (guard.is === "held") guard.lock.release();
  }
}

/**
 * Whether a lock file without a readable holder is what a crash leaves: empty or cut off. A file that may not be read,
 * or of another version, is not.
 */
export function isUnfinished(path: string): boolean {
  const text = readOwnText(path, () => false); // a lock is small
  if (text.is !== "there") return false;
  try {
    const { version } = JSON.parse(text.value) as { version?: unknown };
    return typeof version !== "number" || version === 1;
  } catch {
    return true;
  }
}

function removeIfStill(path: string, { seal, judged }: { seal: Seal; judged: LockHolder }): boolean {
  const aside = temporaryName(path);
  try {
    renameBeside(path, aside);
  } catch {
    return true; // another process removed it
  }
  const moved = readHolder(aside, { seal, as: path });
  const same = moved.is === "there" && moved.value.nonce === judged.nonce;
  try {
    if (!same) linkBeside(aside, path);
    removeFile(aside);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") removeFile(aside);
    else renameBeside(aside, path);
  }
  return same;
}
