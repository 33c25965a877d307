/**
 * Where the daemon can be reached: a socket whose path is short, and a link to it in the home. Both are made again when
 * they are removed while it runs, for example by a tool that clears temporary files: without them no client reaches it.
 */
import { renameSync, symlinkSync } from "node:fs";
import type { Log } from "../jobs/types.ts";
import { DtError } from "../sys/base/error.ts";
import { temporaryName } from "../sys/door/temporaryname.ts";
import { removeFile } from "../sys/files/removal.ts";
import { isListening } from "../sys/net/lineclient.ts";
import { type DaemonPaths, linkedSocketOf, realSocketOf } from "./socket/paths.ts";
import { type Answers, type DaemonServer, serve } from "./socket/server.ts";

export interface ReachOptions {
  paths: DaemonPaths;
  env: Record<string, string>;
  answers: Answers;
  log: Log;
}

export interface Reach extends ReachOptions {
  socket: string;
  server: DaemonServer;
}

/**
 * Returns the path to bind. A socket at that path that no process of this user listens on is removed, under the
 * daemon's lock: the directory is this user's alone.
 */
export async function clearSocket({ paths, env }: Pick<ReachOptions, "paths" | "env">): Promise<string> {
  const socket = realSocketOf(paths, env);
  if (await isListening(socket)) {
    // Its lock was removed, or it belongs to another home that is the same directory.
    throw socketInUse(paths, await pidOf(paths));
  }
  removeFile(socket);
  return socket;
}

export function openReach(options: ReachOptions, socket: string): Reach {
  const server = serve(socket, { answers: options.answers, log: options.log });
  linkSocket(options.paths, socket);
  return { ...options, socket, server };
}

/** Makes the socket, or the link to it, again where it is not there any more. */
export async function stayReachable(reach: Reach): Promise<void> {
  const { paths, answers, log } = reach;
  if (reach.server.isReachable()) {
    if (linkedSocketOf(paths) === reach.socket) return;
    log("warn", `${paths.socket} did not lead to the daemon's socket; it is made again`);
    return linkSocket(paths, reach.socket);
  }
  log("warn", "the socket was removed; it is made again");
  reach.socket = await clearSocket(reach);
  reach.server.stop();
  reach.server = serve(reach.socket, { answers, log });
  linkSocket(paths, reach.socket);
}

export function closeReach({ server, paths, socket }: Reach): void {
  server.stop();
  try {
    if (linkedSocketOf(paths) === socket) removeFile(paths.socket);
  } catch {
    // the disk is read-only by now
  }
}

export function socketInUse({ socket }: DaemonPaths, pid: number | null): DtError {
  return new DtError(
    "daemon-runs",
    `The daemon's socket ${socket} is already in use${pid === null ? "" : ` by pid ${pid}`}.`,
    {
      hint: "dt daemon status shows it; dt daemon restart puts this dt in its place.",
      details: { pid },
    },
  );
}

async function pidOf(paths: DaemonPaths): Promise<number | null> {
  const { askStatus } = await import("./socket/client.ts");
  try {
    return (await askStatus(paths, { tries: 1 }))?.pid ?? null;
  } catch {
    return null;
  }
}

function linkSocket(paths: DaemonPaths, socket: string): void {
  const temporary = temporaryName(paths.socket);
  symlinkSync(socket, temporary);
  renameSync(temporary, paths.socket);
}
