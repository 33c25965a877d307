/**
 * Opens the log of a new run: this run's output under the log's own name, earlier runs beside it as `.1` (latest), `.2`
 * … dt writes no byte into it; the descriptor becomes the command's stdout and stderr.
 */
import { constants, fstatSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { DtError } from "../sys/base/error.ts";
import { linkStatOf, statOf } from "../sys/base/stat.ts";
import { openOwnForOthers } from "../sys/door/door.ts";
import { makeDirectories } from "../sys/files/makedirectories.ts";
import { writeError } from "../sys/files/writeerror.ts";
import { showWord } from "../sys/text/shell.ts";
import { shiftRuns } from "./shift.ts";

export interface OpenedLog {
  fd: number;
  file: { dev: number; ino: number };
}

/**
 * Throws a DtError when there can be no log at this path. Call it before an old launch is stopped, so
 * that a failure loses nothing. The log's directory may be missing below `places` (the project, the
 * home): it is made when the log is opened.
 */
export function checkLogPath(path: string, places: readonly string[] = []): void {
  const directory = dirname(path);
  const stat = statOf(directory);
  if (!stat?.isDirectory() && !(stat === undefined && mayMake(directory, places))) {
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

/** Where the directory of a declared log may be made: in the project and in the user's home. */
export function logPlaces({ root, env }: { root: string; env: Record<string, string | undefined> }): string[] {
  return env.HOME ? [root, env.HOME] : [root];
}

/** Makes the directory of a declared log and its missing parents, readable by everyone (0755 less the umask). */
export function makeLogDirectory(path: string, places: readonly string[]): void {
  const directory = dirname(path);
  if (statOf(directory) !== undefined || !mayMake(directory, places)) return;
  try {
    makeDirectories(directory, 0o755);
  } catch (error) {
    throw writeError(directory, { cause: error });
  }
}

/**
 * Whether the nearest existing ancestor is a directory that really lies in one of the places: no link leads out or
 * dangles, and nothing is made among dt's own files.
 */
function mayMake(directory: string, places: readonly string[]): boolean {
  if (`${directory}/`.includes("/.dialtone/")) return false;
  let there = directory;
  for (; statOf(there) === undefined; there = dirname(there)) if (linkStatOf(there) !== undefined) return false;
  if (!statOf(there)?.isDirectory()) return false;
  const real = realpathSync(there);
  return places.some((place) => {
    const base = statOf(place) === undefined ? null : realpathSync(place);
    return base !== null && (real === base || real.startsWith(base === "/" ? base : `${base}/`));
  });
}

interface NewRun {
  keep: number;
  mode: number;
  /** Whether a launch of this key wrote the file that is there. Default: true. */
  known?: boolean | undefined;
  /** See shift.ts. Default: 0. */
  inRow?: number | undefined;
}

/** Moves earlier runs on by one, keeps `keep` of them, and opens an empty file for appending. */
export function openRun(path: string, { keep, mode, known = true, inRow = 0 }: NewRun): OpenedLog {
  try {
    // A file that no launch of this key wrote may be the user's own: it is moved aside even where no run is kept.
    shiftRuns(path, { keep: known ? keep : Math.max(1, keep), inRow });
    const fd = openOwnForOthers(path, { flags: constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, mode });
    const { dev, ino } = fstatSync(fd);
    return { fd, file: { dev, ino } };
  } catch (error) {
    throw writeError(path, { cause: error });
  }
}
