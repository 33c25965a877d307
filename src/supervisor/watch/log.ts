/** What a host does for its run's log while it lives: notes when it had which size, and keeps it within its bound. */
import { statSync } from "node:fs";
import { boundLog } from "../../logs/bound.ts";
import { makeReadBefore } from "../../logs/reopen.ts";
import { openTimes } from "../../logs/times.ts";
import { formatBytes } from "../../values/size.ts";
import type { Report } from "../launch/types.ts";
import { noteCut } from "../prepare/reopens.ts";
import type { Host, Run } from "../run/types.ts";

/** How often the log is looked at: a run may exceed its bound by what it writes in this time, and times are as exact as this. */
const LOOK_EVERY_MS = 1000;

export function watchLog(host: Host, { record, spec, over }: Run): void {
  const { log, logFile, key } = record;
  if (logFile === null) return;
  const reader = makeReadBefore(log, logFile);
  const times = openTimes(host.ground.store.path(key, "times"), record.token, reader.readBefore);
  const bound = makeBound(record, spec.settings.logs.maxBytes, host.report);
  let size = 0;
  let isCut = false;
  const look = () => {
    const stat = statSync(log, { throwIfNoEntry: false });
    if (stat?.ino === logFile.ino && stat.dev === logFile.dev) {
      times.note(stat.size, Date.now());
      if (stat.size < size && !isCut) {
        isCut = true;
        tellCut(host, key, size - stat.size);
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

/** By whoever opens it again without O_APPEND, as `> /dev/stderr` does: the next run is kept from that. */
function tellCut({ ground, report }: Host, key: string, bytes: number): void {
  report({
    is: "note",
    text: `${key}: its log was cut, and ${formatBytes(bytes)} of it are lost (a program opened it again, as \`> /dev/stderr\` does, or somebody emptied it); from its next start its output goes through a pipe, which nobody can cut`,
  });
  try {
    noteCut(ground, key);
  } catch {
    // a full disk: it is seen again
  }
}

/** Once the bound does not work it is off, and that is told. */
function makeBound({ log, logFile, key }: Run["record"], maxBytes: number | null, report: Report) {
  let bound = maxBytes === null || logFile === null ? null : boundLog(log, logFile, maxBytes);
  const tellOff = (why: string) => report({ is: "note", text: `${key}: ${why}, so logs.maxSize is off` });
  if (bound === null && maxBytes !== null) tellOff("its log was moved or may not be read");
  return {
    check() {
      if (bound === null || bound.check()) return;
      bound.close();
      bound = null;
      tellOff("this file system cannot release a log's head");
    },
    close: () => bound?.close(),
  };
}
