/**
 * Follows the logs of one or several keys line by line, including keys that appear later
 * and a log that moves elsewhere.
 */
import { applyFilter, type Entry } from "./entries.ts";
import { followFile } from "./follow.ts";
import type { Filter } from "./match.ts";
import { listRuns } from "./runs.ts";

export interface LogTarget {
  key: string;
  log: string;
  /** The index of its latest run. */
  times: string;
  /** Whether its latest run has ended: an unterminated last line then counts as a line. */
  isOver(): boolean;
}

export interface FollowKeysOptions {
  /** What to follow now; called again and again. */
  targets(): LogTarget[];
  /** The offset up to which each key's log was already shown; a key without one is shown from the beginning. */
  shownTo: ReadonlyMap<string, number>;
  filterOf(key: string): Filter<Entry> | null;
  /** False ends the following (the reader has gone). A promise is awaited before more of this log is read. */
  onEntry(entry: Entry): boolean | Promise<boolean>;
  onNewRun(key: string): void;
  isGone(): boolean;
  signal: AbortSignal;
}

/** How soon a new key, or a log at a new path, is noticed. */
const TARGETS_EVERY_MS = 500;
const NEWLINE = 10;

export async function followKeys(options: FollowKeysOptions): Promise<void> {
  const { targets, shownTo, signal } = options;
  const stop = new AbortController();
  signal.addEventListener("abort", () => stop.abort());
  const followed = new Map<string, { log: string; stop: AbortController }>();
  const all = new Set<Promise<void>>();
  const look = () => {
    for (const target of targets()) {
      const there = followed.get(target.key);
      if (there?.log === target.log) continue;
      there?.stop.abort();
      const own = new AbortController();
      if (stop.signal.aborted) own.abort();
      else stop.signal.addEventListener("abort", () => own.abort());
      followed.set(target.key, { log: target.log, stop: own });
      const from = there === undefined ? (shownTo.get(target.key) ?? 0) : 0;
      const done = followKey(target, from, own.signal, options, () => stop.abort());
      all.add(done);
      done.finally(() => all.delete(done));
    }
  };
  look();
  const timer = setInterval(look, TARGETS_EVERY_MS);
  await new Promise<void>((resolve) => {
    if (stop.signal.aborted) resolve();
    stop.signal.addEventListener("abort", () => resolve());
  });
  clearInterval(timer);
  if (signal.aborted) look();
  await Promise.all(all);
}

async function followKey(
  { key, log, times, isOver }: LogTarget,
  from: number,
  signal: AbortSignal,
  { filterOf, onEntry, onNewRun, isGone }: FollowKeysOptions,
  onGone: () => void,
): Promise<void> {
  const filter = filterOf(key);
  const runOf = (file?: { dev: number; ino: number }) =>
    listRuns(log, times).find((run) => file === undefined || (run.dev === file.dev && run.ino === file.ino))?.id ?? "";
  let run = runOf();
  let held: Uint8Array[] = [];
  let end = from;
  let open = true;
  /** Resolves when the last entry is written; null when none is being written. */
  let writing: Promise<void> | null = null;
  const give = (bytes: Uint8Array) => {
    const entry: Entry = { key, run, end, bytes, time: Date.now(), gap: false };
    for (const shown of filter === null ? [entry] : applyFilter(filter, entry)) {
      const goesOn = open && onEntry(shown);
      if (typeof goesOn === "boolean") open = goesOn;
      else
        writing = goesOn.then((isRead) => {
          open = open && isRead;
        });
    }
  };
  const written = async () => {
    await writing;
    writing = null;
  };
  /** Gives the unterminated last line of a run. */
  const flush = () => {
    const rest = Buffer.concat(held);
    held = [];
    end += rest.length;
    if (rest.length > 0) give(rest);
  };
  /** Whether the last look found an unterminated line and the run over, with nothing written since. */
  let wasOver = false;
  await followFile({
    path: log,
    from,
    signal,
    isGone: () => isGone() || !open,
    onQuiet() {
      if (wasOver) flush();
      wasOver = held.length > 0 && isOver();
    },
    onNewRun(file) {
      flush();
      run = runOf(file);
      end = 0;
      onNewRun(key);
    },
    async onBytes(bytes, offset) {
      wasOver = false;
      if (offset !== end + lengthOf(held)) {
        flush(); // the file was truncated
        end = offset;
      }
      let start = 0;
      for (let at = bytes.indexOf(NEWLINE); at >= 0 && open; at = bytes.indexOf(NEWLINE, start)) {
        const line = new Uint8Array(Buffer.concat([...held, bytes.subarray(start, at + 1)]));
        held = [];
        end += line.length;
        give(line);
        if (writing !== null) await written();
        start = at + 1;
      }
      if (start < bytes.length) held.push(new Uint8Array(bytes.subarray(start)));
      return open;
    },
  });
  flush();
  await written();
  if (!open || isGone()) onGone();
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
