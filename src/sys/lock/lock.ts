/**
 * A lock that is a readable file: it says who holds it, since when, doing what. Two holders are impossible, because
 * both ways to publish it (a hard link to a file already written, or exclusive creation) fail on an existing path.
 * Acquiring and breaking are serialised by `flock` on a guard file, so exactly one process breaks a lock whose holder
 * is gone, or that a crash left empty. The holder is judged by identity, never by age. A holder that cannot be judged
 * from here is waited for.
 *
 *   attempt, holding the guard       lock file            then
 *   ------------------------------   ------------------   ----------------------------------------------------------
 *   there is none                    created              held
 *   holder alive                     left                 wait (`held`); at once `re-entry` when it is this process
 *   this process, which released it  removed, created     held
 *   holder in another pid namespace  left, or removed     wait (`unknown-holder`); stale when the kernel says that
 *                                    and created          no process has the lock file locked any longer
 *   of another version, or may not   left                 wait (`unknown-holder`)
 *   be read (permission, too many
 *   open files, a broken secret)
 *   holder gone                      removed, created     held, and says whose it was
 *   empty, cut off, not a lock       removed, created     held (publishing happens only under the guard)
 *   foreign: its seal is missing     moved aside,         held; nothing in it is believed. A dt with another home is
 *   or not this user's               created              recognised by the kernel: alive, with this file open (`held`)
 *   guard replaced meanwhile         left; own withdrawn  wait (`guard-busy`)
 *   no flock on this file system     created or left      nothing is broken (`no-guard`)
 *
 * Releasing needs no guard: no other process removes the lock of a living process, and the nonce is compared. When the
 * file cannot be read or removed at that moment, the holder retries for as long as it lives. Meanwhile the lock is
 * stale to this process; others cannot know that. Known limits: one machine (another machine's boot id reads as a
 * reboot). Deleting the guard file or the run directory while a lock is held takes the exclusion away.
 */
import { closeSync, constants, type Stats } from "node:fs";
import { dirname } from "node:path";
import { DtError, EXIT, errnoOf, messageOf } from "../base/error.ts";
import { statThere } from "../door/descend.ts";
import { openOwn } from "../door/door.ts";
import { temporaryName } from "../door/temporaryname.ts";
import { linkBeside, renameBeside } from "../files/beside.ts";
import type { FileRead } from "../files/fileread.ts";
import { createFile } from "../files/filewrite.ts";
import { type FileLock, flockOpen, isFlocked, tryFlock } from "../files/flock.ts";
import { removeFile, tryUnlink } from "../files/removal.ts";
import { writeError } from "../files/writeerror.ts";
import {
  identifySelf,
  isSuspended,
  type ProcessIdentity,
  type ProcessTable,
  presenceOf,
  sameIdentity,
} from "../process/identity.ts";
import type { Seal } from "../seal/seal.ts";
import { readOwnText } from "../seal/sealed.ts";
import { FLAG } from "../text/flags.ts";
import { awaitTurn, heldHere, passTurn } from "./turns.ts";

export type LockBackend = "link" | "excl";

/** The content of the lock file. */
export interface LockHolder {
  version: typeof VERSION;
  holder: ProcessIdentity;
  nonce: string;
  command: string;
  /** The operation under way, e.g. `start`. */
  doing: string;
  since: string;
  backend: LockBackend;
  /** The holder keeps this file locked (`flock`) for as long as it lives, for processes that cannot see it. */
  flocked?: true;
}

/** Why the lock could not be acquired; stable, documented. */
export type LockReason = "held" | "unknown-holder" | "no-guard" | "guard-busy";

