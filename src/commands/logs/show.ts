/** How `dt logs` shows: one key's bytes as they are, or lines with their key, their match and their cursor. */
import { closeSync, readSync } from "node:fs";
import { formatCursor } from "../../logs/cursor.ts";
import { type Entry, entriesOf, lastOf, mergeByTime, textOf } from "../../logs/entries.ts";
import { followFile } from "../../logs/follow.ts";
import type { LogTarget } from "../../logs/followkeys.ts";
import { followKeys } from "../../logs/followkeys.ts";
import { lineBegin } from "../../logs/lines.ts";
import { type Filter, makeFilter } from "../../logs/match.ts";
import { listRuns, openLogRun } from "../../logs/runs.ts";
import { makeStripper } from "../../logs/strip.ts";
import { findStart } from "../../logs/tail.ts";
import { type Piece, viewRuns } from "../../logs/view.ts";
import { makePrefix, prefixLine } from "../../output/logline.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { isReaderGone, isTerminal, printBytes } from "../../sys/stdio/stdio.ts";
import { interruptFirst } from "../../sys/terminal/presses.ts";
import { visible } from "../../sys/text/visible.ts";
import type { DtContext } from "../context/types.ts";
import type { LogsRequest } from "./parse.ts";

const CHUNK = 256 * 1024;

function noLog({ key, log }: LogTarget): DtError {
  return new DtError("no-log", `${key} has no log here (${log} does not exist).`, {
    hint: "`dt ps --all` lists what has run.",
  });
}

function piecesOf({ talk }: DtContext, target: LogTarget, request: LogsRequest): Piece[] {
  const { key, log, times } = target;
  const runs = listRuns(log, times);
  const { previous } = request.part;
  if (runs.length === 0 && !request.follow) throw noLog(target);
  if (previous !== null && !runs.some((run) => run.age === previous)) {
    const kept = runs.filter((run) => run.age > 0).map((run) => run.age);
    throw new DtError("no-run", `${key} has no run ${previous} before its latest.`, {
      hint: kept.length === 0 ? "No earlier run is kept." : `Kept are: ${kept.join(", ")}.`,
    });
  }
  const after = request.after.find((one) => one.key === key) ?? null;
  const { pieces, notes } = viewRuns(key, runs, { ...request.part, after });
  for (const note of notes) talk.warn(note);
  return pieces;
}

/** What the command printed keeps its colours on a terminal, on CI where they are asked for. */
function keepsColors({ globals, talk, colored }: DtContext): boolean {
  return globals.color ?? (talk.onCi ? colored() : isTerminal(1));
}

/** One key's bytes as they are, in chunks; colours for a terminal only. */
export async function showRaw(context: DtContext, target: LogTarget, request: LogsRequest): Promise<number> {
  const strip = keepsColors(context) ? null : makeStripper();
  const emit = (bytes: Uint8Array) => printBytes(strip === null ? bytes : strip.push(bytes));
  const pieces = piecesOf(context, target, request);
  const { lines } = request;
  const open =
    pieces.length > 1 && lines !== Number.POSITIVE_INFINITY
      ? everyOf(lastOf(entriesOf({ key: target.key, pieces, lines, filter: null }), lines), ({ bytes }) => emit(bytes))
      : everyOf(pieces, (piece) => copyPiece(piece, lines, emit));
  const status = request.follow && open ? await followRaw(target, pieces, emit) : EXIT.done;
  if (strip !== null) printBytes(strip.end());
  return status;
}

function everyOf<T>(items: Iterable<T>, body: (item: T) => boolean): boolean {
  for (const item of items) if (!body(item)) return false;
  return true;
}

/** False when the reader has gone. */
function copyPiece({ run, from, to }: Piece, lines: number, emit: (bytes: Uint8Array) => boolean): boolean {
  const fd = openLogRun(run);
  if (fd === null) return true;
  const chunk = Buffer.alloc(CHUNK);
  try {
    for (let at = lines === Number.POSITIVE_INFINITY ? from : findStart(fd, from, to, lines); at < to; ) {
      const length = readSync(fd, chunk, 0, Math.min(CHUNK, to - at), at);
      if (length === 0) return true;
      if (!emit(chunk.subarray(0, length))) return false;
      at += length;
    }
    return true;
  } finally {
    closeSync(fd);
  }
}

async function followRaw(
  target: LogTarget,
  pieces: readonly Piece[],
  emit: (bytes: Uint8Array) => boolean,
): Promise<number> {
  const { signal, status } = untilSignal();
  const from = pieces.find(({ run }) => run.age === 0)?.to ?? 0;
  await followFile({ path: target.log, from, onBytes: emit, isGone: () => isReaderGone(1), signal });
  return status();
}

/** Ctrl-C and SIGTERM end the following, and say so by the exit code. */
function untilSignal(): { signal: AbortSignal; status(): number } {
  const stop = new AbortController();
  let code: number = EXIT.done;
  const hear = interruptFirst((name) => {
    // The first says why: a wrapper may hand on another with it.
    if (!stop.signal.aborted) code = name === "SIGINT" ? EXIT.interrupted : 143;
    stop.abort();
  });
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, hear);
  return { signal: stop.signal, status: () => code };
}

