/** Sentences about how a launch ended. Facts in, one sentence out. */

import type { Asker, ExitRecord, LaunchRecord } from "../../state/types.ts";
import { formatDuration } from "../../values/duration.ts";

export function describeStatus({ code, signal }: { code: number | null; signal: string | null }): string {
  if (signal !== null) return `signal ${signal}`;
  return code === null ? "an exit status nobody saw" : `code ${code}`;
}

export function describeAsker(by: Asker | null): string {
  if (by?.because !== undefined) return ` because ${by.because}`;
  if (by === null) return "";
  return by.by === "owner"
    ? `, as its owner has gone: ${by.command} (pid ${by.pid})`
    : ` by ${by.command} (pid ${by.pid})`;
}

type Facts = Pick<ExitRecord, "reason" | "code" | "signal" | "uptimeMs" | "by">;

const TEXTS: Record<ExitRecord["reason"], (exit: Facts) => string> = {
  stopped: (exit) => `stopped${describeAsker(exit.by)} after ${formatDuration(exit.uptimeMs)}`,
  replaced: (exit) =>
    `${exit.by?.by === "policy" ? "restarted" : "replaced"}${describeAsker(exit.by)} after ${formatDuration(exit.uptimeMs)}`,
  interrupted: (exit) => `interrupted after ${formatDuration(exit.uptimeMs)}`,
  exited: (exit) => `exited with ${describeStatus(exit)} after ${formatDuration(exit.uptimeMs)}`,
  failed: (exit) => `failed with ${describeStatus(exit)} after ${formatDuration(exit.uptimeMs)}`,
  "start-failed": () => "could not be started",
  unknown: (exit) => `ended after about ${formatDuration(exit.uptimeMs)}; its host was gone, so nobody saw how`,
};

export function describeEnd(exit: Facts, killed: number): string {
  const forced =
    killed > 0 ? `; ${killed} ${killed === 1 ? "process" : "processes"} had to be killed with SIGKILL` : "";
  return `${TEXTS[exit.reason](exit)}${forced}`;
}

/** What a host can say of a launch that another dt is just ending, before that one has written the exit. */
export function makeTakenExit(
  record: LaunchRecord,
  by: Asker,
  status: { code: number | null; signal: string | null },
): ExitRecord {
  const at = new Date().toISOString();
  const facts: ExitRecord = {
    version: 1,
    key: record.key,
    token: record.token,
    ...status,
    at,
    startedAt: record.startedAt,
    uptimeMs: Math.max(0, Date.parse(at) - Date.parse(record.startedAt)),
    restarts: record.restarts,
    reason: by.by === "rerun" ? "replaced" : "stopped",
    text: "",
    by,
    argv: record.argv,
    cwd: record.cwd,
    log: record.log,
    lastLines: [],
  };
  return { ...facts, text: describeEnd(facts, 0) };
}
