/**
 * Opening the log of a new run: this run's output under the log's own name, earlier runs beside it as `.1` (latest), `.2` …
 * dt writes no byte into it; the descriptor becomes the command's stdout and stderr.
 */
import { constants, fstatSync } from "node:fs";
import { dirname } from "node:path";
import { openOwnForOthers } from "../sys/door.ts";
import { DtError } from "../sys/error.ts";
import { writeError } from "../sys/files.ts";
import { showWord } from "../sys/shell.ts";
import { statOf } from "../sys/stat.ts";
import { shiftRuns } from "./shift.ts";

export interface OpenedLog {
  fd: number;
  file: { dev: number; ino: number };
}

/** Throws a DtError when a log cannot be there; to be called before an old launch is stopped, so that nothing is lost by it. */
export function checkLogPath(path: string): void {
  const directory = dirname(path);
  const stat = statOf(directory);
  if (!stat?.isDirectory()) {
    throw new DtError(
      "bad-log",
      `The log ${path} cannot be written: its directory ${stat === undefined ? "does not exist" : "is not a directory"}.`,
      {
        hint: `mkdir -p ${showWord(directory)}, or correct \`log\` in the manifest.`,
      },
    );
  }
  const log = statOf(path);
  if (log !== undefined && !log.isFile()) {
    throw new DtError("bad-log", `The log ${path} is not a regular file.`, { hint: "Correct `log` in the manifest." });
  }
}

/**
 * Moves earlier runs on by one, keeps `keep` of them, and opens an empty file for appending. `known`: whether a launch of this key wrote what
 * is there; `inRow`: see shift.ts.
 */
export function openRun(path: string, keep: number, mode: number, known = true, inRow = 0): OpenedLog {
  try {
    // A file that no launch of this key wrote may be somebody's own: it is moved aside also where no run is kept.
    shiftRuns(path, known ? keep : Math.max(1, keep), inRow);
    const fd = openOwnForOthers(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, mode);
    const { dev, ino } = fstatSync(fd);
    return { fd, file: { dev, ino } };
  } catch (error) {
    throw writeError(path, error);
  }
}
