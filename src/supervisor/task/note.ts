/**
 * The file of a one-shot that dt runs itself (`before`, a need, a task of `dt up`), for as long as it runs:
 * `tasks/<key>.<id>.json`. It says who runs it, for which starts, and by what its processes are known. No launch's
 * record names them: without the file nobody would find them once their runner, a host or a caller, was killed.
 *
 *   runner killed after   there is                                        who finds it (left.ts)
 *   -------------------   ---------------------------------------------   ---------------------------------------------
 *   file written          a file, and no process                          the next run of that one-shot, the next start
 *   one-shot spawned      processes that have the lineage of its token    and each stop of a key that it runs for, and
 *   leader noted          the same, and the leader's identity             `dt doctor --fix`: they end the processes and
 *   one-shot ended        a file, and no process                          remove the file. `dt ps` names what it finds
 *
 * Between writing the file and spawning, the runner asks once more whether the start was called off. A stop leaves its
 * mark first and looks for files then, so one of the two sees the other.
 *
 * Known limit: where processes have no lineage, one whose runner was killed before it noted the leader is not found.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DtError } from "../../sys/base/error.ts";
import { descendInto } from "../../sys/door/descend.ts";
import { removeFile } from "../../sys/files/removal.ts";
import { makePrivateDirectory } from "../../sys/places/privatedirectory.ts";
import { identify, identifySelf, type ProcessIdentity } from "../../sys/process/identity.ts";
import type { Ground } from "../launch/types.ts";
import { lastStopOf, makeId, type Ticketed } from "../ticket/ticket.ts";

const TASKS = "tasks";
const NAME = /^.+\.[0-9a-f]{16}\.json$/;

export type TaskGround = Pick<Ground, "store" | "table" | "root">;

/** A start that a one-shot runs for. Without a ticket it counts as asked for now. */
export type StartOfTask = Omit<Ticketed, "asker">;

export interface TaskFile {
  version: 1;
  key: string;
  token: string;
  runner: ProcessIdentity;
  /** Null until it was spawned. */
  leader: ProcessIdentity | null;
  /** The last stop of the one-shot's own key before it was asked for. */
  lastStop: string | null;
  /** The keys whose starts it runs for, each with its last stop before that start was asked for. */
  startsFor: Record<string, string | null>;
}

export interface TaskNote {
  /** It was spawned. */
  begun(pid: number): void;
  /** It has ended. */
  close(): void;
}

interface TaskToNote {
  own: StartOfTask;
  token: string;
  starts: readonly StartOfTask[];
}

/** On a full disk there is no note, as there is none of a waiting start. */
export function noteTask(ground: TaskGround, { own, token, starts }: TaskToNote): TaskNote {
  const { store, table } = ground;
  const stopBefore = ({ key, ticket }: StartOfTask) =>
    ticket === undefined ? (lastStopOf(ground, key)?.id ?? null) : ticket.after;
  const name = join(TASKS, `${own.key}.${makeId()}.json`);
  const file: TaskFile = {
    version: 1,
    key: own.key,
    token,
    runner: identifySelf(table),
    leader: null,
    lastStop: stopBefore(own),
    startsFor: Object.fromEntries(starts.map((one) => [one.key, stopBefore(one)])),
  };
  const write = (now: TaskFile) => unlessFull(() => store.write(name, now, { durable: false }));
  unlessFull(() => makePrivateDirectory(join(store.directory, TASKS)));
  write(file);
  return {
    begun(pid) {
      const entry = table.entry(pid);
      if (entry !== null) write({ ...file, leader: identify(table, entry) });
    },
    close: () => unlessFull(() => removeFile(join(store.directory, name))),
  };
}

function unlessFull(note: () => void): void {
  try {
    note();
  } catch (error) {
    if (!(error instanceof DtError)) throw error;
  }
}

/** What is noted, by the file's name in the run directory. A file that dt did not write counts for nothing. */
export function notedTasks({ store }: Pick<Ground, "store">): { name: string; file: TaskFile }[] {
  const directory = join(store.directory, TASKS);
  // Most roots have none: at the cost of one system call.
  if (!existsSync(directory)) return [];
  let names: string[];
  try {
    names = descendInto(directory, (at) => readdirSync(at));
  } catch {
    return []; // it is not dt's
  }
  return names.flatMap((one) => {
    if (!NAME.test(one)) return [];
    const name = join(TASKS, one);
    const file = store.read(name, (value) => value as TaskFile);
    return file.is === "there" ? [{ name, file: file.value }] : [];
  });
}
