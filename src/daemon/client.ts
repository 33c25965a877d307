/** Asking the daemon: one request over one connection. */
import { readlinkSync } from "node:fs";
import { DtError, errnoOf } from "../sys/error.ts";
import { presenceOf } from "../sys/identity.ts";
import { connectForLines, type LineConnection } from "../sys/lines.ts";
import { readHolder } from "../sys/lock.ts";
import { makeProcessTable } from "../sys/process.ts";
import type { DaemonPaths } from "./paths.ts";
import type { Reply, Status } from "./protocol.ts";

/** One that is coming up is asked again. */
const TRIES = 5;
const BETWEEN_MS = 100;
const ANSWER_MS = 5000;

/** Null when no daemon runs. Throws what the daemon refuses, and when it does not answer in time. */
export async function askDaemon(
  paths: DaemonPaths,
  request: { cmd: string; [field: string]: unknown },
  { tries = TRIES, answerMs = ANSWER_MS } = {},
): Promise<unknown | null> {
  for (let left = tries; left > 0; left--) {
    const answer = await askOnce(paths, request, answerMs);
    if (answer !== null) return answer.data;
    if (!isComingUp(paths)) return null;
    if (left > 1) await Bun.sleep(BETWEEN_MS);
  }
  return null;
}

/** Somebody has the lock and does not listen yet. */
function isComingUp({ lock, seal }: DaemonPaths): boolean {
  const holder = readHolder(lock, seal);
  return (
    holder.is !== "absent" && (holder.is !== "there" || presenceOf(makeProcessTable(), holder.value.holder) !== "gone")
  );
}

export async function askStatus(paths: DaemonPaths, options?: { tries?: number }): Promise<Status | null> {
  return (await askDaemon(paths, { cmd: "status" }, options)) as Status | null;
}

/** The home's path may be longer than a socket's can be, what the link names is not. Null when there is none. */
function targetOf(link: string): string | null {
  try {
    return readlinkSync(link);
  } catch (error) {
    return errnoOf(error) === "EINVAL" ? link : null;
  }
}

async function askOnce(paths: DaemonPaths, request: object, answerMs: number): Promise<{ data: unknown } | null> {
  const target = targetOf(paths.socket);
  if (target === null) return null;
  const { promise, resolve } = Promise.withResolvers<Reply | null>();
  let line: LineConnection;
  try {
    line = await connectForLines(target, {
      onMessage: (message) => resolve(message as Reply),
      onClose: () => resolve(null),
    });
  } catch (error) {
    if (["ENOENT", "ECONNREFUSED", "ENOTDIR"].includes(errnoOf(error) ?? "")) return null;
    throw new DtError(
      "daemon-socket",
      `The daemon's socket ${paths.socket} cannot be used: ${(error as Error).message}.`,
    );
  }
  const timer = setTimeout(
    () => resolve({ ok: false, error: `no answer within ${answerMs} ms`, code: "no-answer" }),
    answerMs,
  );
  try {
    line.send(request);
    const reply = await promise;
    if (reply === null) return null; // it ended meanwhile
    if (reply.ok) return { data: reply.data };
    throw new DtError(reply.code, `The daemon says: ${reply.error}`);
  } finally {
    clearTimeout(timer);
    line.close();
  }
}
