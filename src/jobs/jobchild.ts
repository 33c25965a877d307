/**
 * A job's process: dt itself, in a session of its own, so that it outlives the daemon; and what is learned from its end
 * and from its output.
 */
import { closeSync, constants } from "node:fs";
import { readLastLines } from "../logs/tail.ts";
import type { World } from "../supervisor/ground/ground.ts";
import { selfArgv } from "../supervisor/launch/selfargv.ts";
import { sameBuildCommand } from "../sys/base/self.ts";
import { openOwnForOthers } from "../sys/door/door.ts";
import { writeOwn } from "../sys/files/filewrite.ts";
import { bunSpawn } from "../sys/spawn/bunspawn.ts";
import { withCleanLimits } from "../sys/spawn/childstart.ts";
import { FLAG } from "../sys/text/flags.ts";
import { keyWords } from "../values/key.ts";
import type { JobFile, JobReport, JobRequest } from "./types.ts";

const SHOWN_LINES = 5;
const MOST_PATH_BYTES = 64 * 1024;

export function startJob(world: World, { job, kind, paths = [], env = {} }: { job: JobFile } & JobRequest) {
  const own = environmentOf(job, paths);
  const words = ["--", ...keyWords(job.key), ...(kind === "managed" ? [FLAG.detach] : [])];
  const fd = openOwnForOthers(job.log, { flags: constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT });
  try {
    return withCleanLimits({ openFiles: null }, () =>
      bunSpawn(selfArgv(sameBuildCommand(), { root: job.root, words }), {
        cwd: job.root,
        env: { ...world.env, ...own, ...env },
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

/** What a job can read about itself. More paths than a variable can hold are in the file alone. */
function environmentOf({ id, target, source, log }: JobFile, paths: readonly string[]): Record<string, string> {
  const facts = { DIALTONE_JOB: id, DIALTONE_TARGET: target, DIALTONE_SOURCE: source };
  if (paths.length === 0) return facts;
  const file = log.replace(/log$/, "paths");
  writeOwn(file, { text: JSON.stringify(paths), durable: false });
  const lines = paths.join("\n");
  return {
    ...facts,
    DIALTONE_PATHS_FILE: file,
    ...(Buffer.byteLength(lines) <= MOST_PATH_BYTES ? { DIALTONE_PATHS: lines } : {}),
  };
}

/** A one-shot that works on files may say how many, on its last line: `{"written": 2, "unchanged": 5}`. */
export function countsIn(log: string): Pick<JobReport, "written" | "unchanged"> {
  try {
    const said = JSON.parse(readLastLines(log, { lines: 1 })[0] ?? "") as Partial<
      Record<"written" | "unchanged", unknown>
    >;
    const count = (value: unknown) => (typeof value === "number" ? value : null);
    return { written: count(said?.written), unchanged: count(said?.unchanged) };
  } catch {
    return { written: null, unchanged: null };
  }
}

/** How a job failed: its end, and the last lines of its output. */
export function describeFailure(
  { signalCode }: { signalCode: unknown },
  { code, log }: { code: number; log: string },
): string {
  const how = signalCode === null ? `it ended with ${code}` : `it was ended by ${signalCode}`;
  const last = readLastLines(log, { lines: SHOWN_LINES }).join("\n").trim();
  return last === "" ? how : `${how}: ${last}`;
}
