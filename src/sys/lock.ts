/**
 * A lock that is a file one can read: who holds it, since when, doing what. Two holders are impossible because both
 * ways to publish it (a hard link to a file already written, or exclusive creation) fail on an existing path; acquiring
 * and breaking are serialised by `flock` on a guard file, so that a lock whose holder is gone, or that a crash left empty,
 * is broken by exactly one. The holder is judged by identity, never by age; one that cannot be judged from here
 * is waited for.
 *
 *   attempt, holding the guard       lock file            then
 *   ------------------------------   ------------------   -----------------------------------------------
 *   there is none                    created              held
 *   holder alive                     left                 wait (`held`); at once `re-entry` when it is this process
 *   holder in another pid namespace  left                 wait (`unknown-holder`)
 *   of another version, or may not   left                 wait (`unknown-holder`)
 *   be read (permission, too many
 *   open files)
 *   holder gone                      removed, created     held, says whose it was
 *   empty, cut off, not a lock       removed, created     held (publishing happens only under the guard)
 *   guard replaced meanwhile         left; own withdrawn  wait (`guard-busy`)
 *   no flock on this file system     created or left      nothing is broken (`no-guard`)
 *
 * Releasing needs no guard: nobody else removes the lock of a process that lives, and the nonce is compared.
 * Known limits: one machine (another one's boot id reads as a reboot); who deletes the guard file or the run directory while a lock is
 * held takes the exclusion away.
 */
import { linkSync } from "node:fs";
import { DtError, EXIT, errnoOf } from "./error.ts";
import { createFile, type FileRead, readText, removeFile, temporaryName, tryUnlink, writeError } from "./files.ts";
import { type FileLock, tryFlock } from "./flock.ts";
import { identifySelf, type ProcessIdentity, type ProcessTable, presenceOf, sameIdentity } from "./identity.ts";

export type LockBackend = "link" | "excl";

/** What the lock file says. */
export interface LockHolder {
  version: typeof VERSION;
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
/** How often an attempt looks again when the file comes and goes under its eyes. */
const LOOKS = 5;
const VERSION = 1;

interface Busy {
  busy: LockReason;
  by: LockHolder | null;
}
type Attempt = { held: HeldLock } | Busy;

/** Waits for the lock; throws `lock-timeout` (exit 4) with who holds it. */
export async function acquireLock(request: LockRequest): Promise<HeldLock> {
  const deadline = performance.now() + request.timeoutMs;
  for (let step = 0; ; step++) {
    const attempt = attemptLock(request);
    if ("held" in attempt) return attempt.held;
    if (attempt.busy === "re-entry" || performance.now() >= deadline)
      throw lockError(request, explain(request, attempt));
    request.signal?.throwIfAborted();
    const wait = WAIT_STEPS_MS[Math.min(step, WAIT_STEPS_MS.length - 1)] as number;
    await Bun.sleep(attempt.busy === "guard-busy" ? GUARD_WAIT_MS : wait * (0.5 + Math.random()));
  }
}

/** One try, without waiting. */
function attemptLock(request: LockRequest): Attempt {
  const guard = tryFlock(guardOf(request.path));
  if (guard.is === "busy") return { busy: "guard-busy", by: null };
  if (guard.is === "unsupported") return publishOrJudge(request, null);
  let kept = false;
  try {
    return publishOrJudge(request, guard.lock);
  } catch (error) {
    if (request.evenUnwritten !== true || (error as DtError).code !== "cannot-write") throw error;
    kept = true;
    return { held: { holder: describeHolder(request), broke: null, release: guard.lock.release } };
  } finally {
    if (!kept) guard.lock.release();
  }
}

/** The existing lock is judged before anything is written: on a full disk, too, its holder is waited for. */
function publishOrJudge(request: LockRequest, guard: FileLock | null): Attempt {
  const { path } = request;
  let broke: HeldLock["broke"] = null;
  for (let look = 0; look < LOOKS; look++) {
    const judged = judge(request);
    if (judged.is === "busy") return judged;
    if (judged.is === "stale") {
      if (guard === null) return { busy: "no-guard", by: judged.holder };
      if (!guard.isInPlace()) return { busy: "guard-busy", by: null };
      broke = judged.holder ?? "unreadable";
      removeFile(path);
    }
    const published = publish(path, describeHolder(request), request.backend);
    if (published === null) continue; // somebody without a guard was faster
    const held = makeHeld(path, published, broke);
    if (guard === null || guard.isInPlace()) return { held };
    held.release();
    return { busy: "guard-busy", by: null };
  }
  return { busy: "unknown-holder", by: null };
}

function guardOf(path: string): string {
  return `${path.replace(/\.lock$/, "")}.guard`;
}

function describeHolder(request: LockRequest): LockHolder {
  return {
    version: VERSION,
    holder: identifySelf(request.table),
    nonce: crypto.randomUUID(),
    command: request.command,
    doing: request.doing,
    since: new Date().toISOString(),
    backend: request.backend ?? "link",
  };
}

type Judged = { is: "none" } | { is: "stale"; holder: LockHolder | null } | ({ is: "busy" } & Busy);

/** What the lock file says about now. Changes nothing. */
function judge({ path, table }: LockRequest): Judged {
  const read = readLock(path);
  if (read.is === "absent") return { is: "none" };
  if (read.is === "junk") return { is: "stale", holder: null };
  if (read.is === "closed") return { is: "busy", busy: "unknown-holder", by: null };
  const holder = read.value;
  if (sameIdentity(holder.holder, identifySelf(table))) return { is: "busy", busy: "re-entry", by: holder };
  const presence = presenceOf(table, holder.holder);
  // A holder that let go and ended between the two looks is no stale one.
  if (presence === "gone") return isStillHeldBy(path, holder) ? { is: "stale", holder } : { is: "none" };
  return { is: "busy", busy: presence === "alive" ? "held" : "unknown-holder", by: holder };
}

/** Null when the path exists already. Falls back to exclusive creation when linking fails for any other reason. */
function publish(path: string, mine: LockHolder, forced: LockBackend | undefined): LockHolder | null {
  try {
    if (forced === "excl" || !publishByLink(path, mine, forced === "link")) {
      const exclusive: LockHolder = { ...mine, backend: "excl" };
      createFile(path, JSON.stringify(exclusive), { durable: false });
      return exclusive;
    }
    return mine;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return null;
    throw writeError(path, error);
  }
}

/** False when linking does not work here, or not now. */
function publishByLink(path: string, mine: LockHolder, forced: boolean): boolean {
  const temporary = temporaryName(path);
  createFile(temporary, JSON.stringify(mine), { durable: false });
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (forced || errnoOf(error) === "EEXIST") throw error;
    return false;
  } finally {
    tryUnlink(temporary);
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
      if (isStillHeldBy(path, holder)) removeFile(path);
    },
  };
}

