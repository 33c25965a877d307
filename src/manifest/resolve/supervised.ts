/** Probes, restart policies and what restarts on a change, from as written to numbers. The defaults are here. */

import { parseDuration } from "../../values/units.ts";
import type { ResolvedAlive, ResolvedProbe, ResolvedRestartOn, RestartPolicy } from "../model/resolved.ts";
import type { AliveProbe, ManagedFields, Probe, RestartOn, RestartOptions } from "../model/types.ts";

/** Time a probe may take altogether when the manifest does not say. */
const PROBE_TIMEOUT_MS = 30_000;
const PROBE_INTERVAL_MS = 200;
const ALIVE_TIMEOUT_MS = 5000;
const ALIVE_INTERVAL_MS = 10_000;
const ALIVE_FAILURES = 3;
export const DEBOUNCE_MS = 500;

/** Never faster than once a second, as the supervisors people trust do it; what still fails after ten tries, no eleventh helps. */
const RESTART = {
  delayMs: 1000,
  maxDelayMs: 30_000,
  jitter: 0.2,
  resetAfterMs: 60_000,
  limit: { count: 10, windowMs: 600_000 },
};

export function probeOf(probe: Probe): ResolvedProbe {
  const delayMs = probe.delay === undefined ? 0 : durationOf(probe.delay);
  const times = {
    // a delay is not late because it is longer than the usual limit
    timeoutMs: probe.timeout === undefined ? PROBE_TIMEOUT_MS + delayMs : durationOf(probe.timeout),
    intervalMs: msOf(probe.interval, PROBE_INTERVAL_MS),
    startPeriodMs: msOf(probe.startPeriod, 0),
  };
  if (probe.http !== undefined) return { type: "http", target: probe.http, status: probe.status ?? null, ...times };
  if (probe.port !== undefined) return { type: "port", port: probe.port === true ? null : probe.port, ...times };
  if (probe.log !== undefined) return { type: "log", pattern: probe.log, ...times };
  if (probe.exec !== undefined) return { type: "exec", argv: probe.exec, ...times };
  return { type: "delay", ms: delayMs, ...times };
}

export function durationOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === null) throw new Error(`the schema let ${JSON.stringify(text)} through as a duration`);
  return ms;
}

function msOf(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : durationOf(text);
}

export function aliveOf(probe: AliveProbe): ResolvedAlive {
  const { failures = ALIVE_FAILURES, action = "unhealthy", ...asked } = probe;
  const resolved = probeOf(asked);
  if (resolved.type === "log" || resolved.type === "delay" || resolved.type === "stack")
    throw new Error(`the schema let ${resolved.type} through as a probe of liveness`);
  const timeoutMs = msOf(probe.timeout, ALIVE_TIMEOUT_MS);
  return { ...resolved, timeoutMs, intervalMs: msOf(probe.interval, ALIVE_INTERVAL_MS), failures, action };
}

/** Written without `policy`, its numbers are for failures. */
export function policyOf(written: ManagedFields["restart"]): RestartPolicy {
  const options: RestartOptions = typeof written === "object" ? written : { policy: written ?? "no" };
  const delayMs = msOf(options.delay, RESTART.delayMs);
  return {
    policy: options.policy ?? "on-failure",
    successCodes: options.successCodes ?? [0],
    delayMs,
    // a delay that is longer than the usual cap is meant
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
    run: run === undefined ? null : run.split(":").length === 2 ? `${run}:default` : run,
    cascade,
  };
}
