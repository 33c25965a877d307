/**
 * The daemon: one a user, and nothing but what needs a long-lived process. It hosts no launch and remembers nothing that is not on disk, so it can be
 * killed at any time. From its begin to its end:
 *
 *   step                                      then killed, the next daemon finds
 *   ---------------------------------------   ----------------------------------------------------------------------
 *   lock (identity of the holder)             a lock whose holder is gone: broken
 *   a socket that nobody listens on removed   the same
 *   socket bound, link from the home          a socket that nobody listens on: removed under the lock
 *   what is marked boot started               what runs is left alone; what does not is started
 *   launches without a host given one         a launch with a host, or without: looked at again
 *   jobs                                      run on; ended meanwhile, they are `lost`
 *   socket removed, lock given back           nothing
 */

import { renameSync, statSync, symlinkSync } from "node:fs";
import { makeJobs } from "../jobs/jobs.ts";
import type { World } from "../supervisor/ground/ground.ts";
import { DtError, EXIT, messageOf } from "../sys/base/error.ts";
import { expectLongWork } from "../sys/base/jit.ts";
import { selfCommand } from "../sys/base/self.ts";
import { BUILD, COMMIT, VERSION } from "../sys/base/version.ts";
import { removeFile, temporaryName } from "../sys/files/files.ts";
import { acquireLock, readHolder } from "../sys/lock/lock.ts";
import { isListening } from "../sys/net/linesocket.ts";
import { notifyManager } from "../sys/net/notify.ts";
import { answer, registeredAs, type Served } from "./answers.ts";
import { startAtBoot } from "./boot.ts";
import { makeDt } from "./dt.ts";
import { makeEvents } from "./events.ts";
import { makeKeeper } from "./keep.ts";
import { openLog } from "./log.ts";
import { asStart, isFirstAct } from "./roots/project.ts";
import { knownRoots, registeredAt, rootsMark } from "./roots/roots.ts";
import { makeWatches } from "./roots/watches.ts";
import { watchProjects } from "./roots/watchroots.ts";
import { makeSchedules } from "./schedule.ts";
import { makeSections } from "./sections.ts";
import { type DaemonPaths, LABEL, linkedSocketOf, makeDaemonHome, realSocketOf } from "./socket/paths.ts";
import { PROTOCOL, type Status } from "./socket/protocol.ts";
import { type DaemonServer, serve } from "./socket/server.ts";

export interface DaemonOptions {
  paths: DaemonPaths;
  env: Record<string, string>;
  world: World;
  command: string;
  /** Also tells what it logs. */
  echo: ((line: string) => void) | null;
}

const LOOK_EVERY_MS = 3000;
/** After so many looks all is read again, whatever says that nothing changed. */
const LOOKS_UNTIL_ALL = 10;

