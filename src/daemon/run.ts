/**
 * The daemon: one per user, and nothing but what needs a long-lived process. It hosts no launch and remembers nothing
 * that is not on disk, so it can be killed at any time. From its begin to its end:
 *
 *   step                                      killed after it, the next daemon finds
 *   ---------------------------------------   -----------------------------------------------------------
 *   lock (identity of the holder)             a lock whose holder is gone: broken
 *   a socket without a listener removed       the same
 *   socket bound, link from the home          a socket without a listener: removed under the lock
 *   commands marked boot started              those that run are left alone, the others are started
 *   launches without a host given one         a launch with a host, or without: looked at again
 *   jobs                                      they run on; those that ended meanwhile are `lost`
 *   socket removed, lock given back           nothing
 */
import { makeJobs } from "../jobs/jobs.ts";
import type { Jobs, Log } from "../jobs/types.ts";
import type { World } from "../supervisor/ground/ground.ts";
import { DtError, EXIT } from "../sys/base/error.ts";
import { expectLongWork } from "../sys/base/jit.ts";
import { COMMIT, VERSION } from "../sys/base/version.ts";
import { acquireLock, type HeldLock, readHolder } from "../sys/lock/lock.ts";
import { notifyManager } from "../sys/net/notify.ts";
import { onEndSignal } from "../sys/terminal/endsignal.ts";
import { pluginOf } from "../values/key.ts";
import { answer, registeredAs, type Served } from "./answers.ts";
import { startAtBoot } from "./boot.ts";
import { type Dt, makeDt } from "./dt.ts";
import { type Events, makeEvents } from "./events.ts";
import { type Keeper, makeKeeper } from "./keep.ts";
import { openLog } from "./log.ts";
import { beginLooks } from "./looks.ts";
import { clearSocket, closeReach, openReach, type Reach, socketInUse, stayReachable } from "./reach.ts";
import { asStart, isFirstAct } from "./roots/project.ts";
import { knownRoots, registeredAt } from "./roots/roots.ts";
import { makeWatches, type Watches } from "./roots/watches.ts";
import { type Projects, watchProjects } from "./roots/watchroots.ts";
import { makeSchedules, type Schedules } from "./schedule.ts";
import { makeSections, type Sections } from "./sections.ts";
import { type DaemonPaths, makeDaemonHome } from "./socket/paths.ts";
import type { Status } from "./socket/protocol.ts";
import type { Answers } from "./socket/server.ts";
import { daemonStatusOf, factsOf } from "./status.ts";

export interface DaemonSetup {
  paths: DaemonPaths;
  env: Record<string, string>;
  world: World;
  command: string;
  /** Also gets what is logged. */
  echo: ((line: string) => void) | null;
}

interface Parts {
  dt: Dt;
  events: Events;
  jobs: Jobs;
  schedules: Schedules;
  watches: Watches;
  projects: Projects;
  sections: Sections;
  keeper: Keeper;
}

/** For the last replies and events to reach the kernel. */
const FLUSH_MS = 20;

/** Resolves when it has been asked to end, by a request or a signal. Throws when another one runs. */
export async function runDaemon(options: DaemonSetup): Promise<number> {
  const { paths, env, world, command, echo } = options;
  makeDaemonHome(paths);
  expectLongWork();
  const lock = await lockDaemon(paths, { world, command });
  const log = openLog({ paths, level: env.DIALTONE_LOG, echo });
  const ended = Promise.withResolvers<string>();
  onEndSignal({ signals: ["SIGTERM", "SIGINT", "SIGHUP"], prefersInterrupt: false }, ended.resolve);
  try {
    const socket = await clearSocket({ paths, env });
    const facts = factsOf(paths, env);
    const parts = makeParts(paths, { world, log });
    const status = (): Status =>
      daemonStatusOf(facts, {
        sections: parts.sections.all(),
        roots: [...parts.projects.all().keys()],
        clients: reach.server.clients(),
        running_jobs: parts.jobs.running(),
        waiting: parts.projects.waiting(),
      });
    const answers = answersOf(world, { parts, status, stop: () => setImmediate(() => ended.resolve("requested")) });
    const reach: Reach = openReach({ paths, env, answers, log }, socket);
    log("info", "started", { pid: process.pid, version: VERSION, commit: COMMIT });
    if (lock.broke !== null) log("warn", "the daemon before this one was killed");
    await serveUntil(options, { parts, reach, log, ended: ended.promise });
    return EXIT.done;
  } finally {
    lock.release();
  }
}

