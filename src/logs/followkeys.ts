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
      const done = followKey({ target, from, signal: own.signal, options, onGone: () => stop.abort() });
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

/** One key's log while it is followed. */
interface Following {
  target: LogTarget;
  options: FollowKeysOptions;
  filter: Filter<Entry> | null;
  run: string;
  /** What came of the line that is not terminated yet. */
  held: Uint8Array[];
  /** The offset behind the last line that was given. */
  end: number;
  /** False once the reader has gone. */
  isOpen: boolean;
  /** Resolves when the last entry is written; null when none is being written. */
  writing: Promise<void> | null;
  /** Whether the last look found an unterminated line and the run over, with nothing written since. */
  wasOver: boolean;
}

interface FollowKey {
  target: LogTarget;
  /** The offset at which to begin. */
  from: number;
  signal: AbortSignal;
  options: FollowKeysOptions;
  /** Called when the reader has gone. */
  onGone: () => void;
}

async function followKey({ target, from, signal, options, onGone }: FollowKey): Promise<void> {
  const state: Following = {
    target,
    options,
    filter: options.filterOf(target.key),
    run: runOf(target),
    held: [],
    end: from,
    isOpen: true,
    writing: null,
    wasOver: false,
  };
  await followFile({
    path: target.log,
    from,
    signal,
    isGone: () => options.isGone() || !state.isOpen,
    onQuiet() {
      if (state.wasOver) flush(state);
      state.wasOver = state.held.length > 0 && target.isOver();
    },
    onNewRun(file) {
      flush(state);
      state.run = runOf(target, file);
      state.end = 0;
      options.onNewRun(target.key);
    },
    onBytes: (bytes, offset) => takeBytes(state, { bytes, offset }),
  });
  flush(state);
  await written(state);
  if (!state.isOpen || options.isGone()) onGone();
}

/** The id of the run that wrote the file, by default of the latest one. */
function runOf({ log, times }: LogTarget, file?: { dev: number; ino: number }): string {
  return (
    listRuns(log, times).find((run) => file === undefined || (run.dev === file.dev && run.ino === file.ino))?.id ?? ""
  );
}

/** Gives each line that the bytes complete, and keeps the rest. False once the reader has gone. */
async function takeBytes(state: Following, { bytes, offset }: { bytes: Uint8Array; offset: number }): Promise<boolean> {
  state.wasOver = false;
  if (offset !== state.end + lengthOf(state.held)) {
    flush(state); // the file was truncated
    state.end = offset;
  }
  let start = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0 && state.isOpen; at = bytes.indexOf(NEWLINE, start)) {
    const line = new Uint8Array(Buffer.concat([...state.held, bytes.subarray(start, at + 1)]));
    state.held = [];
    state.end += line.length;
    give(state, line);
    if (state.writing !== null) await written(state);
    start = at + 1;
  }
  if (start < bytes.length) state.held.push(new Uint8Array(bytes.subarray(start)));
  return state.isOpen;
}

function give(state: Following, bytes: Uint8Array): void {
  const { filter, run, end, target, options } = state;
  const entry: Entry = { key: target.key, run, end, bytes, time: Date.now(), gap: false };
  for (const shown of filter === null ? [entry] : applyFilter(filter, entry)) {
    const goesOn = state.isOpen && options.onEntry(shown);
    if (typeof goesOn === "boolean") state.isOpen = goesOn;
    else
      state.writing = goesOn.then((isRead) => {
        state.isOpen = state.isOpen && isRead;
      });
  }
}

/** Gives the unterminated last line of a run. */
function flush(state: Following): void {
  const rest = Buffer.concat(state.held);
  state.held = [];
  state.end += rest.length;
  if (rest.length > 0) give(state, rest);
}

async function written(state: Following): Promise<void> {
  await state.writing;
  state.writing = null;
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