function isStillHeldBy(path: string, holder: LockHolder): boolean {
  const read = readLock(path);
  return read.is === "there" && read.value.nonce === holder.nonce;
}

/** `junk`: read, and no lock, as a crash leaves it; `closed`: it could not be read, or a dt of another version wrote it. */
type LockRead =
  | { is: "there"; value: LockHolder }
  | { is: "absent" }
  | { is: "junk"; reason: string }
  | { is: "closed"; reason: string };

function readLock(path: string): LockRead {
  const text = readText(path);
  if (text.is === "unreadable") return { is: "closed", reason: text.reason };
  if (text.is === "absent") return text;
  let value: Partial<LockHolder> | null;
  try {
    value = JSON.parse(text.value);
  } catch {
    return { is: "junk", reason: text.value === "" ? "it is empty" : "it is cut off" };
  }
  if (typeof value?.version === "number" && value.version !== VERSION) {
    return { is: "closed", reason: `version ${value.version}, this dt reads version ${VERSION}` };
  }
  if (value?.version !== VERSION || typeof value.holder?.pid !== "number") return { is: "junk", reason: "not a lock" };
  return { is: "there", value: value as LockHolder };
}

/** Who holds the lock, for showing; no judgement, no change. */
export function readHolder(path: string): FileRead<LockHolder> {
  const read = readLock(path);
  return read.is === "junk" || read.is === "closed" ? { is: "unreadable", reason: read.reason } : read;
}

/** The last try may have met another's try; what counts for a person is who holds the lock. */
function explain(request: LockRequest, attempt: Busy): Busy {
  if (attempt.busy !== "guard-busy") return attempt;
  const judged = judge(request);
  return judged.is === "busy" ? judged : attempt;
}

interface ReasonText {
  why(by: LockHolder | null, path: string): string;
  hint(by: LockHolder | null, path: string): string;
}

const WAIT_FOR_IT = () => "Try again when it is done.";

/** What each reason says; the table in docs/locks.md has the same rows. */
export const LOCK_REASONS: Record<LockReason, ReasonText> = {
  held: {
    why: (by) => `pid ${by?.holder.pid} (${by?.command}) has held it since ${by?.since}, doing: ${by?.doing}`,
    hint: WAIT_FOR_IT,
  },
  "unknown-holder": {
    why: (by) =>
      by === null
        ? "it cannot be read from here, or another version of dt wrote it"
        : `pid ${by.holder.pid} of another pid namespace (a container on this directory?) has held it since ${by.since}, doing: ${by.doing}`,
    hint: (_, path) => `Try again when it is done, or remove ${path} if its holder is really gone.`,
  },
  "no-guard": {
    why: (by) =>
      `its holder ${by === null ? "" : `(pid ${by.holder.pid}) `}is gone, but this file system has no flock, so nothing is broken by itself`,
    hint: () => "Run `dt doctor --fix`: it breaks the lock when that process is really gone.",
  },
  "guard-busy": { why: () => "others were trying for it all the time", hint: () => "Try again." },
  "re-entry": { why: (by) => `this very process holds it already, doing: ${by?.doing}`, hint: WAIT_FOR_IT },
};

function lockError(request: LockRequest, { busy, by }: Busy): DtError {
  const { why, hint } = LOCK_REASONS[busy];
  return new DtError(
    "lock-timeout",
    `Could not get the lock ${request.path} within ${request.timeoutMs} ms: ${why(by, request.path)}.`,
    { status: EXIT.lockTimeout, hint: hint(by, request.path), details: { reason: busy, holder: by } },
  );
}
