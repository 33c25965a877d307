/**
 * The file of a one-shot that dt runs itself (`before`, a need, a task of `dt up`), for as long as it runs:
 * `tasks/<key>.<runner>.<id>.json`. It says who runs it, for which starts, and by what its processes are known. No
 * launch's record names them: without the file nobody would find them once their runner, a host or a caller, was
 * killed.
 *
 *   runner killed after   there is                                        then (left.ts)
 *   -------------------   ---------------------------------------------   ---------------------------------------------
 *   file written          a file, and no process                          the next start or stop of a key that it runs
 *   one-shot ended        a file, and maybe what it left in the           for, or of its own, and `dt doctor --fix`
 *                         background, as any one-shot may                 remove the file
 *   one-shot spawned      processes that have the lineage of its token    they end the processes first; `dt ps` names
 *   leader noted          the same, and the leader's identity             them
 *   a killed end of it    `isEnding`: some of them                        the same
 *
 * After writing the file and before spawning, the runner asks once more whether the start was called off. A stop leaves
 * its mark first and looks for files then, so one of the two sees the other.
 *
 * Known limit: where processes have no lineage, what the leader leaves behind is not found once the leader is gone, nor
 * is a leader whose runner was killed before it noted it.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { unlessUnwritable } from "../../state/unlessunwritable.ts";
import { descendInto } from "../../sys/door/descend.ts";
import { removeFile } from "../../sys/files/removal.ts";
import { takeHold } from "../../sys/lock/hold.ts";
import { makePrivateDirectory } from "../../sys/places/privatedirectory.ts";
import { identify, identifySelf, isOver, isSuspended, type ProcessIdentity } from "../../sys/process/identity.ts";
import type { Ground } from "../launch/types.ts";
import { HELD } from "../ticket/startfile.ts";
import { lastStopOf, makeId, type Ticketed } from "../ticket/ticket.ts";

const TASKS = "tasks";
const NAME = /^.+\.(\d+)-([\d.]+)\.[0-9a-f]{16}\.json$/;

export type TaskGround = Pick<Ground, "store" | "table" | "root">;

/** A start that a one-shot runs for. Without a ticket it counts as asked for now. */
export type StartOfTask = Omit<Ticketed, "asker">;

export interface TaskFile {
  version: 1;
  key: string;
  /** Also the name of the runner's hold, for those who cannot see that process. */
  token: string;
  runner: ProcessIdentity;
  /** Null until it was spawned. */
  leader: ProcessIdentity | null;
  /** Another process has begun to end it. */
  isEnding?: true;
  /** The keys whose starts wait for it. */
  startsFor: string[];
  /** The last stop of its own key before it was asked for. */
  lastStop: string | null;
  /** The starts that were asked for, by key, each with the last stop before that. */
  wantedBy: Record<string, string | null>;
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
  startsFor: readonly string[];
  wantedBy: readonly StartOfTask[];
}

/** Where nothing can be written there is no note, as there is none of a waiting start. */
export function noteTask(ground: TaskGround, { own, token, startsFor, wantedBy }: TaskToNote): TaskNote {
  const { store, table } = ground;
  const stopBefore = ({ key, ticket }: StartOfTask) =>
    ticket === undefined ? (lastStopOf(ground, key)?.id ?? null) : ticket.after;
  const runner = identifySelf(table);
  const name = join(TASKS, `${own.key}.${runner.pid}-${runner.startTime}.${makeId()}.json`);
  const file: TaskFile = {
    version: 1,
    key: own.key,
    token,
    runner,
    leader: null,
    startsFor: [...startsFor],
    lastStop: stopBefore(own),
    wantedBy: Object.fromEntries(wantedBy.map((one) => [one.key, stopBefore(one)])),
  };
  const hold = takeHold(join(store.directory, HELD), token);
  unlessUnwritable(() => makePrivateDirectory(join(store.directory, TASKS)));
  writeNote(ground, { name, file });
  return {
    begun(pid) {
      const leader = table.entry(pid);
      if (leader !== null) writeNote(ground, { name, file: { ...file, leader: identify(table, leader) } });
    },
    close() {
      hold?.release();
      removeNote(ground, name);
    },
  };
}

export interface Note {
  /** In the run directory. */
  name: string;
  file: TaskFile;
}

export function writeNote({ store }: Pick<Ground, "store">, { name, file }: Note): void {
  unlessUnwritable(() => store.write(name, file, { durable: false }));
}

export function removeNote({ store }: Pick<Ground, "store">, name: string): void {
  unlessUnwritable(() => removeFile(join(store.directory, name)));
}

/**
 * The notes, but for those whose runner is seen to run: a host may have a thousand. A file that dt did not write counts
 * for nothing.
 */
export function readNotes({ store, table }: Pick<Ground, "store" | "table">): Note[] {
  const directory = join(store.directory, TASKS);
  // A root in which no one-shot ever ran for a start has none.
  if (!existsSync(directory)) return [];
  let names: string[];
  try {
    names = descendInto(directory, (at) => readdirSync(at));
  } catch {
    return []; // it is not dt's
  }
  const known = new Map<string, boolean>();
  const isRunning = (pid: string, start: string) => {
    const entry = table.entry(Number(pid));
    if (entry === null || isOver(entry) || entry.startTime !== start) return false;
    return !isSuspended(table, identify(table, entry));
  };
  return names.flatMap((one) => {
    const [, pid = "", start = ""] = NAME.exec(one) ?? [];
    const runner = `${pid}-${start}`;
    if (!known.has(runner)) known.set(runner, pid === "" || isRunning(pid, start));
    if (known.get(runner) === true) return [];
    const name = join(TASKS, one);
    const file = store.read(name, (value) => value as TaskFile);
    return file.is === "there" ? [{ name, file: file.value }] : [];
  });
}
