/** Ends one-shots that dt ran and that run on without their runner. */
import { lazy } from "../../sys/base/lazy.ts";
import { descendsFrom } from "../../sys/process/identity.ts";
import type { Report } from "../launch/types.ts";
import { abandonedNotes, isAbandoned, notesToEnd, pidsOf, queryOfTask } from "../task/left.ts";
import { type Note, removeNote, type TaskGround, writeNote } from "../task/note.ts";
import { stopTree } from "../tree/stoptree.ts";
import { survivorError } from "./survivors.ts";

/** How long they may take to end after SIGTERM, in milliseconds: as long as a launch by default. */
const END_MS = 10_000;

/** `inside`: this dt descends from it, so it was left alone. `over`: it had ended already. */
type LeftEnd = "ended" | "over" | "inside";

interface EndLeft {
  /** Of this one-shot, or of those that run for this key. */
  key: string;
  /** Also those whose stopped runner may not go on with them. Default: false. */
  calledOff?: boolean;
  report: Report;
}

/** Removes their files, too. Returns the keys of those that were ended. Throws `survivors`. */
export async function endLeftTasks(ground: TaskGround, { key, calledOff = false, report }: EndLeft): Promise<string[]> {
  const ends = notesToEnd(ground, { key, calledOff }).map(async (note) => {
    const end = await endLeft(ground, { note, report });
    return end === "ended" ? [note.file.key] : [];
  });
  return (await Promise.all(ends)).flat();
}

/** For `dt doctor`: of one key alone, and whatever it finds. */
export async function endLeftOf(ground: TaskGround, key: string): Promise<LeftEnd[]> {
  const notes = abandonedNotes(ground).filter(({ file }) => file.key === key);
  return Promise.all(notes.map((note) => endLeft(ground, { note, report: () => {} })));
}

/** Removes the files of those that have ended. Returns how many. */
export function clearNotes(ground: TaskGround): number {
  const over = abandonedNotes(ground).filter(({ file }) => pidsOf(ground, file).length === 0);
  for (const { name } of over) removeNote(ground, name);
  return over.length;
}

/** A stop of several keys may come upon the same one. */
const ending = lazy(() => new Map<string, Promise<LeftEnd>>());

function endLeft(ground: TaskGround, one: { note: Note; report: Report }): Promise<LeftEnd> {
  const { name } = one.note;
  const end = ending().get(name) ?? endNow(ground, one).finally(() => ending().delete(name));
  ending().set(name, end);
  return end;
}

async function endNow(
  ground: TaskGround,
  { note: { name, file }, report }: { note: Note; report: Report },
): Promise<LeftEnd> {
  const { table } = ground;
  const isLeft = isAbandoned(ground, file);
  const pids = pidsOf(ground, file);
  if (descendsFrom(table, pids)) return "inside";
  if (pids.length > 0) {
    writeNote(ground, { name, file: { ...file, isEnding: true } });
    const query = queryOfTask(ground, file);
    const { survivors } = await stopTree({ table, query, signal: "SIGTERM", timeoutMs: END_MS, wholeTree: true });
    if (survivors.length > 0) throw survivorError(file.key, survivors);
    const runner = `the dt that ran it (pid ${file.runner.pid})`;
    const why = isLeft ? `which ran on although ${runner} is gone` : `since ${runner} is stopped`;
    report({ is: "note", text: `ended ${file.key} (pid ${pids.join(", ")}), ${why}` });
  }
  // A stopped runner removes its own.
  if (isLeft) removeNote(ground, name);
  return pids.length === 0 ? "over" : "ended";
}
