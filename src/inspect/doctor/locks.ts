/** Who holds which lock, since when, for what, by which backend. A holder is judged by identity, never by age. */
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
  return findings.length > 0 ? findings : [makeFinding("lock", { level: "fine", text: "No key is locked." })];
}

function checkLock({ store, table }: Ground, name: string): Finding[] {
  const path = join(store.directory, name);
  const key = name.slice(0, -".lock".length);
  const read = readHolder(path, { seal: store.seal });
  if (read.is === "absent") return []; // released meanwhile
  const repair = () => breakOne(path, { key, store, table });
  if (read.is === "unreadable" && read.foreign === true) {
    const text = `${key} has a foreign lock (${read.reason}): dt believes nothing in it.`;
    const hint = "The next start or stop sets the file aside.";
    return [makeFinding("lock", { level: "note", text, key, hint, details: { path, holder: null } })];
  }
  if (read.is === "unreadable" && !isUnfinished(path)) {
    const text = `${key} has a lock that dt cannot judge from here (${read.reason}).`;
    const hint = "Use the dt that took it, or check the mode of the file.";
    return [makeFinding("lock", { level: "attention", text, key, hint, details: { path, holder: null } })];
  }
  if (read.is === "unreadable") {
    const text = `${key} has an unfinished lock (${read.reason}): a dt was killed while taking it, or is taking it right now.`;
    return [makeFinding("lock", { level: "attention", text, key, hint: FIX, details: { path, holder: null }, repair })];
  }
  const holder = read.value;
  const presence = presenceOf(table, holder.holder);
  const details = { path, ...holder, presence };
  const held = `${key} is locked by ${describeHolder(holder)}`;
  if (presence === "alive") return [makeFinding("lock", { level: "fine", text: `${held}.`, key, details })];
  if (presence === "unknown") {
    const text = `${held}, in another pid namespace: dt cannot see from here whether it is alive.`;
    const hint = `Check where it was started. If that container is gone: rm ${showWord(path)}`;
    return [makeFinding("lock", { level: "attention", text, key, details, hint })];
  }
  const text = `${held}, which is gone. The next start or stop breaks the lock if the file system has flock.`;
  return [makeFinding("lock", { level: "attention", text, key, details, hint: FIX, repair })];
}

function describeHolder({ holder, command, since, doing, backend }: LockHolder): string {
  return `pid ${holder.pid} (${command}) since ${since}, doing: ${doing} (backend: ${backend})`;
}

const LEFT: Record<LockReason, string> = {
  held: "its holder is alive after all",
  "unknown-holder": "dt cannot judge its holder from here",
  "guard-busy": "another process is working on it",
  "no-guard":
    "this file system has no flock, and the file does not say who was about to take the lock: remove it by hand",
};

function breakOne(path: string, { key, store, table }: { key: string } & Pick<Ground, "store" | "table">): Repaired {
  const outcome = breakStaleLock(path, { seal: store.seal, table });
  if (outcome.is === "absent") return { done: true, text: `the lock of ${key} was already gone` };
  if (outcome.is === "broken") return { done: true, text: `broke the lock of ${key}` };
  return { done: false, text: `left the lock of ${key}: ${LEFT[outcome.reason]}` };
}