/** Resolves when it has been asked to end, by a request or a signal. Throws when another one runs. */
export async function runDaemon({ paths, env, world, command, echo }: DaemonOptions): Promise<number> {
  makeDaemonHome(paths);
  expectLongWork();
  const lock = await lockDaemon(paths, world, command);
  const log = openLog({ paths, level: env.DIALTONE_LOG, echo });
  const ended = Promise.withResolvers<string>();
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => ended.resolve(signal));
  try {
    let socket = await clearSocket(paths, env);
    const began = Math.floor(Date.now() / 1000);
    const self = selfCommand()[0] as string;
    const buildThen = markOf(self);

    const dt = makeDt(world.env);
    const events = makeEvents(world, () => knownRoots(paths));
    const jobs = makeJobs(world, log, (job) => {
      events.job(job);
      if (job.state !== "running") sections.refresh(job.root, job.key.split(":")[0] as string);
    });
    const schedules = makeSchedules(jobs, log);
    const watches = makeWatches({ world, jobs, log, askedAt: (root) => registeredAt(paths, root) });
    const projects = watchProjects(world, paths, log, (root, index) => {
      schedules.set(root, index);
      sections.set(root, index);
      watches.set(root, index);
    });
    const sections = makeSections(dt, log);
    const keeper = makeKeeper(world, dt, log);

    let server: DaemonServer | null = null;
    const status = (): Status => ({
      projects_root: null,
      codebase_count: 0,
      codebases: [],
      ...sections.all(),
      running: true,
      pid: process.pid,
      version: VERSION,
      commit: COMMIT,
      build: BUILD,
      protocol: PROTOCOL,
      label: LABEL,
      socket: paths.socket,
      started_at_unix: began,
      roots: [...projects.all().keys()],
      manager: managerOf(env),
      binary: self,
      upgraded: markOf(self) !== buildThen,
      clients: server?.clients() ?? 0,
      running_jobs: jobs.running(),
      waiting: projects.waiting(),
    });
    const served: Served = {
      dt,
      jobs,
      schedules,
      status,
      stop: () => setImmediate(() => ended.resolve("a request")),
      isFirstAct: (root) => isFirstAct(world, root),
      asStart: (root, key, run) => asStart(world, root, key, run),
      projects: projects.all,
    };
    const answers = {
      answer: (request: Parameters<typeof answer>[1]) => answer(served, request),
      isRegistered: (cmd: string) => registeredAs(served, cmd) !== null,
      subscribe: events.subscribe,
    };
    const listen = () => {
      server = serve(socket, answers, log);
      linkSocket(paths, socket);
    };
    /** Somebody cleared the directory for temporary files, or put something else in its place: nobody could reach the daemon any more. */
    const stayReachable = async () => {
      if (server?.isReachable()) {
        if (linkedSocketOf(paths) === socket) return;
        log("warn", `${paths.socket} did not lead to the daemon's socket; it is made again`);
        return linkSocket(paths, socket);
      }
      log("warn", "the socket was removed; it is made again");
      socket = await clearSocket(paths, env);
      server?.stop();
      listen();
    };
    listen();
    log("info", "began", { pid: process.pid, version: VERSION, commit: COMMIT });
    if (lock.broke !== null) log("warn", "the daemon before this one was killed");

    /** A root that is registered while the daemon runs is served as one that it begins with. */
    const refresh = async () => {
      const added = await projects.refresh();
      if (added.length > 0) await startAtBoot(world, paths, added, dt, log);
    };
    let isListeningAgain = false;
    let looks = 0;
    let mark = "";
    let roots: string[] = [];
    const look = () => {
      const now = rootsMark(paths);
      if (now !== mark || looks++ % LOOKS_UNTIL_ALL === 0) {
        mark = now;
        roots = knownRoots(paths);
        void refresh();
      }
      keeper.look(roots);
      watches.look();
      if (!isListeningAgain) {
        isListeningAgain = true;
        void stayReachable()
          .catch((error) => log("error", messageOf(error)))
          .finally(() => {
            isListeningAgain = false;
          });
      }
    };
    const timer = setInterval(() => {
      try {
        look();
      } catch (error) {
        log("error", messageOf(error));
      }
    }, LOOK_EVERY_MS);

    notifyManager(env.NOTIFY_SOCKET, "READY=1\nSTATUS=listening\n");
    jobs.settle(knownRoots(paths));
    await projects.refresh();
    void startAtBoot(world, paths, [...projects.all().keys()], dt, log).finally(look);

    const why = await ended.promise;
    log("info", `ends: ${why}`);
    notifyManager(env.NOTIFY_SOCKET, "STOPPING=1\n");
    events.stopping();
    clearInterval(timer);
    schedules.close();
    projects.close();
    watches.close();
    dt.close();
    await Bun.sleep(FLUSH_MS);
    (server as DaemonServer | null)?.stop();
    unlinkSocket(paths, socket);
    return EXIT.done;
  } finally {
    lock.release();
  }
}

/** For what was sent last to be with the kernel. */
const FLUSH_MS = 20;

async function lockDaemon(paths: DaemonPaths, { table }: World, command: string) {
  try {
    return await acquireLock({
      path: paths.lock,
      seal: paths.seal,
      table,
      doing: "run the daemon",
      command,
      timeoutMs: 0,
    });
  } catch (error) {
    if (!(error instanceof DtError) || error.code !== "lock-timeout") throw error;
    const holder = readHolder(paths.lock, paths.seal);
    throw inUse(paths, holder.is === "there" ? holder.value.holder.pid : null);
  }
}

/** Gives the path to bind. What nobody of this user listens on is removed, under the daemon's lock: the directory is this user's alone. */
async function clearSocket(paths: DaemonPaths, env: Record<string, string>): Promise<string> {
  const socket = realSocketOf(paths, env);
  if (await isListening(socket)) {
    // Its lock was removed, or it is of another home that is the same directory.
    throw inUse(paths, await pidOf(paths));
  }
  removeFile(socket);
  return socket;
}

async function pidOf(paths: DaemonPaths): Promise<number | null> {
  const { askStatus } = await import("./socket/client.ts");
  try {
    return (await askStatus(paths, { tries: 1 }))?.pid ?? null;
  } catch {
    return null;
  }
}

function inUse({ socket }: DaemonPaths, pid: number | null): DtError {
  return new DtError(
    "daemon-runs",
    `The daemon's socket ${socket} is already in use${pid === null ? "" : ` by pid ${pid}`}.`,
    {
      hint: "dt daemon status shows it; dt daemon restart puts this dt in its place.",
      details: { pid },
    },
  );
}

function linkSocket(paths: DaemonPaths, socket: string): void {
  const temporary = temporaryName(paths.socket);
  symlinkSync(socket, temporary);
  renameSync(temporary, paths.socket);
}

function unlinkSocket(paths: DaemonPaths, socket: string): void {
  try {
    if (linkedSocketOf(paths) === socket) removeFile(paths.socket);
  } catch {
    // on a read-only disk by now
  }
}

/** Changes when another build is put in the binary's place. */
function markOf(binary: string): string {
  const stat = statSync(binary, { throwIfNoEntry: false });
  return stat === undefined ? "-" : `${stat.dev} ${stat.ino} ${stat.mtimeMs} ${stat.size}`;
}

/** As the unit that `dt daemon install` writes says. */
function managerOf({ DIALTONE_MANAGER }: Record<string, string>): Status["manager"] {
  return DIALTONE_MANAGER === "systemd" || DIALTONE_MANAGER === "launchd" ? DIALTONE_MANAGER : null;
}