function makeParts(paths: DaemonPaths, { world, log }: { world: World; log: Log }): Parts {
  const dt = makeDt(world.env);
  const events = makeEvents(world, () => knownRoots(paths));
  const jobs = makeJobs(world, {
    log,
    onChange: (job) => {
      events.job(job);
      if (job.state !== "running") sections.refresh(job.root, pluginOf(job.key));
    },
  });
  const schedules = makeSchedules(jobs, log);
  const watches = makeWatches({ world, jobs, log, askedAt: (root) => registeredAt(paths, root) });
  const projects = watchProjects({
    world,
    paths,
    log,
    onIndex(root, index) {
      schedules.set(root, index);
      sections.set(root, index);
      watches.set(root, index);
    },
  });
  const sections = makeSections(dt, log);
  return { dt, events, jobs, schedules, watches, projects, sections, keeper: makeKeeper(world, { dt, log }) };
}

function answersOf(world: World, { parts, status, stop }: { parts: Parts } & Pick<Served, "status" | "stop">): Answers {
  const { dt, jobs, schedules, projects, events } = parts;
  const served: Served = {
    dt,
    jobs,
    schedules,
    status,
    stop,
    isFirstAct: (root) => isFirstAct(world, root),
    asStart: ({ root, key }, run) => asStart(world, { root, word: key, run }),
    projects: projects.all,
  };
  return {
    answer: (request) => answer(served, request),
    isRegistered: (cmd) => registeredAs(served, { cmd }) !== null,
    subscribe: events.subscribe,
  };
}

interface Serving {
  parts: Parts;
  reach: Reach;
  log: Log;
  /** Resolves with why the daemon ends. */
  ended: Promise<string>;
}

async function serveUntil({ paths, env, world }: DaemonSetup, { parts, reach, log, ended }: Serving): Promise<void> {
  const { dt, events, jobs, schedules, watches, projects, keeper } = parts;
  const boot = { world, paths, dt, log };
  const looks = beginLooks({
    paths,
    log,
    /** A root that is registered while the daemon runs is served like one that was registered before. */
    async refresh() {
      const added = await projects.refresh();
      if (added.length > 0) await startAtBoot(boot, added);
    },
    lookAtLaunches: keeper.look,
    lookAtRoots: watches.look,
    stayReachable: () => stayReachable(reach),
  });
  notifyManager(env.NOTIFY_SOCKET, "READY=1\nSTATUS=listening\n");
  jobs.settle(knownRoots(paths));
  await projects.refresh();
  void startAtBoot(boot, [...projects.all().keys()]).finally(looks.look);

  const why = await ended;
  log("info", `stopping: ${why}`);
  notifyManager(env.NOTIFY_SOCKET, "STOPPING=1\n");
  events.stopping();
  looks.close();
  schedules.close();
  projects.close();
  watches.close();
  dt.close();
  await Bun.sleep(FLUSH_MS);
  closeReach(reach);
}

async function lockDaemon(
  paths: DaemonPaths,
  { world: { table }, command }: { world: World; command: string },
): Promise<HeldLock> {
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
    const holder = readHolder(paths.lock, { seal: paths.seal });
    throw socketInUse(paths, holder.is === "there" ? holder.value.holder.pid : null);
  }
}
