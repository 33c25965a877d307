/**
 * Runs jobs, one at a time per target of a key, and keeps what became of each. A job outlives the daemon. Where no
 * process of dt was there to see one end, it is `lost`.
 */
import { join } from "node:path";
import type { World } from "../supervisor/ground/ground.ts";
import { messageOf } from "../sys/base/error.ts";
import { makePrivateDirectory } from "../sys/places/privatedirectory.ts";
import { isRootThere } from "../sys/places/root.ts";
import { identify, type ProcessTable, presenceOf } from "../sys/process/identity.ts";
import { jobPlaceOf, KEPT, pruneJobs, readJob, readJobs, writeJob } from "./files.ts";
import { countsIn, describeFailure, startJob } from "./jobchild.ts";
import type { JobFile, JobReport, JobRequest, Jobs, Log } from "./types.ts";

const LOOK_EVERY_MS = 100;
/** How long after a job's end its result may take to be written down. */
const WRITTEN_MS = 300;

interface JobsState {
  world: World;
  log: Log;
  onChange(job: JobReport): void;
  running: number;
  /** Jobs that this process ran: makes ids unique. */
  count: number;
  /** Jobs of an earlier daemon that still run: no other job of their target is run before they are over. */
  earlier: Map<string, Promise<void>>;
}

export function makeJobs(world: World, { log, onChange }: { log: Log; onChange: (job: JobReport) => void }): Jobs {
  const state: JobsState = { world, log, onChange, running: 0, count: 0, earlier: new Map() };
  return {
    run: (request) => run(state, request),
    running: () => state.running,
    list(roots, limit) {
      return roots
        .flatMap((root) => readJobs(jobPlaceOf(world, root), limit))
        .sort((a, b) => (a.started_at < b.started_at ? 1 : -1))
        .slice(0, limit)
        .map(reportOf);
    },
    settle(roots) {
      for (const root of roots)
        for (const job of readJobs(jobPlaceOf(world, root), KEPT))
          if (job.state === "running") state.earlier.set(nameOf(job), untilOver(state, job));
    },
  };
}

async function run(state: JobsState, request: JobRequest): Promise<JobReport> {
  const { root, key, target, source } = request;
  await state.earlier.get(nameOf(request));
  const begun = makeJob(state, request);
  const began = performance.now();
  if (!isRootThere(root)) {
    state.log("warn", "no job is run: the root was removed", { root, key, target, source });
    return reportOf({ ...begun, state: "failed", duration_ms: 0, error: `${root} was removed` });
  }
  state.running++;
  const end = await runToEnd(state, { job: begun, request }).finally(() => {
    state.running--;
  });
  const job: JobFile = { ...begun, ...end, process: null, duration_ms: Math.round(performance.now() - began) };
  write(state, job);
  prune(state, root);
  const level = job.state === "failed" ? "warn" : "info";
  state.log(level, `job ${job.state}`, { root, key, target, source, error: job.error });
  state.onChange(reportOf(job));
  return reportOf(job);
}

function makeJob(state: JobsState, { root, key, target, source }: JobRequest): JobFile {
  const { directory } = jobPlaceOf(state.world, root);
  // Names sort by time.
  const id = `${Date.now().toString(36)}-${process.pid.toString(36)}-${(state.count++).toString(36)}`;
  return {
    version: 1,
    id,
    root,
    key,
    target,
    source,
    state: "running",
    started_at: new Date().toISOString(),
    duration_ms: null,
    code: null,
    error: null,
    written: null,
    unchanged: null,
    log: join(directory, `${id}.log`),
    process: null,
  };
}

/** Never rejects: a job that could not be run has failed. */
async function runToEnd(
  state: JobsState,
  { job, request }: { job: JobFile; request: JobRequest },
): Promise<Partial<JobFile>> {
  const { world, onChange } = state;
  try {
    makePrivateDirectory(jobPlaceOf(world, job.root).directory);
    const child = startJob(world, { job, ...request });
    const entry = world.table.entry(child.pid);
    const running = { ...job, process: entry === null ? null : identify(world.table, entry) };
    write(state, running);
    onChange(reportOf(running));
    const code = await child.exited;
    const failed = code !== 0;
    return {
      ...countsIn(job.log),
      state: failed ? "failed" : "done",
      code: child.signalCode === null ? code : null,
      error: failed ? describeFailure(child, { code, log: job.log }) : null,
    };
  } catch (error) {
    return { state: "failed", error: messageOf(error) };
  }
}

/** A job that an earlier daemon ran. */
async function untilOver(state: JobsState, job: JobFile): Promise<void> {
  const { world, earlier } = state;
  while (!isOver(world.table, job)) await Bun.sleep(LOOK_EVERY_MS);
  // The process that runs it, a `dt watch` say, may live and write down how it ended.
  await Bun.sleep(WRITTEN_MS);
  if (readJob(jobPlaceOf(world, job.root), job.id)?.state === "running")
    write(state, {
      ...job,
      process: null,
      state: "lost",
      error: "it ended while no daemon was running, so nobody saw how",
    });
  earlier.delete(nameOf(job));
}

function isOver(table: ProcessTable, { process }: JobFile): boolean {
  return process === null || presenceOf(table, process) === "gone";
}

function write({ world, log }: JobsState, job: JobFile): void {
  try {
    writeJob(jobPlaceOf(world, job.root), job);
  } catch (error) {
    log("warn", messageOf(error), { root: job.root, key: job.key });
  }
}

function prune({ world, log }: JobsState, root: string): void {
  try {
    pruneJobs(jobPlaceOf(world, root));
  } catch (error) {
    log("warn", messageOf(error), { root });
  }
}

/** Jobs of the same name do not run at the same time. */
function nameOf({ root, key, target }: Pick<JobRequest, "root" | "key" | "target">): string {
  return `${root}\0${key}\0${target}`;
}

function reportOf({ version: _version, process: _process, ...job }: JobFile): JobReport {
  return job as JobReport;
}
