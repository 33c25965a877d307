/**
 * What a host knows of the files that restart its launch, over all its runs, and how it notes that in the launch's
 * history.
 */
import type { WatchNote } from "../../state/types.ts";
import type { Contents } from "../../sys/watch/contents.ts";
import { writeHistory } from "../run/notes.ts";
import type { Host, HostedRun } from "../run/types.ts";
import type { Rounds } from "./rounds.ts";

/** What is watched, for one run or for several with the same settings. */
export interface FileWatch {
  rounds: Rounds;
  close(): void;
}

export interface FileState {
  host: Host;
  /** Aborted when the launch is over. */
  over: AbortSignal;
  run: HostedRun | null;
  current: FileWatch | null;
  /** Null while nothing is watched. */
  note: WatchNote | null;
  /** The latest restart's one-shot: why it failed, null when it succeeded. The next one begins after it. */
  first: Promise<string | null> | null;
  /** From the watch before, if the project's folder was moved: changes meanwhile count. */
  moved: { contents: Contents; paths: string[] } | null;
}

/** Notes the change, and reports `text`. */
export function noteFiles(
  state: FileState,
  { change = {}, text }: { change?: Partial<WatchNote> | undefined; text?: string | undefined },
): void {
  const { host, run } = state;
  if (run === null || state.note === null) return;
  state.note = { ...state.note, ...change };
  if (!run.over.signal.aborted) writeHistory(host.ground, { run, change: { watch: state.note } });
  if (text !== undefined) host.report({ is: "note", text: `${run.record.key}: ${text}` });
}

export function beginRounds(rounds: Rounds, { record }: HostedRun): void {
  rounds.began(performance.now() - (Date.now() - Date.parse(record.startedAt)));
}
