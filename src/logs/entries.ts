/** The lines of one or several keys, merged in order of time as far as the time indexes know it. */
import { closeSync } from "node:fs";
import { MOST_TEXT } from "../sys/pattern/pattern.ts";
import { readLines } from "./lines.ts";
import type { Filter } from "./match.ts";
import { makeTimeOf, openLogRun } from "./runs.ts";
import { makeStripper } from "./strip.ts";
import { findStart } from "./tail.ts";
import type { Piece } from "./view.ts";

export interface Entry {
  key: string;
  run: string;
  /** Where the line ends in its run's file: what a cursor names. */
  end: number;
  /** With its newline, if it has one. */
  bytes: Uint8Array;
  /** Milliseconds since 1970; null when unknown. */
  time: number | null;
  /** Lines before it were left out. */
  gap: boolean;
}

export interface LogSource {
  key: string;
  pieces: readonly Piece[];
  /** How many of the last lines to read, `Infinity` for all. */
  lines: number;
  filter: Filter<Entry> | null;
}

export function* entriesOf(source: LogSource): Generator<Entry> {
  for (const piece of source.pieces) {
    const fd = openLogRun(piece.run);
    if (fd === null) continue;
    try {
      yield* entriesOfPiece(source, { piece, fd });
    } finally {
      closeSync(fd);
    }
  }
}

function* entriesOfPiece(
  { key, pieces, lines, filter }: LogSource,
  { piece: { run, from, to }, fd }: { piece: Piece; fd: number },
): Generator<Entry> {
  const tail = filter === null && pieces.length === 1 && lines !== Number.POSITIVE_INFINITY;
  const timeOf = makeTimeOf(run);
  for (const line of readLines(fd, { from: tail ? findStart(fd, { from, to, lines }) : from, to })) {
    const bytes = new Uint8Array(line.bytes); // a copy: the reader reuses the line's memory
    const entry: Entry = { key, run: run.id, end: line.end, bytes, time: timeOf(line.end), gap: false };
    if (filter === null) yield entry;
    else yield* applyFilter(filter, entry);
  }
}

/** How many bytes of a line are searched: a code unit of the text that a pattern sees takes at most four bytes. */
const MOST_SEARCHED = 4 * MOST_TEXT;

export function applyFilter(filter: Filter<Entry>, entry: Entry): Entry[] {
  const { bytes } = entry;
  const searched = bytes.length > MOST_SEARCHED ? bytes.subarray(0, MOST_SEARCHED) : bytes;
  return filter(entry, lineText(searched)).map(({ item, gap }) => ({ ...item, gap }));
}

/** A line as text, without its line end and escape sequences. */
export function lineText(bytes: Uint8Array): string {
  const strip = makeStripper();
  const text = Buffer.concat([strip.push(bytes), strip.end()]).toString("utf8");
  return text.replace(/\r?\n$/, "");
}

/** Keeps each key's own order and merges keys by time. Entries without a time come first. */
export function* mergeByTime(sources: readonly Generator<Entry>[]): Generator<Entry> {
  const heads = sources.flatMap((rest) => {
    const first = rest.next();
    return first.done === true ? [] : [{ entry: first.value, rest }];
  });
  while (heads.length > 0) {
    let at = 0;
    for (let other = 1; other < heads.length; other++)
      if (timeOr0(heads[other]?.entry) < timeOr0(heads[at]?.entry)) at = other;
    const head = heads[at] as { entry: Entry; rest: Generator<Entry> };
    yield head.entry;
    const next = head.rest.next();
    if (next.done === true) heads.splice(at, 1);
    else head.entry = next.value;
  }
}

function timeOr0(entry: Entry | undefined): number {
  return entry?.time ?? 0;
}

/** The last `lines` entries. */
export function lastOf(entries: Iterable<Entry>, lines: number): Iterable<Entry> {
  if (lines === Number.POSITIVE_INFINITY) return entries;
  const kept: Entry[] = [];
  for (const entry of entries) {
    kept.push(entry);
    if (kept.length > 2 * lines + 16) kept.splice(0, kept.length - lines);
  }
  return lines === 0 ? [] : kept.slice(-lines);
}
