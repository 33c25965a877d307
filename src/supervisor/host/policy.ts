/** Whether a run that ended is followed by another, and when. Pure: the time and the random number are passed in. */
import type { RestartPolicy } from "../../manifest/model/resolved.ts";
import { isSuccess } from "../../state/view.ts";
import type { Streak } from "../launch/streak.ts";

/** How a run ended, as a policy sees it. `not-alive`: its host ended it, since its probes said so. */
export type RunEnd = "succeeded" | "failed" | "not-alive";

export interface EndedRun {
  end: RunEnd;
  uptimeMs: number;
  streak: Streak;
  now: number;
}

export type Decision =
  | { is: "end" }
  | { is: "restart"; afterMs: number; streak: Streak }
  | { is: "give-up"; restarts: number; windowMs: number };

/**
 * Whether the policy starts it again. A run that is not alive is started again because `alive` says so, whatever the
 * policy for ends is.
 */
export const AGAIN: Readonly<Record<RestartPolicy["policy"], Readonly<Record<RunEnd, boolean>>>> = {
  no: { succeeded: false, failed: false, "not-alive": true },
  "on-failure": { succeeded: false, failed: true, "not-alive": true },
  always: { succeeded: true, failed: true, "not-alive": true },
};

export function judgeEnd({ successCodes }: RestartPolicy, code: number | null): RunEnd {
  return isSuccess({ successCodes }, code) ? "succeeded" : "failed";
}

/** `random`: at least 0 and less than 1. */
export function decideAfterEnd(policy: RestartPolicy, { random, ...run }: { random: number } & EndedRun): Decision {
  if (!AGAIN[policy.policy][run.end]) return { is: "end" };
  const { limit } = policy;
  const recent = run.streak.at.filter((at) => limit !== null && run.now - at < limit.windowMs);
  if (limit !== null && recent.length >= limit.count)
    return { is: "give-up", restarts: recent.length, windowMs: limit.windowMs };
  const before = run.uptimeMs >= policy.resetAfterMs ? 0 : run.streak.inRow;
  const jittered = backoffMs(policy, before) * (1 + policy.jitter * random);
  return {
    is: "restart",
    afterMs: Math.round(Math.min(policy.maxDelayMs, jittered)),
    streak: { inRow: before + 1, at: [...recent, run.now] },
  };
}

/** The wait after so many restarts in a row, before jitter. */
export function backoffMs({ delayMs, maxDelayMs }: Pick<RestartPolicy, "delayMs" | "maxDelayMs">, before: number) {
  return Math.min(maxDelayMs, delayMs * 2 ** before);
}
