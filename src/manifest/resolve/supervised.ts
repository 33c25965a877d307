/** Resolves probes, restart policies and `restartOn` from text to numbers. Their defaults are here. */
import { parseDuration } from "../../values/duration.ts";
import { wholeKey } from "../../values/key.ts";
import type { ResolvedAlive, ResolvedProbe, ResolvedRestartOn, RestartPolicy } from "../model/resolved.ts";
import type { AliveProbe, ManagedFields, Probe, RestartOn, RestartOptions } from "../model/types.ts";

/** How long a probe may take in total when the manifest sets no `timeout`. */
const PROBE_TIMEOUT_MS = 30_000;
const PROBE_INTERVAL_MS = 200;
const ALIVE_TIMEOUT_MS = 5000;
const ALIVE_INTERVAL_MS = 10_000;
const ALIVE_FAILURES = 3;
export const DEBOUNCE_MS = 500;

/** At most one restart a second, as in runit and s6; where ten restarts did not help, an eleventh will not. */
const RESTART = {
  delayMs: 1000,
  maxDelayMs: 30_000,
  jitter: 0.2,
  resetAfterMs: 60_000,
  limit: { count: 10, windowMs: 600_000 },
};

export function probeOf(probe: Probe): ResolvedProbe {
  const delayMs = probe.delay === undefined ? 0 : resolvedDuration(probe.delay);
  const times = {
    // a delay longer than the default timeout is not late
    timeoutMs: probe.timeout === undefined ? PROBE_TIMEOUT_MS + delayMs : resolvedDuration(probe.timeout),
    intervalMs: msOf(probe.interval, PROBE_INTERVAL_MS),
    startPeriodMs: msOf(probe.startPeriod, 0),
  };
  if (probe.http !== undefined) return { type: "http", target: probe.http, status: probe.status ?? null, ...times };
  if (probe.port !== undefined) return { type: "port", port: probe.port === true ? null : probe.port, ...times };
  if (probe.log !== undefined) return { type: "log", pattern: probe.log, ...times };
  if (probe.exec !== undefined) return { type: "exec", argv: probe.exec, ...times };
  if (probe.delay === undefined) throw new Error("the schema let a probe of no kind through");
  return { type: "delay", ms: delayMs, ...times };
}

export function resolvedDuration(text: string): number {
  const ms = parseDuration(text);
  if (ms === null) throw new Error(`the schema let ${JSON.stringify(text)} through as a duration`);
  return ms;
}

function msOf(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : resolvedDuration(text);
}

export function aliveOf(probe: AliveProbe): ResolvedAlive {
  const { failures = ALIVE_FAILURES, action = "unhealthy", ...asked } = probe;
  const resolved = probeOf(asked);
  if (resolved.type === "log" || resolved.type === "delay" || resolved.type === "stack")
    throw new Error(`the schema let ${resolved.type} through as a probe of liveness`);
  const timeoutMs = msOf(probe.timeout, ALIVE_TIMEOUT_MS);
  return { ...resolved, timeoutMs, intervalMs: msOf(probe.interval, ALIVE_INTERVAL_MS), failures, action };
}

/** An object without `policy` means "on-failure". */
export function policyOf(written: ManagedFields["restart"]): RestartPolicy {
  const options: RestartOptions = typeof written === "object" ? written : { policy: written ?? "no" };
  const delayMs = msOf(options.delay, RESTART.delayMs);
  return {
    policy: options.policy ?? "on-failure",
    successCodes: options.successCodes ?? [0],
    delayMs,
    // a delay above the default cap is deliberate
    maxDelayMs: msOf(options.maxDelay, Math.max(RESTART.maxDelayMs, delayMs)),
    jitter: options.jitter ?? RESTART.jitter,
    resetAfterMs: msOf(options.resetAfter, RESTART.resetAfterMs),
    limit: limitOf(options.limit),
  };
}

function limitOf(limit: RestartOptions["limit"]): RestartPolicy["limit"] {
  if (limit === "none") return null;
  return { count: limit?.count ?? RESTART.limit.count, windowMs: msOf(limit?.window, RESTART.limit.windowMs) };
}

export function restartOnOf({ paths, ignore = [], debounce, run, cascade = false }: RestartOn): ResolvedRestartOn {
  return {
    paths,
    ignore,
    debounceMs: msOf(debounce, DEBOUNCE_MS),
    run: run === undefined ? null : wholeKey(run),
    cascade,
  };
}
