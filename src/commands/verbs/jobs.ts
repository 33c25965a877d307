/**
 * `dt jobs`: the jobs that ran for watched files, schedules and the socket, read from disk, with or without a daemon.
 */
import { closeSync, constants, readFileSync } from "node:fs";
import { waitsIn } from "../../daemon/roots/project.ts";
import { registeredRoots } from "../../daemon/roots/roots.ts";
import { askDaemon } from "../../daemon/socket/client.ts";
import { daemonPaths } from "../../daemon/socket/paths.ts";
import { makeJobs } from "../../jobs/jobs.ts";
import type { JobReport } from "../../jobs/types.ts";
import { formatLines } from "../../output/lines.ts";
import { formatTable } from "../../output/table.ts";
import { makePaint } from "../../output/talk.ts";
import { listRootsIn } from "../../state/roots.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { openOwn } from "../../sys/door/door.ts";
import { homeDirectory } from "../../sys/places/paths.ts";
import { makeProcessTable } from "../../sys/process/table.ts";
import { print, printBytes } from "../../sys/stdio/stdio.ts";
import { formatDuration } from "../../values/duration.ts";
import { wordsOfWaiting } from "../context/once.ts";
import type { DtContext } from "../context/types.ts";
import { countOf } from "../parse/values.ts";
import { defineVerb } from "../parse/verb.ts";
import { tellUnserved } from "../root/unserved.ts";

const DEFAULT_LIMIT = 20;
/** More than are kept of a root. */
const ALL = 1000;

interface Due {
  root: string;
  key: string;
  schedule: string;
  next_at: string | null;
}

export default defineVerb({
  args: {
    lines: { type: "string", alias: "n", description: "How many, the newest first. Default 20", valueHint: "20" },
    "all-roots": { type: "boolean", description: "Include every project in which you ever started something" },
    _: { type: "positional", required: false, description: "A job's id", valueHint: "id" },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    const { env, globals } = context;
    const home = homeDirectory(env);
    const roots =
      args["all-roots"] && home !== null
        ? listRootsIn(daemonPaths(home).roots).map(({ root }) => root)
        : [context.root()];
    const jobs = makeJobs({ home: home ?? "", env, table: makeProcessTable() }, { log: () => {}, onChange: () => {} });
    const [id] = args._;
    if (id !== undefined) return showOutput(jobs.list(roots, ALL), id);
    const shown = jobs.list(roots, countOf("--lines", args.lines) ?? DEFAULT_LIMIT);
    if (globals.json) {
      print(`${JSON.stringify(shown)}\n`);
      for (const text of waitingOf(context, { home, roots })) context.talk.warn(text);
      return EXIT.done;
    }
    const due = home === null ? [] : await dueOf(home, roots);
    print(formatJobs(context, { jobs: shown, due }));
    for (const text of waitingOf(context, { home, roots })) print(`\n${formatLines([text])}`);
    const index = args["all-roots"] ? null : await context.peek();
    if (index !== null) tellUnserved(context, index);
    return EXIT.done;
  },
});

/** Said each time: a user who asks what the daemon does should know which changes it does not follow. */
function waitingOf({ env }: DtContext, { home, roots }: { home: string | null; roots: readonly string[] }): string[] {
  if (home === null) return [];
  const registered = new Set(registeredRoots(daemonPaths(home)));
  return roots.flatMap((root) => {
    const { files } = registered.has(root) ? waitsIn({ home, env }, root) : { files: [] };
    return files.length === 0 ? [] : [`${roots.length > 1 ? `${root}: ` : ""}${wordsOfWaiting(root, files)}`];
  });
}

async function dueOf(home: string, roots: readonly string[]): Promise<Due[]> {
  const answer = (await askDaemon(daemonPaths(home), { ask: { cmd: "jobs", limit: 1 }, tries: 1 }).catch(
    () => null,
  )) as {
    due?: Due[];
  } | null;
  return (answer?.due ?? []).filter(({ root }) => roots.includes(root));
}

function showOutput(all: readonly JobReport[], id: string): number {
  const job = all.find((one) => one.id === id);
  if (job === undefined) {
    throw new DtError("no-job", `There is no job ${JSON.stringify(id)}.`, {
      status: EXIT.usage,
      hint: "dt jobs lists them.",
    });
  }
  printBytes(outputOf(job));
  return EXIT.done;
}

function outputOf({ id, log }: JobReport): Uint8Array {
  try {
    const fd = openOwn(log, { flags: constants.O_RDONLY });
    try {
      return readFileSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    throw new DtError("no-log", `The output of ${id} is gone (${log}).`);
  }
}

function formatJobs(context: DtContext, { jobs, due }: { jobs: readonly JobReport[]; due: readonly Due[] }): string {
  const paint = makePaint(context.colored());
  const now = Date.now();
  const rows = jobs.map((job) => [
    job.id,
    job.state === "failed" ? paint.red(job.state) : job.state,
    job.key,
    job.target === job.key ? "-" : job.target,
    job.source,
    formatDuration(Math.max(0, now - Date.parse(job.started_at))),
    job.duration_ms === null ? "-" : formatDuration(job.duration_ms),
    job.error?.split("\n")[0]?.slice(0, 80) ??
      (job.written === null ? "" : `${job.written} written, ${job.unchanged ?? 0} unchanged`),
  ]);
  const head = ["ID", "STATE", "KEY", "TARGET", "SOURCE", "AGO", "TOOK", "RESULT"].map(paint.bold);
  const table = rows.length === 0 ? "Nothing was run.\n" : formatTable([head, ...rows]);
  if (due.length === 0) return table;
  const next = due.map((one) => [
    one.key,
    one.schedule,
    one.next_at === null ? "never" : `in ${formatDuration(Math.max(0, Date.parse(one.next_at) - now))}`,
  ]);
  return `${table}\n${formatTable([["DUE", "SCHEDULE", "NEXT"].map(paint.bold), ...next])}`;
}