export interface LockRequest {
  /**
   * The lock file; its guard is `<path without .lock>.guard`. A function when the file may be moved while the lock is
   * held.
   */
  path: string | (() => string);
  /** Distinguishes this user's locks from those that came with a clone. */
  seal: Seal;
  table: ProcessTable;
  doing: string;
  command: string;
  /** How long to wait, in milliseconds. */
  timeoutMs: number;
  /** `DIALTONE_LOCK_BACKEND`: forces one way of publishing. */
  backend?: LockBackend | undefined;
  signal?: AbortSignal | undefined;
  /** Called once, when the lock is not free at once. */
  onWait?: () => void;
  /**
   * Where the lock file cannot be written (a full or read-only disk), hold the guard all the time instead. It is just
   * as exclusive, but no process can read who holds it. For stopping, which frees what is short.
   */
  evenUnwritten?: boolean;
}

export interface HeldLock {
  readonly holder: LockHolder;
  /**
   * The holder whose stale lock was broken to get this one. `foreign`: a lock that this user's dt did not write was
   * moved aside.
   */
  readonly broke: LockHolder | "unreadable" | "foreign" | null;
  release(): void;
}

/** The first waits are short because most holders are nearly done; the later ones spare the processor. */
const WAIT_STEPS_MS = [2, 4, 8, 15, 25, 40];
const GUARD_WAIT_MS = 1;
/** How often an attempt looks again when the file comes and goes meanwhile. */
const LOOKS = 5;
const VERSION = 1;

interface Busy {
  busy: LockReason;
  by: LockHolder | null;
}
type Attempt = { held: HeldLock } | Busy;

/** A request with its current path. */
interface Placed extends LockRequest {
  path: string;
  where: () => string;
}

/** Waits for the lock; throws `lock-timeout` (exit 4) with who holds it. */
export async function acquireLock(request: LockRequest): Promise<HeldLock> {
  const deadline = performance.now() + request.timeoutMs;
  const where = () => (typeof request.path === "string" ? request.path : request.path());
  let turnAt: string | null = null;
  try {
    for (let step = 0; ; step++) {
      const placed: Placed = { ...request, path: where(), where };
      const attempt = attemptLock(placed);
      if ("held" in attempt) {
        turnAt = null;
        return attempt.held;
      }
      if (performance.now() >= deadline) throw lockError(placed, explain(placed, attempt));
      request.signal?.throwIfAborted();
      if (step === 0) request.onWait?.();
      if (heldHere().has(attempt.by?.nonce ?? "")) {
        const { path } = placed;
        if (await awaitTurn(path, { deadline, signal: request.signal })) turnAt = path;
        request.signal?.throwIfAborted();
        continue;
      }
      const wait = WAIT_STEPS_MS[Math.min(step, WAIT_STEPS_MS.length - 1)] as number;
      await Bun.sleep(attempt.busy === "guard-busy" ? GUARD_WAIT_MS : wait * (0.5 + Math.random()));
    }
  } finally {
    // Who leaves without the lock passes its turn on.
    if (turnAt !== null) passTurn(turnAt);
  }
}

/** One attempt, without waiting. */
function attemptLock(request: Placed): Attempt {
  const guard = tryFlock(guardOf(request.path));
  if (guard.is === "busy") return { busy: "guard-busy", by: null };
  if (guard.is === "unsupported") return publishOrJudge(request, null);
  let kept = false;
  try {
    return publishOrJudge(request, guard.lock);
  } catch (error) {
    if (request.evenUnwritten !== true || (error as DtError).code !== "cannot-write") throw error;
    kept = true;
    return { held: { holder: describeHolder(request, false), broke: null, release: guard.lock.release } };
  } finally {
    if (!kept) guard.lock.release();
  }
}

/** The existing lock is judged before anything is written, so on a full disk, too, its holder is waited for. */
function publishOrJudge(request: Placed, guard: FileLock | null): Attempt {
  const { path } = request;
  let broke: HeldLock["broke"] = null;
  for (let look = 0; look < LOOKS; look++) {
    const judged = judge(request);
    if (judged.is === "busy") return judged;
    if (judged.is === "stale") {
      if (guard === null && judged.own !== true) return { busy: "no-guard", by: judged.holder };
      if (guard?.isInPlace() === false) return { busy: "guard-busy", by: null };
      broke = judged.foreign ? "foreign" : (judged.holder ?? "unreadable");
      if (judged.foreign) moveAside(path);
      else removeFile(path);
    }
    const published = publish(request, describeHolder(request, guard !== null));
    if (published === null) continue; // a process without a guard was faster
    const held = makeHeld(request, { holder: published, broke });
    if (held !== null && (guard === null || guard.isInPlace())) return { held };
    held?.release();
    return { busy: "guard-busy", by: null };
  }
  return { busy: "unknown-holder", by: null };
}