/** Line by line. `targets` is asked again while it follows, for keys that come later. */
export async function showLines(
  context: DtContext,
  targets: () => LogTarget[],
  request: LogsRequest,
  single: boolean,
): Promise<number> {
  const found = targets();
  const filters = new Map<string, Filter<Entry> | null>();
  const filterOf = (key: string) => {
    if (!filters.has(key))
      filters.set(
        key,
        request.matcher === null ? null : makeFilter<Entry>(request.matcher(context.talk.warn), request.context),
      );
    return filters.get(key) ?? null;
  };
  const { write, flush, isOpen } = makeWriter(
    makeFormat(
      context,
      found.map((one) => one.key),
      single,
    ),
  );
  const shownTo = new Map<string, number>();
  const sources = found.flatMap((target) => {
    if (!single && listRuns(target.log, target.times).length === 0) return [];
    const pieces = piecesOf(context, target, request).map((piece) => (request.follow ? toLastLine(piece) : piece));
    shownTo.set(target.key, pieces.find(({ run }) => run.age === 0)?.to ?? 0);
    return [entriesOf({ key: target.key, pieces, lines: request.lines, filter: filterOf(target.key) })];
  });
  everyOf(lastOf(mergeByTime(sources), request.lines), write);
  if (!flush() || !request.follow) return EXIT.done;
  const { signal, status } = untilSignal();
  await followKeys({
    targets,
    shownTo,
    filterOf,
    onEntry: write,
    onNewRun: (key) => context.talk.say(`${key} has a new run`),
    isGone: () => !isOpen() || isReaderGone(1),
    signal,
  });
  flush();
  return status();
}

/** A line that is not whole yet is left to the following. */
function toLastLine(piece: Piece): Piece {
  if (piece.run.age > 0) return piece;
  const fd = openLogRun(piece.run);
  if (fd === null) return piece;
  try {
    return { ...piece, to: lineBegin(fd, piece.to, piece.from) };
  } finally {
    closeSync(fd);
  }
}

/** What `dt logs --json` prints for each line. */
export interface LogLine {
  key: string;
  /** Names the run for good. */
  run: string;
  /** Without line end and escape sequences; what is no UTF-8 is replaced. */
  line: string;
  /** When it was there at the latest, to the second; null when it is not known. */
  time: string | null;
  /** For `--after`. */
  cursor: string;
}

/** How many bytes are collected before they are written: a system call a line would be what costs. */
const BATCH = 64 * 1024;

interface Writer {
  /** False when the reader has gone, or nothing can be written. */
  write(entry: Entry): boolean;
  /** The same. Throws when what was given could not be written. */
  flush(): boolean;
  isOpen(): boolean;
}

/** What comes in one go is written in one go, and no later. */
function makeWriter(format: (entry: Entry) => Uint8Array): Writer {
  let waiting: Uint8Array[] = [];
  let size = 0;
  let open = true;
  let failure: unknown = null;
  const pass = () => {
    try {
      if (size > 0) open = printBytes(Buffer.concat(waiting)) && open;
    } catch (error) {
      // Nobody waits for what is written later: the next flush says it.
      failure = error;
      open = false;
    }
    waiting = [];
    size = 0;
    return open;
  };
  return {
    isOpen: () => open,
    flush() {
      pass();
      if (failure !== null) throw failure;
      return open;
    },
    write(entry) {
      if (size === 0) queueMicrotask(pass);
      const bytes = format(entry);
      waiting.push(bytes);
      size += bytes.length;
      return size < BATCH ? open : pass();
    },
  };
}

function makeFormat(context: DtContext, keys: readonly string[], single: boolean): (entry: Entry) => Uint8Array {
  if (context.globals.json) return (entry) => Buffer.from(visible(`${JSON.stringify(toJson(entry))}\n`));
  const colored = keepsColors(context);
  const prefix = makePrefix(keys, colored);
  const clean = (bytes: Uint8Array) => {
    const strip = makeStripper();
    return colored ? bytes : Buffer.concat([strip.push(bytes), strip.end()]);
  };
  let first = true;
  return ({ key, bytes, gap: leftOut }) => {
    const gap = leftOut && !first;
    first = false;
    const line = clean(bytes);
    const shown = single ? withLineEnd(line) : prefixLine(prefix(key), line, colored);
    return gap ? Buffer.concat([Buffer.from("--\n"), shown]) : shown;
  };
}

function toJson({ key, run, bytes, time, end }: Entry): LogLine {
  return {
    key,
    run,
    line: textOf(bytes),
    time: time === null ? null : new Date(time).toISOString(),
    cursor: formatCursor({ key, run, offset: end }),
  };
}

function withLineEnd(line: Uint8Array): Uint8Array {
  return line.at(-1) === 10 ? line : Buffer.concat([line, Buffer.from("\n")]);
}
