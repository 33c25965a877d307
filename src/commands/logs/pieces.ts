/**
 * Which stretches of which runs of a key's log are shown. Throws if there is no log, or no such run as was asked for.
 */
import { closeSync } from "node:fs";
import type { LogTarget } from "../../logs/followkeys.ts";
import { lineBegin } from "../../logs/lines.ts";
import { listRuns, openLogRun } from "../../logs/runs.ts";
import { type Piece, viewRuns } from "../../logs/view.ts";
import { DtError } from "../../sys/base/error.ts";
import type { DtContext } from "../context/types.ts";
import type { LogsRequest } from "./parse.ts";

export function piecesOf(
  { talk }: DtContext,
  { target, request }: { target: LogTarget; request: LogsRequest },
): Piece[] {
  const { key, log, times } = target;
  const runs = listRuns(log, times);
  const { previous } = request.part;
  if (runs.length === 0 && !request.follow) throw noLog(target);
  if (previous !== null && !runs.some((run) => run.age === previous)) {
    const kept = runs.filter((run) => run.age > 0).map((run) => run.age);
    throw new DtError("no-run", `${key} has no run ${previous} before its latest.`, {
      hint: kept.length === 0 ? "No earlier run is kept." : `Kept: ${kept.join(", ")}.`,
    });
  }
  const after = request.after.find((one) => one.key === key) ?? null;
  const { pieces, notes } = viewRuns(key, { runs, part: { ...request.part, after } });
  for (const note of notes) talk.warn(note);
  return pieces;
}

function noLog({ key, log }: LogTarget): DtError {
  return new DtError("no-log", `${key} has no log here (${log} does not exist).`, {
    hint: "`dt ps --all` lists what has run.",
  });
}

/** Up to the last line end: a line that is not complete yet is left to the following. */
export function toLastLine(piece: Piece): Piece {
  if (piece.run.age > 0) return piece;
  const fd = openLogRun(piece.run);
  if (fd === null) return piece;
  try {
    return { ...piece, to: lineBegin(fd, { offset: piece.to, first: piece.from }) };
  } finally {
    closeSync(fd);
  }
}

/** Stops at the first item for which `body` is false, and returns false then. */
export function everyOf<T>(items: Iterable<T>, body: (item: T) => boolean): boolean {
  for (const item of items) if (!body(item)) return false;
  return true;
}
