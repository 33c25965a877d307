/**
 * dt's side of the session process (session.ts): starts it, hands it the command, and lets it go at the end. It lives
 * no longer than dt: it reads the lifeline, which the kernel closes when dt is gone.
 */
import { closeSync, writeSync } from "node:fs";
import { HIDDEN } from "../base/hidden.ts";
import { libc } from "../ffi/libc.ts";
import { makePipe } from "../ffi/pipe.ts";
import { errorOfErrno } from "../spawn/exec.ts";
import { reap, spawnChild } from "./child.ts";
import type { CapturePlan } from "./plan.ts";
import { BYE, formatRequest, readSessionMessage, type SessionRequest, TOLD } from "./sessionwire.ts";
import { formatMask, heldSignals, maskOf } from "./signalfd.ts";
import { rawModesFor, type UserTerminal } from "./userterminal.ts";

/** From <fcntl.h>, fcntl(2). */
const F_DUPFD = 0;
const FIRST_BEYOND_STANDARD = 3;

export interface Session {
  /** The pid of the session process. */
  leader: number;
  /** The pid of the command, which leads a group of its own. */
  pid: number;
  /** Where the session process reports. */
  told: number;
  lifeline: number;
}

export interface SessionStart {
  plan: CapturePlan;
  /** The command's terminal. */
  slave: number;
  /** Where the command's errors go; null: to its terminal. Closed here once the command has it. */
  errors: number | null;
  user: UserTerminal | null;
}

/** Closes the plan's descriptors. Throws the system's error when the command cannot be started. */
export function startSession({ plan, slave, errors, user }: SessionStart): Session {
  const [lifeline, told] = [makePipe(), makePipe()];
  const persons = user === null ? null : libc().fcntl(user.fd, F_DUPFD, FIRST_BEYOND_STANDARD);
  const hasInput = user?.isInput === true;
  const leader = spawnChild({
    file: plan.self[0] as string,
    words: [...plan.self, HIDDEN.session, String(lifeline.reading), String(told.writing)],
    // No variable that steers Bun; DIALTONE_ROOT shows to which root this process belongs.
    environment: plan.environment.filter((one) => typeof one === "string" && one.startsWith("DIALTONE_ROOT=")),
    // None of them is a terminal: Bun would restore its modes at the end, maybe over those a shell has set by then.
    streams: [hasInput ? lifeline.reading : 0, lifeline.reading, lifeline.reading],
    mask: maskOf(heldSignals(true)),
    descriptors: [
      ...plan.descriptors,
      lifeline.reading,
      told.writing,
      slave,
      ...(errors === null ? [] : [errors]),
      ...(persons === null ? [] : [persons]),
    ],
    apart: "session",
  });
  const request: SessionRequest = {
    file: plan.file,
    slave,
    streams: [hasInput ? slave : 0, slave, errors ?? slave],
    mask: formatMask(plan.mask),
    descriptors: [...plan.descriptors],
    words: plan.words.length,
    person: personOf(user, persons),
  };
  for (const fd of [lifeline.reading, told.writing, persons, errors, ...plan.descriptors])
    if (fd !== null) closeSync(fd);
  writeWhole(lifeline.writing, formatRequest(request, [...plan.words, ...plan.environment]));
  const first = readSessionMessage(told.reading);
  if (first?.what !== TOLD.started) {
    reap(leader);
    throw errorOfErrno(first?.number ?? 0);
  }
  return { leader, pid: first.number, told: told.reading, lifeline: lifeline.writing };
}

/** What the session process restores when dt is gone. `terminal`: its own descriptor of the user's terminal. */
function personOf(user: UserTerminal | null, terminal: number | null): SessionRequest["person"] {
  if (user === null || terminal === null || user.first === null) return null;
  const raw = rawModesFor(user, user.first);
  return { terminal, modes: user.first.toString("base64"), raw: raw.toString("base64") };
}

function writeWhole(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

/** Waits for the session process to end. */
export function releaseSession({ leader, told, lifeline }: Session): void {
  try {
    writeSync(lifeline, BYE);
  } catch {
    // it is gone
  }
  reap(leader);
  for (const fd of [lifeline, told]) closeSync(fd);
}
