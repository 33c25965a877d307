/** The requested part of a key's runs, as pieces of files, the oldest first. */
import { closeSync } from "node:fs";
import { dataStart } from "../sys/files/holes.ts";
import type { Cursor } from "./cursor.ts";
import { firstWholeLine, lineBegin } from "./lines.ts";
import { type LogRun, offsetSince, offsetUntil, openLogRun } from "./runs.ts";

/** Which part of the runs: an earlier run, a time span, everything after a cursor; otherwise the latest run. */
export interface Part {
  /** An earlier run: 1 is the one before the latest. */
  previous: number | null;
  /** Milliseconds since 1970. */
  since: number | null;
  until: number | null;
  after: Cursor | null;
}

export interface Piece {
  run: LogRun;
  /** Offsets in its file; `from` is the beginning of a line. */
  from: number;
  to: number;
}

/** `notes`: sentences about what could not be given. */
export interface View {
  pieces: Piece[];
  notes: string[];
}

/** `runs`: the latest first. */
export function viewRuns(key: string, { runs, part }: { runs: readonly LogRun[]; part: Part }): View {
  if (part.after !== null) return viewAfter(key, { runs, after: part.after });
  const notes: string[] = [];
  const asked = chooseRuns(runs, part);
  const pieces = asked.map((run) => {
    const from = part.since === null ? 0 : offsetSince(run, part.since);
    const to = part.until === null ? run.size : offsetUntil(run, part.until);
    return wholePiece(run, { from, to });
  });
  return { pieces: pieces.filter(({ from, to }) => from < to), notes };
}

function chooseRuns(runs: readonly LogRun[], { previous, since, until }: Part): LogRun[] {
  if (previous !== null) return runs.filter((run) => run.age === previous);
  if (since === null && until === null) return runs.slice(0, 1);
  return runs
    .filter((run) => (since === null || run.changedAt >= since) && (until === null || (run.startedAt ?? 0) <= until))
    .reverse();
}

function viewAfter(key: string, { runs, after }: { runs: readonly LogRun[]; after: Cursor }): View {
  const at = runs.findIndex((run) => run.id === after.run);
  const whole = (run: LogRun) => wholePiece(run, { from: 0, to: run.size });
  if (at < 0) {
    const oldest = runs.at(-1);
    const on = oldest === undefined ? "no run is kept" : `continuing with the oldest kept run (${oldest.path})`;
    return {
      pieces: runs.map(whole).reverse(),
      notes: [`${key}: the cursor's run is no longer kept; ${on}`],
    };
  }
  const run = runs[at] as LogRun;
  const first = withFile(run, (fd) => (after.offset < dataStart(fd) ? firstWholeLine(fd, run.size) : after.offset));
  const notes =
    first > after.offset
      ? [`${key}: ${first - after.offset} bytes after the cursor were released by logs.maxSize, and are skipped`]
      : after.offset > run.size
        ? [`${key}: the log is shorter than the cursor's offset: it was cut, and is shown from its beginning`]
        : [];
  const from = after.offset > run.size ? 0 : first;
  const newer = runs.slice(0, at).reverse().map(whole);
  return { pieces: [{ run, from, to: run.size }, ...newer].filter((piece) => piece.from < piece.to), notes };
}

/** Begins with a whole line that was not released. */
function wholePiece(run: LogRun, { from, to }: { from: number; to: number }): Piece {
  const begin = withFile(run, (fd) => {
    const first = firstWholeLine(fd, run.size);
    return Math.max(first, lineBegin(fd, { offset: Math.max(from, first), first }));
  });
  return { run, from: begin, to };
}

/** Nothing is left to read of a run that is gone by now. */
function withFile(run: LogRun, body: (fd: number) => number): number {
  const fd = openLogRun(run);
  if (fd === null) return run.size;
  try {
    return body(fd);
  } finally {
    closeSync(fd);
  }
}
