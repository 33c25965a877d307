/**
 * Spawns the daemon, waits for it and ends it, on behalf of a command. Whether one runs is in its lock, whether it
 * answers is asked over its socket. Nothing here needs a running daemon.
 */
import { sharedHostEnvironment } from "../supervisor/prepare/selfenv.ts";
import { DtError, messageOf } from "../sys/base/error.ts";
import { selfCommand } from "../sys/base/self.ts";
import { readHolder } from "../sys/lock/lock.ts";
import { type ProcessIdentity, type ProcessTable, presenceOf } from "../sys/process/identity.ts";
import { makeProcessTable } from "../sys/process/table.ts";
import { spawnDetached } from "../sys/spawn/spawn.ts";
import { FLAG } from "../sys/text/flags.ts";
import { formatDuration } from "../values/duration.ts";
import { askDaemon, askStatus, isForeignSocket } from "./socket/client.ts";
import { type DaemonPaths, makeDaemonHome, realSocketOf } from "./socket/paths.ts";
import type { Status } from "./socket/protocol.ts";

export interface DaemonPlace {
  env: Record<string, string>;
  paths: DaemonPaths;
}

const START_MS = 15_000;
const STOP_MS = 15_000;
/** The daemon looks every three seconds which roots are registered. */
const TAKEN_MS = 6000;
const SIGKILL = 9;
const SIGTERM = 15;

/** In a session of its own; its output goes to a file in the daemon's home. Does not wait until it answers. */
export function spawnDaemon({ env, paths }: DaemonPlace): void {
  makeDaemonHome(paths);
  // Throws here if the socket has no usable place; the daemon would only write that to its own log.
  realSocketOf(paths, env);
  const child = spawnDetached([...selfCommand(), "daemon", "start", FLAG.foreground, FLAG.quiet], {
    env: sharedHostEnvironment(env, paths.home),
    errorFile: paths.errors,
  });
  void child.stdout.cancel();
  child.unref();
}

/** Until a daemon answers whose status is as wanted. Throws `daemon-lost` after 15 s. */
export async function awaitStatus(paths: DaemonPaths, isIt: (status: Status) => boolean = () => true): Promise<Status> {
  const deadline = performance.now() + START_MS;
  for (;;) {
    const status = await askStatus(paths, { tries: 1 }).catch(() => null);
    if (status !== null && isIt(status)) return status;
    if (performance.now() > deadline) {
      throw new DtError("daemon-lost", `The daemon did not answer within ${formatDuration(START_MS)}.`, {
        hint: "dt daemon logs shows what it wrote.",
      });
    }
    await Bun.sleep(10);
  }
}

/**
 * Until the daemon works for a root that was just registered, at most 6 s. If it cannot work for the root, its log says
 * so, and the last status is returned.
 */
export async function awaitRoot(
  paths: DaemonPaths,
  { status, root }: { status: Status; root: string },
): Promise<Status> {
  const deadline = performance.now() + TAKEN_MS;
  let now = status;
  while (!now.roots.includes(root) && performance.now() < deadline) {
    await Bun.sleep(10);
    now = (await askStatus(paths, { tries: 1 }).catch(() => null)) ?? now;
  }
  return now;
}

/** The daemon that lives, from its lock; null when none does. */
export function holderOf({ lock, seal }: DaemonPaths, table: ProcessTable): ProcessIdentity | null {
  const read = readHolder(lock, { seal });
  return read.is === "there" && presenceOf(table, read.value.holder) === "alive" ? read.value.holder : null;
}

export interface DaemonEnd {
  /** False when none ran. */
  stopped: boolean;
  /** Which one ended; null when its lock did not say. */
  pid: number | null;
  /** Whether dt ended it by SIGKILL. */
  killed: boolean;
  /** The error if another user's process answered in the daemon's place. */
  foreign: unknown;
}

/**
 * Ends the daemon and waits until it is gone. A daemon that does not answer is killed, which it is made for. One that
 * cannot be asked because its link leads elsewhere gets SIGTERM first. Throws `daemon-stuck` when SIGKILL does not end
 * it.
 */
export async function endDaemon(paths: DaemonPaths): Promise<DaemonEnd> {
  const table = makeProcessTable();
  const holder = holderOf(paths, table);
  let foreign: unknown = null;
  const answer = await askDaemon(paths, { ask: { cmd: "stop" } }).catch((error) => {
    if (isForeignSocket(error)) foreign = error;
    return messageOf(error);
  });
  if ((answer === null || foreign !== null) && holder === null)
    return { stopped: false, pid: null, killed: false, foreign };
  if (holder === null) return { stopped: true, pid: null, killed: false, foreign };
  let killed = (typeof answer === "string" || answer === null) && foreign === null;
  if (killed) table.signal(holder, SIGKILL);
  else if (foreign !== null) table.signal(holder, SIGTERM);
  const deadline = performance.now() + STOP_MS;
  while (presenceOf(table, holder) === "alive") {
    if (performance.now() > deadline) {
      killed = true;
      table.signal(holder, SIGKILL);
    }
    if (performance.now() > deadline + STOP_MS)
      throw new DtError("daemon-stuck", `The daemon (pid ${holder.pid}) does not end, not even by SIGKILL.`);
    await Bun.sleep(5);
  }
  return { stopped: true, pid: holder.pid, killed, foreign };
}
