/** Who holds which lock, since when, doing what, by which backend. A holder is judged by identity, never by age. */
import { join } from "node:path";
import type { Ground } from "../../supervisor/launch/types.ts";
import { breakStaleLock, isUnfinished } from "../../sys/lock/breaklock.ts";
import { type LockHolder, type LockReason, readHolder } from "../../sys/lock/lock.ts";
import { presenceOf } from "../../sys/process/identity.ts";
import { showWord } from "../../sys/text/shell.ts";
import { FIX, makeFinding } from "./finding.ts";
import type { Finding, Repaired } from "./types.ts";

export function checkLocks(ground: Ground, names: readonly string[]): Finding[] {
  const locks = names.filter((name) => name.endsWith(".lock") && !name.startsWith("."));
  const findings = locks.flatMap((name) => checkLock(ground, name));
  return findings.length > 0 ? findings : [makeFinding("lock", "fine", "No key is locked.")];
}

function checkLock({ store, table }: Ground, name: string): Finding[] {
  const path = join(store.directory, name);
  const key = name.slice(0, -".lock".length);
  const read = readHolder(path, store.seal);
  if (read.is === "absent") return []; // given back meanwhile
  const repair = () => breakOne(path, key, { store, table });
  if (read.is === "unreadable" && read.foreign === true) {
    const text = `${key} has a foreign lock (${read.reason}): nothing it says is believed.`;
    const hint = "The next start or stop of it moves the file aside.";
    return [makeFinding("lock", "note", text, { key, hint, details: { path, holder: null } })];
  }
  if (read.is === "unreadable" && !isUnfinished(path)) {
    const text = `${key} has a lock that cannot be judged from here (${read.reason}).`;
    const hint = "Use the dt that took it, or check its mode.";
    return [makeFinding("lock", "attention", text, { key, hint, details: { path, holder: null } })];
  }
  if (read.is === "unreadable") {
    const text = `${key} has an unfinished lock (${read.reason}): a dt was killed while it took it, or is just taking it.`;
    return [makeFinding("lock", "attention", text, { key, hint: FIX, details: { path, holder: null }, repair })];
  }
  const holder = read.value;
  const presence = presenceOf(table, holder.holder);
  const details = { path, ...holder, presence };
  const held = `${key} is locked by ${describeHolder(holder)}`;
  if (presence === "alive") return [makeFinding("lock", "fine", `${held}.`, { key, details })];
  if (presence === "unknown") {
    const text = `${held}, in another pid namespace: whether it lives cannot be told from here.`;
    const hint = `Look where it was started. If that container is gone: rm ${showWord(path)}`;
    return [makeFinding("lock", "attention", text, { key, details, hint })];
  }
  const text = `${held}, which is gone. The next start or stop of it breaks the lock, where the file system has flock.`;
  return [makeFinding("lock", "attention", text, { key, details, hint: FIX, repair })];
}

function describeHolder({ holder, command, since, doing, backend }: LockHolder): string {
  return `pid ${holder.pid} (${command}) since ${since}, doing: ${doing} (backend: ${backend})`;
}

const LEFT: Record<LockReason, string> = {
  held: "its holder lives after all",
  "unknown-holder": "its holder cannot be judged from here",
  "guard-busy": "somebody is just at it",
  "no-guard": "this file system has no flock, and nothing in the file says who was about to hold it: remove it by hand",
  "re-entry": "this very process holds it",
};

function breakOne(path: string, key: string, { store, table }: Pick<Ground, "store" | "table">): Repaired {
  const outcome = breakStaleLock(path, store.seal, table);
  if (outcome.is === "absent") return { done: true, text: `the lock of ${key} was gone already` };
  if (outcome.is === "broken") return { done: true, text: `broke the lock of ${key}` };
  return { done: false, text: `left the lock of ${key}: ${LEFT[outcome.reason]}` };
}
