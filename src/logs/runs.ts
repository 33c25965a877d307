/** The runs of a key that are kept: the log's own file and the earlier ones beside it, each with what its index says of it. */
import { closeSync, constants, fstatSync } from "node:fs";
import { openOwn } from "../sys/door.ts";
import { statOf } from "../sys/stat.ts";
import { type RunTimes, readTimes } from "./times.ts";

export interface LogRun {
  /** 0 is the latest. */
  age: number;
  path: string;
  /** The latest run's path. */
  log: string;
  /** Names the run for good: from its launch's token, or from its file where no index tells that. */
  id: string;
  dev: number;
  ino: number;
  size: number;
  /** Milliseconds since 1970; null when no index tells. */
  startedAt: number | null;
  /** When it was last written to. */
  changedAt: number;
  points: RunTimes["points"];
}

/** As many characters of a token as no two runs of one key share. */
const ID_LENGTH = 12;

/** The latest first; none when there is no log. `times` is the index of the latest run. */
export function listRuns(log: string, times: string): LogRun[] {
  const indexes = new Map<string, RunTimes>();
  const runs: LogRun[] = [];
  for (let age = 0; ; age++) {
    const path = placeOf(log, age);
    const stat = statOf(path);
    const index = readTimes(placeOf(times, age));
    if (index !== null) indexes.set(`${index.dev}:${index.ino}`, index);
    // A start that is just moving the runs on may leave one place empty for a moment.
    if (stat === undefined && age > 0 && statOf(placeOf(log, age + 1)) === undefined) break;
    if (stat === undefined) continue;
    const { dev, ino, size, mtimeMs } = stat;
    runs.push({ age, path, log, id: "", dev, ino, size, startedAt: null, changedAt: mtimeMs, points: [] });
  }
  return runs.map((run) => {
    // An inode may have been used again since: what was written last before the index began is another run's.
    const index = indexes.get(`${run.dev}:${run.ino}`);
    if (index === undefined) return { ...run, id: `i${run.ino}` };
    return { ...run, id: runIdOf(index.token), startedAt: index.startedAt, points: index.points };
  });
}

/** Opens a run's file, also when a new run has moved it on meanwhile; null when it is gone. */
export function openLogRun({ log, age, dev, ino }: LogRun): number | null {
  for (let place = age; ; place++) {
    const stat = statOf(placeOf(log, place));
    if (stat === undefined) return null;
    if (stat.dev !== dev || stat.ino !== ino) continue;
    const fd = openOrNull(placeOf(log, place));
    if (fd === null) return null;
    const opened = fstatSync(fd);
    if (opened.dev === dev && opened.ino === ino) return fd;
    closeSync(fd);
  }
}

function openOrNull(path: string): number | null {
  try {
    return openOwn(path, constants.O_RDONLY);
  } catch {
    return null;
  }
}

function placeOf(path: string, age: number): string {
  return age === 0 ? path : `${path}.${age}`;
}

/** Where to begin to have all that was written since `ms`; up to a second more. */
export function offsetSince({ points, startedAt }: LogRun, ms: number): number {
  if (startedAt !== null && ms <= startedAt) return 0;
  let offset = 0;
  for (const [size, at] of points) {
    if (at > ms) break;
    offset = size;
  }
  return offset;
}

/** Where to end to have all that was written until `ms`; up to a second more. */
export function offsetUntil({ points, size, changedAt }: LogRun, ms: number): number {
  if (changedAt <= ms) return size;
  for (const [there, at] of points) if (at >= ms) return there;
  return size;
}

/** When what ends at `offset` was there at the latest; null when no index tells. To be asked in ascending order. */
export function makeTimeOf({ points, changedAt, startedAt }: LogRun): (offset: number) => number | null {
  let at = 0;
  return (offset) => {
    while (at < points.length && (points[at] as [number, number])[0] < offset) at++;
    return points[at]?.[1] ?? (startedAt === null ? null : changedAt);
  };
}

/** What a cursor calls the run of this launch. */
export function runIdOf(token: string): string {
  return token.slice(0, ID_LENGTH);
}
