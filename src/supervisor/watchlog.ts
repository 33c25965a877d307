/** Keeps a run's log within its bound, as long as its host lives. */
import { boundLog } from "../logs/bound.ts";
import type { Report, Run } from "./types.ts";

/** How often the log's size is looked at: a run may exceed its bound by what it writes in this time. */
const BOUND_EVERY_MS = 1000;

export function watchLogSize({ record, spec, over }: Run, report: Report): void {
  const { maxBytes } = spec.settings.logs;
  if (maxBytes === null || record.logFile === null) return;
  const bound = boundLog(record.log, record.logFile, maxBytes);
  if (bound === null) {
    report({ is: "note", text: `${record.key}: its log was moved or may not be read, so logs.maxSize is off` });
    return;
  }
  const timer = setInterval(() => {
    if (bound.check()) return;
    clearInterval(timer);
    report({ is: "note", text: `${record.key}: this file system cannot release a log's head, so logs.maxSize is off` });
  }, BOUND_EVERY_MS);
  over.signal.addEventListener("abort", () => {
    clearInterval(timer);
    bound.check();
    bound.close();
  });
}
