/** How a launch ended: its exit record, and the sentence about it. */
import type { Asker, ExitRecord, LaunchRecord } from "../../state/types.ts";
import { formatDuration } from "../../values/duration.ts";

export function describeStatus({ code, signal }: { code: number | null; signal: string | null }): string {
  if (signal !== null) return `signal ${signal}`;
  return code === null ? "an exit status nobody saw" : `code ${code}`;
}

const MEANS: Partial<Record<Asker["by"], string>> = {
  owner: ", as its owner has gone:",
  hangup: " by the closing of the terminal or pipe of",
  signal: " by a signal to",
};

export function describeAsker(by: Asker | null): string {
  if (by?.because !== undefined) return ` because ${by.because}`;
  return by === null ? "" : `${MEANS[by.by] ?? " by"} ${by.command} (pid ${by.pid})`;
}

type Facts = Pick<ExitRecord, "reason" | "code" | "signal" | "uptimeMs" | "by">;

const TEXTS: Record<ExitRecord["reason"], (exit: Facts) => string> = {
  stopped: (exit) => endedBy(exit, "stopped"),
  replaced: (exit) => endedBy(exit, exit.by?.by === "policy" ? "restarted" : "replaced"),
  interrupted: (exit) => `interrupted after ${formatDuration(exit.uptimeMs)}`,
  exited: (exit) => `exited with ${describeStatus(exit)} after ${formatDuration(exit.uptimeMs)}`,
  failed: (exit) => `failed with ${describeStatus(exit)} after ${formatDuration(exit.uptimeMs)}`,
  "start-failed": () => "could not be started",
  unknown: (exit) =>
    `ended after about ${formatDuration(exit.uptimeMs)}; its host was gone, so how it ended is unknown`,
};

/** Behind a reason, which is a clause of its own, the time would belong to the reason. */
function endedBy({ by, uptimeMs }: Facts, verb: string): string {
  const after = ` after ${formatDuration(uptimeMs)}`;
  const isReason = by?.because !== undefined || by?.by === "owner";
  return isReason ? `${verb}${after}${describeAsker(by)}` : `${verb}${describeAsker(by)}${after}`;
}

export function describeEnd(exit: Facts, killed: number): string {
  const forced =
    killed > 0 ? `; ${killed} ${killed === 1 ? "process" : "processes"} had to be killed with SIGKILL` : "";
  return `${TEXTS[exit.reason](exit)}${forced}`;
}

/** What follows "it" in a sentence: `was stopped by …`, `exited with …`. */
export function exitClause({ reason, text }: Pick<ExitRecord, "reason" | "text">): string {
  const isPassive = reason === "stopped" || reason === "replaced" || reason === "interrupted";
  return isPassive && !text.startsWith("was ") ? `was ${text}` : text;
}

/** How many lines of the log an exit keeps. */
export const LAST_LINES = 50;

/** What ended: a launch, a run of a one-shot, or a start that failed. */
type Subject = Pick<ExitRecord, "key" | "token" | "startedAt" | "restarts" | "argv" | "cwd" | "log">;

/**
 * Every exit record is made here. Defaults: it ended now, its code and signal are unknown, no last lines, and the text
 * is the sentence for `reason`. `killed`: how many processes had to be killed with SIGKILL.
 */
export function makeExit(
  { key, token, startedAt, restarts, argv, cwd, log }: Subject,
  { killed = 0, ...how }: { killed?: number | undefined } & Pick<ExitRecord, "reason" | "by"> & Partial<ExitRecord>,
): ExitRecord {
  const at = how.at ?? new Date().toISOString();
  const uptimeMs = Math.max(0, Date.parse(at) - Date.parse(startedAt));
  const end = { code: null, signal: null, at, uptimeMs, text: "", lastLines: [] };
  const facts: ExitRecord = { version: 1, key, token, startedAt, restarts, argv, cwd, log, ...end, ...how };
  return { ...facts, text: how.text ?? describeEnd(facts, killed) };
}

/** What a host can report of a launch that another dt is ending, before that dt has written the exit. */
export function makeTakenExit(
  record: LaunchRecord,
  { by, status }: { by: Asker; status: { code: number | null; signal: string | null } },
): ExitRecord {
  return makeExit(record, { ...status, reason: by.by === "rerun" ? "replaced" : "stopped", by });
}