function guardOf(path: string): string {
  return `${path.replace(/\.lock$/, "")}.guard`;
}

function describeHolder(request: LockRequest, flocked: boolean): LockHolder {
  return {
    version: VERSION,
    holder: identifySelf(request.table),
    nonce: crypto.randomUUID(),
    command: request.command,
    doing: request.doing,
    since: new Date().toISOString(),
    backend: request.backend ?? "link",
    ...(flocked ? { flocked } : {}),
  };
}

type Judged =
  | { is: "none" }
  /** `own`: this process released it, so no other process removes it. */
  | { is: "stale"; holder: LockHolder | null; foreign: boolean; own?: true }
  | ({ is: "busy" } & Busy);

/** Judges the lock file as it is now. Changes nothing. */
function judge(request: Placed): Judged {
  const { path, table, seal } = request;
  const read = readLock(path, { seal });
  if (read.is === "absent") return { is: "none" };
  if (read.is === "junk") return { is: "stale", holder: null, foreign: false };
  if (read.is === "closed") return { is: "busy", busy: "unknown-holder", by: null };
  if (read.is === "foreign") {
    // Its content only says where to look: its holder has the file open, and the kernel confirms that.
    if (
      read.said !== null &&
      presenceOf(table, read.said.holder) === "alive" &&
      hasOpen(table, { pid: read.said.holder.pid, path })
    )
      return { is: "busy", busy: "held", by: read.said };
    return { is: "stale", holder: null, foreign: true };
  }
  const holder = read.value;
  if (sameIdentity(holder.holder, identifySelf(table))) {
    // It has let go of it, or was another program when it took it.
    if (heldHere().has(holder.nonce)) return { is: "busy", busy: "held", by: holder };
    return { is: "stale", holder, foreign: false, own: true };
  }
  const presence = presenceOf(table, holder.holder);
  // A lock released by its holder between the two looks is not stale.
  if (presence === "gone" || (presence === "unknown" && isLetGo(path, holder)))
    return isStillHeldBy(request, holder) ? { is: "stale", holder, foreign: false } : { is: "none" };
  return { is: "busy", busy: presence === "alive" ? "held" : "unknown-holder", by: holder };
}

/** Null when the path already exists. Falls back to exclusive creation when linking fails for any other reason. */
function publish(request: Placed, mine: LockHolder): LockHolder | null {
  const { path, seal, backend: forced } = request;
  try {
    if (forced === "excl" || !publishByLink(request, mine)) {
      const exclusive: LockHolder = { ...mine, backend: "excl" };
      createFile(path, { text: seal.close(path, exclusive), durable: false });
      return exclusive;
    }
    return mine;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return null;
    throw error instanceof DtError ? error : writeError(path, { cause: error });
  }
}

/** False when linking does not work here, or not now. */
function publishByLink({ path, seal, backend }: Placed, mine: LockHolder): boolean {
  const temporary = temporaryName(path);
  createFile(temporary, { text: seal.close(path, mine), durable: false });
  try {
    linkBeside(temporary, path);
    return true;
  } catch (error) {
    if (backend === "link" || errnoOf(error) === "EEXIST") throw error;
    return false;
  } finally {
    tryUnlink(temporary);
  }
}

