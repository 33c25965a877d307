/**
 * A lock that is a file one can read: who holds it, since when, doing what. Two holders are impossible because both
 * ways to publish it (a hard link to a file already written, or exclusive creation) fail on an existing path; acquire,
 * break and release are serialised by `flock` on a guard file, so that a lock whose holder is gone, or that a crash left empty,
 * is broken by exactly one. The holder is judged by identity, never by age; one that cannot be judged from here
 * is waited for.
 *
 *   attempt, holding the guard      lock file            then
 *   -----------------------------   ------------------   -----------------------------------------------
 *   there is none                   created              held
 *   holder alive                    left                 wait (`held`)
 *   holder in another pid namespace left                 wait (`unknown-holder`)
 *   holder gone                     removed, created     held, says whose it was
 *   empty or not readable           removed, created     held (publishing happens only under the guard)
 *   no flock on this file system    created or left      nothing is broken (`no-guard`)
 */
import { closeSync, linkSync, openSync, renameSync, writeSync } from "node:fs";
import { DtError, EXIT, errnoOf } from "./error.ts";
import { readJson, removeFile, temporaryName, writeError, writeWhole } from "./files.ts";
import { tryFlock } from "./flock.ts";
import { identifySelf, type ProcessIdentity, type ProcessTable, presenceOf, sameIdentity } from "./identity.ts";

export type LockBackend = "link" | "excl";

/** What the lock file says. */
export interface LockHolder {
  version: 1;
  holder: ProcessIdentity;
  nonce: string;
  command: string;
  /** What is being done, e.g. `start`. */
  doing: string;
  since: string;
  backend: LockBackend;
}

/** Why a lock could not be had; stable, documented. */
export type LockReason = "held" | "unknown-holder" | "no-guard" | "guard-busy" | "re-entry";

export interface LockRequest {
  /** The lock file; its guard is `<path without .lock>.guard`. */
  path: string;
  table: ProcessTable;
  doing: string;
  command: string;
  /** How long to wait, in milliseconds. */
  timeoutMs: number;
  /** `DIALTONE_LOCK_BACKEND`: forces one way of publishing. */
  backend?: LockBackend | undefined;
  signal?: AbortSignal | undefined;
  /**
   * Where the lock file cannot be written (a full or read-only disk), hold the guard all the time instead: as exclusive, only nobody can
   * read who holds it. For stopping, which frees what is short.
   */
  evenUnwritten?: boolean;
}

export interface HeldLock {
  readonly holder: LockHolder;
  /** The holder whose stale lock was broken to get this one. */
  readonly broke: LockHolder | "unreadable" | null;
  release(): void;
}

/** The first waits are short since most holders are nearly done; the later ones spare the processor. */
const WAIT_STEPS_MS = [2, 4, 8, 15, 25, 40];
const GUARD_WAIT_MS = 1;

type Attempt = { held: HeldLock } | { busy: LockReason; by: LockHolder | null };

/** Waits for the lock; throws `lock-timeout` (exit 4) with who holds it. */
export async function acquireLock(request: LockRequest): Promise<HeldLock> {
  const deadline = performance.now() + request.timeoutMs;
  for (let step = 0; ; step++) {
    const attempt = attemptLock(request);
    if ("held" in attempt) return attempt.held;
    if (attempt.busy === "re-entry" || performance.now() >= deadline) throw lockError(request, attempt);
    request.signal?.throwIfAborted();
    const wait = WAIT_STEPS_MS[Math.min(step, WAIT_STEPS_MS.length - 1)] as number;
    await Bun.sleep(attempt.busy === "guard-busy" ? GUARD_WAIT_MS : wait * (0.5 + Math.random()));
  }
}

/** One try, without waiting. */
export function attemptLock(request: LockRequest): Attempt {
  const guard = tryFlock(request.path.replace(/\.lock$/, ".guard"));
  if (guard.is === "busy") return { busy: "guard-busy", by: null };
  let kept = false;
  try {
    return publishOrJudge(request, guard.is === "held");
  } catch (error) {
    if (
      guard.is !== "held" ||
      request.evenUnwritten !== true ||
      !(error instanceof DtError) ||
      error.code !== "cannot-write"
    ) {
      throw error;
    }
    kept = true;
    return { held: { holder: describeHolder(request), broke: null, release: guard.lock.release } };
  } finally {
    if (guard.is === "held" && !kept) guard.lock.release();
  }
}

function describeHolder(request: LockRequest): LockHolder {
  return {
    version: 1,
    holder: identifySelf(request.table),
    nonce: crypto.randomUUID(),
    command: request.command,
    doing: request.doing,
    since: new Date().toISOString(),
    backend: request.backend ?? "link",
  };
}

function publishOrJudge(request: LockRequest, guarded: boolean): Attempt {
  const { table, path } = request;
  const mine = describeHolder(request);
  let broke: HeldLock["broke"] = null;
  for (;;) {
    const published = publish(path, mine, request.backend);
    if (published !== null) return { held: makeHeld(path, published, broke) };
    const current = readHolder(path);
    if (current.is === "absent") continue;
    const holder = current.is === "there" ? current.value : null;
    if (holder !== null && sameIdentity(holder.holder, mine.holder)) return { busy: "re-entry", by: holder };
    const presence = holder === null ? "gone" : presenceOf(table, holder.holder);
    if (presence === "alive") return { busy: "held", by: holder };
    if (presence === "unknown") return { busy: "unknown-holder", by: holder };
    if (!guarded) return { busy: "no-guard", by: holder };
    broke = holder ?? "unreadable";
    removeFile(path);
  }
}

