/** Ends one-shots that dt ran and that run on without their runner. */
import { join } from "node:path";
import { removeFile } from "../../sys/files/removal.ts";
import { descendsFrom } from "../../sys/process/identity.ts";
import type { Report } from "../launch/types.ts";
import { isRunnerGone, type LeftNote, leftNotes, pidsOf, queryOfTask } from "../task/left.ts";
import type { TaskFile, TaskGround } from "../task/note.ts";
import { stopTree } from "../tree/stoptree.ts";
import { survivorError } from "./survivors.ts";

/** How long they may take to end after SIGTERM, in milliseconds: as long as a launch by default. */
const END_MS = 10_000;

interface EndLeft {
  /** Of this one-shot, or of those that run for this key. */
  key: string;
  /** Also those whose stopped runner may not go on with them. Default: false. */
  calledOff?: boolean;
  report: Report;
}

/**
 * Removes their files, too. Returns the keys of those that ran. One that this dt descends from is left alone. Throws
 * `survivors`.
 */
export async function endLeftTasks(ground: TaskGround, { key, calledOff = false, report }: EndLeft): Promise<string[]> {
  const ends = leftNotes(ground, { key, calledOff }).map((note) => endLeft(ground, { note, report }));
  return (await Promise.all(ends)).flatMap((ended) => ended ?? []);
}

async function endLeft(
  ground: TaskGround,
  { note: { name, file }, report }: { note: LeftNote; report: Report },
): Promise<string | null> {
  const { table, store } = ground;
  const pids = pidsOf(ground, file);
  if (descendsFrom(table, pids)) return null;
  if (pids.length > 0) {
    const query = queryOfTask(ground, file);
    const { survivors } = await stopTree({ table, query, signal: "SIGTERM", timeoutMs: END_MS, wholeTree: true });
    if (survivors.length > 0) throw survivorError(file.key, survivors);
    report({ is: "note", text: `ended ${file.key} (pid ${pids.join(", ")}), ${whyLeft(ground, file)}` });
  }
  // A stopped runner removes its own.
  if (isRunnerGone(ground, file)) removeFile(join(store.directory, name));
  return pids.length === 0 ? null : file.key;
}

function whyLeft(ground: TaskGround, file: TaskFile): string {
  const runner = `the dt that ran it (pid ${file.runner.pid})`;
  return isRunnerGone(ground, file) ? `which ran on although ${runner} is gone` : `since ${runner} is stopped`;
}
