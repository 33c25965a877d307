/**
 * What the daemon ran: a file a job in `jobs/` of the root's run directory, with its output beside it. A job outlives the daemon; how one ended that
 * ended meanwhile, nobody saw: `lost`.
 */

import { closeSync, constants, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readLastLines } from "../logs/tail.ts";
import type { World } from "../supervisor/ground/ground.ts";
import { messageOf } from "../sys/base/error.ts";
import { sameBuildCommand } from "../sys/base/self.ts";
import { descendInto } from "../sys/files/descend.ts";
import { openOwnForOthers } from "../sys/files/door.ts";
import { removeOwn, writeOwn } from "../sys/files/files.ts";
import { checkPrivateDirectory, makePrivateDirectory, runDirectoryOf } from "../sys/places/paths.ts";
import { isRootThere } from "../sys/places/root.ts";
import { identify, type ProcessTable, presenceOf } from "../sys/process/identity.ts";
import { makeSeal, type Seal } from "../sys/seal/seal.ts";
import { readSealed, writeSealed } from "../sys/seal/sealed.ts";
import { bunSpawn } from "../sys/spawn/bunspawn.ts";
import { withCleanLimits } from "../sys/spawn/limits.ts";
import { parseKey } from "../values/key.ts";
import type { JobFile, JobReport, JobRequest, Jobs, Log } from "./types.ts";

/** Earlier jobs that are kept, of each root. */
const KEPT = 200;
const SHOWN_LINES = 5;
const LOOK_EVERY_MS = 100;
/** How long after a job's end its result may take to be written down. */
const WRITTEN_MS = 300;
const MOST_PATH_BYTES = 64 * 1024;