/** Null when the path exists already. Falls back to exclusive creation when linking fails for any other reason. */
function publish(path: string, mine: LockHolder, forced: LockBackend | undefined): LockHolder | null {
  if (forced !== "excl") {
    const temporary = temporaryName(path);
    writeWhole(temporary, JSON.stringify(mine), { durable: false });
    try {
      linkSync(temporary, path);
      return mine;
    } catch (error) {
      if (errnoOf(error) === "EEXIST") return null;
      if (forced === "link") throw writeError(path, error);
    } finally {
      removeFile(temporary);
    }
  }
  const exclusive: LockHolder = { ...mine, backend: "excl" };
  try {
    const fd = openSync(path, "wx", 0o600);
    try {
      writeSync(fd, JSON.stringify(exclusive));
    } finally {
      closeSync(fd);
    }
    return exclusive;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return null;
    throw writeError(path, error);
  }
}

function makeHeld(path: string, holder: LockHolder, broke: HeldLock["broke"]): HeldLock {
  let held = true;
  return {
    holder,
    broke,
    release() {
      if (!held) return;
      held = false;
      const guard = tryFlock(path.replace(/\.lock$/, ".guard"));
      try {
        const current = readHolder(path);
        if (current.is === "there" && current.value.nonce === holder.nonce) removeFile(path);
      } finally {
        if (guard.is === "held") guard.lock.release();
      }
    },
  };
}

/** Who holds the lock, for showing; no judgement, no change. */
export function readHolder(path: string) {
  return readJson(path, (value) => {
    const holder = value as LockHolder;
    if (holder?.version !== 1 || typeof holder.holder?.pid !== "number") throw new Error("not a lock of this version");
    return holder;
  });
}

export type BreakOutcome =
  | { is: "broken"; holder: LockHolder | null }
  | { is: "absent" }
  /** Its holder lives, cannot be judged from here, or somebody is at the guard. */
  | { is: "left"; reason: LockReason };

/**
 * Removes a lock whose holder is verified gone, for those who were asked to. Under the guard, as everybody does; without flock the file
 * is first moved to a name of our own and looked at there, so that a lock just taken by another is put back, not removed.
 * Known limit: without flock and hard links, that one is missing for the moment between the two.
 */
export function breakStaleLock(path: string, table: ProcessTable): BreakOutcome {
  const guard = tryFlock(path.replace(/\.lock$/, ".guard"));
  if (guard.is === "busy") return { is: "left", reason: "guard-busy" };
  try {
    const current = readHolder(path);
    if (current.is === "absent") return { is: "absent" };
    const holder = current.is === "there" ? current.value : null;
    const presence = holder === null ? "gone" : presenceOf(table, holder.holder);
    if (presence === "alive") return { is: "left", reason: "held" };
    if (presence === "unknown") return { is: "left", reason: "unknown-holder" };
    if (guard.is === "held") removeFile(path);
    else if (holder === null || !removeIfStill(path, holder)) return { is: "left", reason: "no-guard" };
    return { is: "broken", holder };
  } finally {
    if (guard.is === "held") guard.lock.release();
  }
}

function removeIfStill(path: string, judged: LockHolder): boolean {
  const aside = temporaryName(path);
  try {
    renameSync(path, aside);
  } catch {
    return true; // somebody else removed it
  }
  const moved = readHolder(aside);
  const same = moved.is === "there" && moved.value.nonce === judged.nonce;
  try {
    if (!same) linkSync(aside, path);
    removeFile(aside);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") removeFile(aside);
    else renameSync(aside, path);
  }
  return same;
}

const REASONS: Record<LockReason, (by: LockHolder | null) => string> = {
  held: (by) => `pid ${by?.holder.pid} (${by?.command}) has held it since ${by?.since}, doing: ${by?.doing}`,
  "unknown-holder": (by) =>
    `pid ${by?.holder.pid} of another pid namespace (a container on this directory?) holds it since ${by?.since}, doing: ${by?.doing}`,
  "no-guard": (by) =>
    `its holder ${by === null ? "" : `(pid ${by.holder.pid}) `}is gone, but this file system has no flock, so nothing is broken by itself`,
  "guard-busy": () => "its guard file was busy all the time",
  "re-entry": (by) => `this very process holds it already, doing: ${by?.doing}`,
};

function lockError(request: LockRequest, attempt: { busy: LockReason; by: LockHolder | null }): DtError {
  return new DtError(
    "lock-timeout",
    `Could not get the lock ${request.path} within ${request.timeoutMs} ms: ${REASONS[attempt.busy](attempt.by)}.`,
    {
      status: EXIT.lockTimeout,
      hint:
        attempt.busy === "no-guard"
          ? "`dt doctor --fix` breaks it when that process is really gone."
          : "Try again when it is done.",
      details: { reason: attempt.busy, holder: attempt.by },
    },
  );
}
