/** The kept runs of a key: the log's own file and the earlier ones beside it, each with what its time index says. */
import { closeSync, constants, fstatSync } from "node:fs";
import { statOf } from "../sys/base/stat.ts";
import { openOwn } from "../sys/door/door.ts";
import { type RunTimes, readTimes } from "./times.ts";

export interface LogRun {
  /** 0 is the latest. */
  age: number;
  path: string;
  /** The latest run's path. */
  log: string;
  /** A lasting name of the run: made from its launch's token, or from its inode where no index gives the token. */
  id: string;
  dev: number;
  ino: number;
  size: number;
  /** Milliseconds since 1970; null without an index. */
  startedAt: number | null;
  /** When it was last written to, in milliseconds since 1970. */
  changedAt: number;
  points: RunTimes["points"];
}

/** Enough characters of a token that no two runs of one key share them. */
const ID_LENGTH = 12;

/** The latest first; empty when there is no log. `times` is the path of the latest run's index. */
export function listRuns(log: string, times: string): LogRun[] {
  const indexes = new Map<string, RunTimes>();
  const runs: LogRun[] = [];
  for (let age = 0; ; age++) {
    const path = placeOf(log, age);
    const stat = statOf(path);
    const index = readTimes(placeOf(times, age));
    if (index !== null) indexes.set(`${index.dev}:${index.ino}`, index);
    // A start that is moving the runs on right now may leave one place empty for a moment.
    if (stat === undefined && age > 0 && statOf(placeOf(log, age + 1)) === undefined) break;
    if (stat === undefined) continue;
    const { dev, ino, size, mtimeMs } = stat;
    runs.push({ age, path, log, id: "", dev, ino, size, startedAt: null, changedAt: mtimeMs, points: [] });
  }
  return runs.map((run) => {
    // Device and inode pair a log with its index. A reused inode pairs with the index of its earlier file.
    const index = indexes.get(`${run.dev}:${run.ino}`);
    if (index === undefined) return { ...run, id: `i${run.ino}` };
    return { ...run, id: runIdOf(index.token), startedAt: index.startedAt, points: index.points };
  });
}

/** Opens a run's file, even when a new run has moved it on in the meantime; null when it is gone. */
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
    return openOwn(path, { flags: constants.O_RDONLY });
  } catch {
    return null;
  }
}

function placeOf(path: string, age: number): string {
  return age === 0 ? path : `${path}.${age}`;
}

/** The offset from which everything written since `ms` is included; up to a second more. */
export function offsetSince({ points, startedAt }: LogRun, ms: number): number {
  if (startedAt !== null && ms <= startedAt) return 0;
  let offset = 0;
  for (const [size, at] of points) {
    if (at > ms) break;
    offset = size;
  }
  return offset;
}

/** The offset up to which everything written until `ms` is included; up to a second more. */
export function offsetUntil({ points, size, changedAt }: LogRun, ms: number): number {
  if (changedAt <= ms) return size;
  for (const [there, at] of points) if (at >= ms) return there;
  return size;
}

/** The latest time at which the bytes up to `offset` were there; null without an index. Ask in ascending order. */
export function makeTimeOf({ points, changedAt, startedAt }: LogRun): (offset: number) => number | null {
  let at = 0;
  return (offset) => {
    while (at < points.length && (points[at] as [number, number])[0] < offset) at++;
    return points[at]?.[1] ?? (startedAt === null ? null : changedAt);
  };
}

/** The name of this launch's run in a cursor. */
export function runIdOf(token: string): string {
  return token.slice(0, ID_LENGTH);
}
