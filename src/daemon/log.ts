/**
 * The daemon's own logs, JSON lines: `info` and `debug` in daemon.log, `warn` and `error` in daemon-err.log. Each is
 * bounded, with its earlier lines in `.1`. Text printed by a crash goes to daemon-err.log as it is.
 */
import { renameSync } from "node:fs";
import type { Log, LogLevel } from "../jobs/types.ts";
import { readLastLines } from "../logs/tail.ts";
import { statOf } from "../sys/base/stat.ts";
import { appendLine } from "../sys/files/filewrite.ts";
import type { DaemonPaths } from "./socket/paths.ts";

const ORDER: readonly LogLevel[] = ["debug", "info", "warn", "error"];
/** Of each file; at most twice as much is on disk. */
const MOST_BYTES = 5 * 1024 * 1024;
const LONGEST_MESSAGE = 8 * 1024;

export interface DaemonLogOptions {
  paths: Pick<DaemonPaths, "log" | "errors">;
  /** The lowest level that is kept. Default `info`. */
  level?: string | undefined;
  /** In the foreground: prints each line as well. */
  echo: ((line: string) => void) | null;
}

export function openLog({ paths, level, echo }: DaemonLogOptions): Log {
  const least = Math.max(0, ORDER.indexOf((level ?? "info") as LogLevel));
  return (of, msg, facts = {}) => {
    if (ORDER.indexOf(of) < least) return;
    const line = JSON.stringify({
      at: new Date().toISOString(),
      level: of,
      msg: msg.slice(0, LONGEST_MESSAGE),
      ...facts,
    });
    const file = of === "warn" || of === "error" ? paths.errors : paths.log;
    try {
      if ((statOf(file)?.size ?? 0) > MOST_BYTES) renameSync(file, `${file}.1`);
      appendLine(file, `${line}\n`);
    } catch {
      // a full disk must not end the daemon
    }
    echo?.(`${of}: ${msg}`);
  };
}

export interface DaemonLogLine {
  at: string | null;
  level: string;
  text: string;
}

/** The last lines of both files, or of the errors alone, in the order of their times. */
export function readDaemonLogs(
  paths: DaemonPaths,
  { lines, errorsAlone }: { lines: number; errorsAlone: boolean },
): DaemonLogLine[] {
  const files = errorsAlone ? [paths.errors] : [paths.log, paths.errors];
  const read = files.flatMap((file) => {
    const own = readLastLines(file, { lines, maxBytes: MOST_BYTES });
    const before =
      own.length < lines ? readLastLines(`${file}.1`, { lines: lines - own.length, maxBytes: MOST_BYTES }) : [];
    return inOrder([...before, ...own].map(parseLine));
  });
  return read
    .sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0))
    .slice(-lines)
    .map(({ at, level, text }) => ({ at, level, text }));
}

/** Lines without a time (of a crash) stay behind the line before them. */
function inOrder(lines: DaemonLogLine[]): (DaemonLogLine & { order: string })[] {
  let last = "";
  return lines.map((line) => {
    last = line.at ?? last;
    return { ...line, order: last };
  });
}

function parseLine(line: string): DaemonLogLine {
  try {
    const { at, level, msg, ...facts } = JSON.parse(line) as Record<string, unknown>;
    if (typeof at !== "string" || typeof level !== "string" || typeof msg !== "string")
      throw new Error("not one of ours");
    const more = Object.entries(facts).map(
      ([name, value]) => ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
    );
    return { at, level, text: `${msg}${more.join("")}` };
  } catch {
    return { at: null, level: "error", text: line };
  }
}