export function makeJobs(world: World, log: Log, onChange: (job: JobReport) => void): Jobs {
  let running = 0;
  let count = 0;
  const earlier = new Map<string, Promise<void>>();
  const nameOf = ({ root, key, target }: Pick<JobRequest, "root" | "key" | "target">) => `${root}\0${key}\0${target}`;

  async function run(request: JobRequest): Promise<JobReport> {
    const { root, key, kind, target, source, paths = [], env = {} } = request;
    await earlier.get(nameOf(request));
    const { directory } = jobsIn(world, root);
    // Names sort by time.
    const id = `${Date.now().toString(36)}-${process.pid.toString(36)}-${(count++).toString(36)}`;
    const began = performance.now();
    let job: JobFile = {
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
    if (!isRootThere(root)) {
      job = { ...job, state: "failed", duration_ms: 0, error: `${root} was removed` };
      log("warn", "no job is run: the root was removed", { root, key, target, source });
      return reportOf(job);
    }
    running++;
    try {
      makePrivateDirectory(directory);
      const child = start(world, job, kind, { ...environmentOf(job, paths), ...env });
      const entry = world.table.entry(child.pid);
      job = { ...job, process: entry === null ? null : identify(world.table, entry) };
      write(job);
      onChange(reportOf(job));
      const code = await child.exited;
      const failed = code !== 0;
      job = {
        ...job,
        ...countsIn(job.log),
        process: null,
        state: failed ? "failed" : "done",
        duration_ms: Math.round(performance.now() - began),
        code: child.signalCode === null ? code : null,
        error: failed ? wordsOf(child, code, job.log) : null,
      };
    } catch (error) {
      job = {
        ...job,
        process: null,
        state: "failed",
        duration_ms: Math.round(performance.now() - began),
        error: messageOf(error),
      };
    } finally {
      running--;
    }
    write(job);
    pruneOrWarn(directory, root);
    log(job.state === "failed" ? "warn" : "info", `job ${job.state}`, { root, key, target, source, error: job.error });
    onChange(reportOf(job));
    return reportOf(job);
  }

  async function untilOver(job: JobFile): Promise<void> {
    while (!isOver(world.table, job)) await Bun.sleep(LOOK_EVERY_MS);
    // Whoever runs it, a `dt watch` say, may live and write down how it ended.
    await Bun.sleep(WRITTEN_MS);
    const { directory, seal } = jobsIn(world, job.root);
    const now = readSealed(join(directory, `${job.id}.json`), seal, (value) => value as JobFile);
    if (now.is === "there" && now.value.state === "running")
      write({ ...job, process: null, state: "lost", error: "it ended when no daemon ran: nobody saw how" });
    earlier.delete(nameOf(job));
  }

  function pruneOrWarn(directory: string, root: string): void {
    try {
      prune(directory);
    } catch (error) {
      log("warn", messageOf(error), { root });
    }
  }

  function write(job: JobFile): void {
    try {
      const { directory, seal } = jobsIn(world, job.root);
      writeSealed(join(directory, `${job.id}.json`), seal, job);
    } catch (error) {
      log("warn", messageOf(error), { root: job.root, key: job.key });
    }
  }

  return {
    run,
    running: () => running,
    list(roots, limit) {
      return roots
        .flatMap((root) => readJobs(jobsIn(world, root), limit))
        .sort((a, b) => (a.started_at < b.started_at ? 1 : -1))
        .slice(0, limit)
        .map(reportOf);
    },
    settle(roots) {
      for (const root of roots)
        for (const job of readJobs(jobsIn(world, root), KEPT))
          if (job.state === "running") earlier.set(nameOf(job), untilOver(job));
    },
  };
}

function start(world: World, job: JobFile, kind: JobRequest["kind"], env: Record<string, string>) {
  const { plugin, command, variant } = parseKey(job.key) ?? { plugin: "", command: "", variant: "" };
  const words = [
    "--",
    plugin,
    command,
    ...(variant === "default" ? [] : [variant]),
    ...(kind === "managed" ? ["-d"] : []),
  ];
  const fd = openOwnForOthers(job.log, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT);
  try {
    return withCleanLimits(null, () =>
      bunSpawn([...sameBuildCommand(), "-C", job.root, ...words], {
        cwd: job.root,
        env: { ...world.env, ...env },
        detached: true,
        stdin: "ignore",
        stdout: fd,
        stderr: fd,
      }),
    );
  } finally {
    closeSync(fd);
  }
}

/** What a job is told. More paths than a variable can hold are in the file alone. */
function environmentOf({ id, target, source, log }: JobFile, paths: readonly string[]): Record<string, string> {
  const told = { DIALTONE_JOB: id, DIALTONE_TARGET: target, DIALTONE_SOURCE: source };
  if (paths.length === 0) return told;
  const file = log.replace(/log$/, "paths");
  writeOwn(file, JSON.stringify(paths), { durable: false });
  const lines = paths.join("\n");
  return {
    ...told,
    DIALTONE_PATHS_FILE: file,
    ...(Buffer.byteLength(lines) <= MOST_PATH_BYTES ? { DIALTONE_PATHS: lines } : {}),
  };
}

/** A one-shot that works on files may say how many, on its last line: `{"written": 2, "unchanged": 5}`. */
function countsIn(path: string): Pick<JobReport, "written" | "unchanged"> {
  try {
    const told = JSON.parse(readLastLines(path, 1)[0] ?? "") as Partial<Record<"written" | "unchanged", unknown>>;
    const count = (value: unknown) => (typeof value === "number" ? value : null);
    return { written: count(told?.written), unchanged: count(told?.unchanged) };
  } catch {
    return { written: null, unchanged: null };
  }
}

function wordsOf({ signalCode }: { signalCode: unknown }, code: number, path: string): string {
  const how = signalCode === null ? `it ended with ${code}` : `it was ended by ${signalCode}`;
  const last = readLastLines(path, SHOWN_LINES).join("\n").trim();
  return last === "" ? how : `${how}: ${last}`;
}

function isOver(table: ProcessTable, { process }: JobFile): boolean {
  return process === null || presenceOf(table, process) === "gone";
}

interface JobsIn {
  directory: string;
  /** Of the run directory. */
  seal: Seal;
}

function jobsIn({ env, home }: World, root: string): JobsIn {
  const run = runDirectoryOf(root, env);
  return { directory: join(run, "jobs"), seal: makeSeal(run, home) };
}

/** None where the directory is not dt's own. */
function namesIn(directory: string): string[] {
  try {
    checkPrivateDirectory(directory);
    return descendInto(directory, (at) => readdirSync(at))
      .filter((name) => name.endsWith(".json"))
      .sort()
      .reverse();
  } catch {
    return [];
  }
}

function readJobs({ directory, seal }: JobsIn, limit: number): JobFile[] {
  return namesIn(directory)
    .slice(0, limit)
    .flatMap((name) => {
      const read = readSealed(join(directory, name), seal, (value) => value as JobFile);
      return read.is === "there" && read.value?.version === 1 ? [read.value] : [];
    });
}

function prune(directory: string): void {
  for (const name of namesIn(directory).slice(KEPT)) {
    for (const more of ["json", "log", "paths"]) {
      const path = join(directory, name.replace(/json$/, more));
      if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) removeOwn(path);
    }
  }
}

function reportOf({ version: _version, process: _process, ...job }: JobFile): JobReport {
  return job as JobReport;
}