/** Null when the promised `flock` could not be taken: the lock is then withdrawn. */
function makeHeld(
  request: Placed,
  { holder, broke }: { holder: LockHolder; broke: HeldLock["broke"] },
): HeldLock | null {
  let held = true;
  const directory = statThere(dirname(request.path));
  const open = openOrNull(request.path);
  heldHere().add(holder.nonce);
  const lock: HeldLock = {
    holder,
    broke,
    release() {
      if (!held) return;
      held = false;
      if (open !== null) closeSync(open);
      heldHere().delete(holder.nonce);
      withdraw({ ...request, directory }, { nonce: holder.nonce });
      passTurn(request.path);
    },
  };
  if (holder.flocked !== true || (open !== null && flockOpen(open))) return lock;
  lock.release();
  return null;
}

/**
 * Whether the kernel says that its holder, which cannot be seen from here, is gone. Under the guard no process is about
 * to lock it.
 */
export function isLetGo(path: string, { flocked }: LockHolder): boolean {
  if (flocked !== true) return false;
  let fd: number;
  try {
    fd = openOwn(path, { flags: constants.O_RDONLY });
  } catch {
    return false;
  }
  try {
    return isFlocked(fd) === false;
  } finally {
    closeSync(fd);
  }
}

/**
 * Kept open for as long as the lock is held. This lets a dt with another home, to which the seal means nothing,
 * recognise the holder.
 */
function openOrNull(path: string): number | null {
  try {
    return openOwn(path, { flags: constants.O_WRONLY });
  } catch {
    return null; // taken away meanwhile
  }
}

function hasOpen(table: ProcessTable, { pid, path }: { pid: number; path: string }): boolean {
  const file = statThere(path);
  return file !== undefined && table.isWriting(pid, { dev: file.dev, ino: file.ino }) === true;
}

const WITHDRAW_AGAIN_MS = 100;
const WITHDRAW_AGAIN_MOST_MS = 2000;

/** `directory`: the directory in which the lock was published. */
type Released = Pick<Placed, "where" | "seal"> & { directory: Stats | undefined };

/**
 * Removes the released lock. Retries when it cannot be seen or removed now: its directory was moved, say, or the disk
 * is read-only.
 */
function withdraw(
  request: Released,
  { nonce, againMs = WITHDRAW_AGAIN_MS }: { nonce: string; againMs?: number | undefined },
): void {
  if (!isWithdrawn(request, nonce))
    setTimeout(withdraw, againMs, request, { nonce, againMs: Math.min(2 * againMs, WITHDRAW_AGAIN_MOST_MS) }).unref();
}

function isWithdrawn({ where, seal, directory }: Released, nonce: string): boolean {
  const path = where();
  const read = readLock(path, { seal });
  if (read.is === "absent") return directory === undefined || isSameFile(statThere(dirname(path)), directory);
  if (read.is !== "there") return false;
  try {
    if (read.value.nonce === nonce) removeFile(path);
    return true;
  } catch {
    return false;
  }
}

function isSameFile(a: Stats | undefined, b: Stats): boolean {
  return a?.ino === b.ino && a.dev === b.dev;
}

function isStillHeldBy({ path, seal }: Pick<Placed, "path" | "seal">, holder: LockHolder): boolean {
  const read = readLock(path, { seal });
  return read.is === "there" && read.value.nonce === holder.nonce;
}

/** The file may be anything, so it is kept, but out of the way. */
function moveAside(path: string): void {
  try {
    renameBeside(path, `${path}.${Date.now()}.foreign`);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw writeError(path, { cause: error });
  }
}

/**
 * `junk`: readable, but not a lock, as a crash leaves it. `closed`: unreadable, or written by a dt of another version.
 */
type LockRead =
  | { is: "there"; value: LockHolder }
  | { is: "absent" }
  | { is: "junk"; reason: string }
  | { is: "closed"; reason: string }
  /** `said`: its content, which must not be believed. */
  | { is: "foreign"; reason: string; said: LockHolder | null };

