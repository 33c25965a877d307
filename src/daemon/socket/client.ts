/** Asks the daemon: one request over one connection, and only if this user started the process that listens. */
import { lstatSync, readlinkSync } from "node:fs";
import { dirname } from "node:path";
import { DtError, errnoOf, messageOf } from "../../sys/base/error.ts";
import { readHolder } from "../../sys/lock/lock.ts";
import type { LineConnection } from "../../sys/net/line.ts";
import { connectForLines } from "../../sys/net/lineclient.ts";
import { FOREIGN_SOCKET, foreignSocket } from "../../sys/net/peer.ts";
import { ownUid, whoMaySwap } from "../../sys/places/ownplace.ts";
import { presenceOf } from "../../sys/process/identity.ts";
import { makeProcessTable } from "../../sys/process/table.ts";
import type { DaemonPaths } from "./paths.ts";
import type { Reply, Status } from "./protocol.ts";

/** A daemon that is coming up is asked again. */
const TRIES = 5;
const BETWEEN_MS = 100;
const ANSWER_MS = 5000;

interface DaemonQuestion {
  ask: { cmd: string; [field: string]: unknown };
  tries?: number | undefined;
  answerMs?: number | undefined;
}

/**
 * Null when no daemon runs. Throws the daemon's refusal, when it does not answer in time, and when another user is in
 * its place.
 */
export async function askDaemon(
  paths: DaemonPaths,
  { ask, tries = TRIES, answerMs = ANSWER_MS }: DaemonQuestion,
): Promise<unknown | null> {
  for (let left = tries; left > 0; left--) {
    const answer = await askOnce(paths, { request: ask, answerMs });
    if (answer !== null) return answer.data;
    if (!isComingUp(paths)) return null;
    if (left > 1) await Bun.sleep(BETWEEN_MS);
  }
  return null;
}

/** The lock is held, but its holder does not listen yet. */
function isComingUp({ lock, seal }: DaemonPaths): boolean {
  const holder = readHolder(lock, { seal });
  return (
    holder.is !== "absent" && (holder.is !== "there" || presenceOf(makeProcessTable(), holder.value.holder) !== "gone")
  );
}

export async function askStatus(paths: DaemonPaths, options?: { tries?: number }): Promise<Status | null> {
  return (await askDaemon(paths, { ask: { cmd: "status" }, ...options })) as Status | null;
}

/** Whether an error of `askDaemon` says that another user is, or could be, where this user's daemon should be. */
export function isForeignSocket(error: unknown): boolean {
  return errnoOf(error) === FOREIGN_SOCKET;
}

/** The home's path may be too long for a socket; the path that the link names is not. Null when there is no link. */
function targetOf(link: string): string | null {
  try {
    return readlinkSync(link);
  } catch (error) {
    return errnoOf(error) === "EINVAL" ? link : null;
  }
}

/**
 * Checked before it is connected to: whose the socket is, and whether another user could have put it there. One that is
 * not there is left to the connection.
 */
function checkOwner(link: string, target: string): void {
  const refuse = (who: string) => {
    throw foreign(link, foreignSocket(target, who).message);
  };
  try {
    const { uid } = lstatSync(target);
    if (uid !== ownUid()) refuse(`uid ${uid}`);
    const swapper = whoMaySwap(dirname(target));
    if (swapper !== null) refuse(`the user who put it there, since ${swapper}`);
  } catch (error) {
    if (errnoOf(error) === "EACCES") refuse("another user, whose directory you may not look into");
    if (!["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) throw error;
  }
}

function foreign(link: string, message: string): DtError {
  return new DtError(FOREIGN_SOCKET, message, {
    hint: `dt daemon start starts a daemon of yours, and makes ${link} lead to it.`,
  });
}

function silence({ lock, seal }: DaemonPaths, answerMs: number): DtError {
  const holder = readHolder(lock, { seal });
  const pid = holder.is === "there" ? ` (pid ${holder.value.holder.pid})` : "";
  return new DtError("no-answer", `The daemon${pid} did not answer within ${answerMs / 1000}s.`, {
    hint: "dt daemon restart",
  });
}

async function askOnce(
  paths: DaemonPaths,
  { request, answerMs }: { request: object; answerMs: number },
): Promise<{ data: unknown } | null> {
  const target = targetOf(paths.socket);
  if (target === null) return null;
  checkOwner(paths.socket, target);
  const { promise, resolve } = Promise.withResolvers<Reply | null>();
  let line: LineConnection;
  try {
    line = await connectForLines(target, {
      onMessage: (message) => resolve(message as Reply),
      onClose: () => resolve(null),
    });
  } catch (error) {
    if (["ENOENT", "ECONNREFUSED", "ENOTDIR"].includes(errnoOf(error) ?? "")) return null;
    if (isForeignSocket(error)) throw foreign(paths.socket, messageOf(error));
    throw new DtError(
      "daemon-socket",
      `The daemon's socket ${paths.socket} cannot be used: ${(error as Error).message}.`,
    );
  }
  const silent: Reply = { ok: false, error: "", code: "no-answer" };
  const timer = setTimeout(() => resolve(silent), answerMs);
  try {
    line.send(request);
    const reply = await promise;
    if (reply === null) return null; // it ended meanwhile
    if (reply.ok) return { data: reply.data };
    if (reply === silent) throw silence(paths, answerMs);
    throw new DtError(reply.code, `The daemon says: ${reply.error}`);
  } finally {
    clearTimeout(timer);
    line.close();
  }
}
