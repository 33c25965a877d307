/** What a host does for the log of its run: notes how long it was at which time, and keeps it within its bound. */
import { statSync } from "node:fs";
import { boundLog } from "../../logs/bound.ts";
import { makeReadBefore } from "../../logs/reopen.ts";
import { openTimes } from "../../logs/times.ts";
import { formatBytes } from "../../values/size.ts";
import type { Report } from "../launch/types.ts";
import { noteCut } from "../prepare/reopens.ts";
import type { Host, HostedRun } from "../run/types.ts";

/**
 * How often the log is checked, in milliseconds. A run may exceed its bound by what it writes in this time, and times
 * are this exact.
 */
const LOOK_EVERY_MS = 1000;

export function watchLog(host: Host, { record, spec, over }: HostedRun): void {
  const { log, logFile, key } = record;
  if (logFile === null) return;
  const reader = makeReadBefore(log, logFile);
  const times = openTimes(host.ground.store.path(key, "times"), { token: record.token, readBefore: reader.readBefore });
  const bound = makeBound(record, { maxBytes: spec.settings.logs.maxBytes, report: host.report });
  let size = 0;
  let isCut = false;
  const look = () => {
    const stat = statSync(log, { throwIfNoEntry: false });
    if (stat?.ino === logFile.ino && stat.dev === logFile.dev) {
      times.note(stat.size, Date.now());
      if (stat.size < size && !isCut) {
        isCut = true;
        reportCut(host, { key, bytes: size - stat.size });
      }
      size = stat.size;
    }
    bound.check();
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  over.signal.addEventListener("abort", () => {
    clearInterval(timer);
    look();
    bound.close();
    reader.close();
  });
}

/**
 * A program cuts the log by opening it again without O_APPEND, as `> /dev/stderr` does. The next run gets a pipe
 * instead.
 */
function reportCut({ ground, report }: Host, { key, bytes }: { key: string; bytes: number }): void {
  report({
    is: "note",
    text: `${key}: its log was cut, and ${formatBytes(bytes)} of it was lost (a program opened it again, as \`> /dev/stderr\` does, or it was emptied); from the next start on, its output goes through a pipe, which cannot be cut`,
  });
  try {
    noteCut(ground, key);
  } catch {
    // a full disk: the next cut is noticed again
  }
}

/** If the log cannot be bounded, its bound is off, and that is reported. */
function makeBound(
  { log, logFile, key }: HostedRun["record"],
  { maxBytes, report }: { maxBytes: number | null; report: Report },
) {
  let bound = maxBytes === null || logFile === null ? null : boundLog(log, { file: logFile, maxBytes });
  const reportOff = (why: string) => report({ is: "note", text: `${key}: ${why}, so logs.maxSize is off` });
  if (bound === null && maxBytes !== null) reportOff("its log was moved or may not be read");
  return {
    check() {
      if (bound === null || bound.check()) return;
      bound.close();
      bound = null;
      reportOff("this file system cannot release a log's head");
    },
    close: () => bound?.close(),
  };
}