/** `as`: the name the file had when it was written. */
function readLock(path: string, { seal, as = path }: { seal: Seal; as?: string | undefined }): LockRead {
  const text = readOwnText(path, seal.mayBeOwn);
  if (text.is === "absent") return text;
  if (text.is === "unreadable")
    return text.foreign === true
      ? { is: "foreign", reason: text.reason, said: null }
      : { is: "closed", reason: text.reason };
  let opened: ReturnType<Seal["open"]>;
  try {
    opened = seal.open(as, text.value);
  } catch (error) {
    // The user's secret is unavailable: dt cannot know whose lock this is.
    if (!(error instanceof SyntaxError)) return { is: "closed", reason: messageOf(error) };
    return { is: "junk", reason: text.value === "" ? "it is empty" : "it is cut off" };
  }
  if (opened.is === "foreign") return { is: "foreign", reason: opened.why, said: saidIn(text.value) };
  const { version } = opened.value;
  if (typeof version === "number" && version !== VERSION) {
    return { is: "closed", reason: `version ${version}, this dt reads version ${VERSION}` };
  }
  const value = holderIn(opened.value as Partial<LockHolder>);
  return value === null ? { is: "junk", reason: "not a lock" } : { is: "there", value };
}

/** Far above the size of a lock; a foreign file may be of any size. */
const LONGEST_LOCK = 16 * 1024;

function saidIn(text: string): LockHolder | null {
  return text.length > LONGEST_LOCK ? null : holderIn(JSON.parse(text) as Partial<LockHolder> | null);
}

function holderIn(value: Partial<LockHolder> | null): LockHolder | null {
  return value?.version === VERSION && typeof value.holder?.pid === "number" ? (value as LockHolder) : null;
}

/** Who holds the lock, for display: judges and changes nothing. */
export function readHolder(
  path: string,
  { seal, as = path }: { seal: Seal; as?: string | undefined },
): FileRead<LockHolder> {
  const read = readLock(path, { seal, as });
  if (read.is === "there" || read.is === "absent") return read;
  return { is: "unreadable", reason: read.reason, ...(read.is === "foreign" ? { foreign: true } : {}) };
}

/** The last attempt may have met another process's attempt; the user wants to know who holds the lock. */
function explain(request: Placed, attempt: Busy): Busy {
  if (attempt.busy !== "guard-busy") return attempt;
  const judged = judge(request);
  return judged.is === "busy" ? judged : attempt;
}

interface ReasonText {
  why(by: LockHolder | null, path: string): string;
  hint(by: LockHolder | null, path: string): string;
}

const WAIT_FOR_IT = () => "Try again when it is done.";

/** The text of each reason. The table in docs/locks.md has the same rows. */
export const LOCK_REASONS: Record<LockReason, ReasonText> = {
  held: {
    why: (by) => `pid ${by?.holder.pid} (${by?.command}) has held it since ${by?.since}, doing: ${by?.doing}`,
    hint: WAIT_FOR_IT,
  },
  "unknown-holder": {
    why: (by) =>
      by === null
        ? "it cannot be read from here, or another version of dt wrote it"
        : `pid ${by.holder.pid} in another pid namespace (a container on this directory?) has held it since ${by.since}, doing: ${by.doing}`,
    hint: (_, path) => `Try again when it is done, or remove ${path} if its holder is really gone.`,
  },
  "no-guard": {
    why: (by) =>
      `its holder ${by === null ? "" : `(pid ${by.holder.pid}) `}is gone, but this file system has no flock, so dt does not break the lock by itself`,
    hint: () => `Run \`dt doctor ${FLAG.fix}\`: it breaks the lock when that process is really gone.`,
  },
  "guard-busy": { why: () => "other processes kept trying to take it", hint: () => "Try again." },
};

function lockError(request: Placed, { busy, by }: Busy): DtError {
  const { why, hint } = LOCK_REASONS[busy];
  const isStopped = busy === "held" && by !== null && isSuspended(request.table, by.holder);
  return new DtError(
    "lock-timeout",
    `Could not get the lock ${request.path} within ${request.timeoutMs} ms: ${why(by, request.path)}.`,
    {
      status: EXIT.lockTimeout,
      hint: isStopped ? `It is stopped: \`kill -CONT ${by.holder.pid}\` lets it go on.` : hint(by, request.path),
      details: { reason: busy, holder: by },
    },
  );
}
