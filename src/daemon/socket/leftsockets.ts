/**
 * What a daemon that was killed leaves behind: its socket, and the link to it in the home. They are removed under the
 * daemon's lock, so never those of a daemon that lives or comes up; and only if they are this user's, are named as a
 * daemon of this home names them, and no process answers.
 */
import { lstatSync, type Stats } from "node:fs";
import { basename } from "node:path";
import { DtError } from "../../sys/base/error.ts";
import { removeFile } from "../../sys/files/removal.ts";
import { acquireLock } from "../../sys/lock/lock.ts";
import { isListening } from "../../sys/net/lineclient.ts";
import { ownUid } from "../../sys/places/ownplace.ts";
import type { ProcessTable } from "../../sys/process/identity.ts";
import { type DaemonPaths, linkedSocketOf, socketNameOf } from "./paths.ts";

/** Those that are there now; empty where a process answers, or one of them is another user's. */
export async function findLeftSockets(paths: DaemonPaths): Promise<string[]> {
  const link = statOrNull(paths.socket);
  if (link === null || link.uid !== ownUid()) return [];
  if (link.isSocket()) return (await isListening(paths.socket)) ? [] : [paths.socket];
  const target = linkedSocketOf(paths);
  if (target === null || basename(target) !== socketNameOf(paths)) return [];
  const socket = statOrNull(target);
  if (socket === null) return [paths.socket];
  if (!socket.isSocket() || socket.uid !== ownUid() || (await isListening(target))) return [];
  return [paths.socket, target];
}

/** Returns the paths that it removed. */
export async function removeLeftSockets(
  paths: DaemonPaths,
  { table, command }: { table: ProcessTable; command: string },
): Promise<string[]> {
  if ((await findLeftSockets(paths)).length === 0) return [];
  const request = { path: paths.lock, seal: paths.seal, table, doing: "remove its socket", command, timeoutMs: 0 };
  const lock = await acquireLock(request).catch((error) => {
    if (error instanceof DtError && error.code === "lock-timeout") return null; // a daemon lives, or comes up
    throw error;
  });
  if (lock === null) return [];
  try {
    const left = await findLeftSockets(paths);
    for (const path of left) removeFile(path);
    return left;
  } finally {
    lock.release();
  }
}

function statOrNull(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch {
    return null; // not there, or in a directory that may not be read
  }
}
