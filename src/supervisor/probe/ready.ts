/** Readiness: each probe is attempted repeatedly until it succeeds or its time is up; all of them must succeed. */
import type { ResolvedProbe } from "../../manifest/model/resolved.ts";
import { messageOf } from "../../sys/base/error.ts";
import { makeAttempt } from "./kinds.ts";
import { sleepUnlessAborted } from "./pause.ts";
import type { ProbeContext } from "./types.ts";

export interface ReadyRequest extends ProbeContext {
  probes: readonly ResolvedProbe[];
  /** Replaces every probe's time limit. */
  timeoutMs: number | null;
}

export type Readiness = { is: "ready" } | { is: "timeout"; why: string } | { is: "aborted" };

/** The limit of a single attempt: an HTTP server that accepts and never answers must not use up the whole time. */
const TRY_MS = 5000;
/** The last attempt gets at least this; otherwise it would report its own limit instead of what is wrong. */
const LEAST_TRY_MS = 250;
/** After the time is up, probing continues at this pace: a slow start may still become ready. */
const LATE_INTERVAL_MS = 1000;

/**
 * The first attempts come quickly, since most servers are up in milliseconds; the interval doubles up to the probe's
 * own.
 */
const FIRST_INTERVAL_MS = 5;

/** Waits until all probes succeed. */
export async function waitReady(request: ReadyRequest): Promise<Readiness> {
  const results = await Promise.all(request.probes.map((probe) => holdProbe(request, probe)));
  if (request.signal.aborted) return { is: "aborted" };
  const failed = results.filter((why) => why !== null);
  return failed.length === 0 ? { is: "ready" } : { is: "timeout", why: failed.join("; ") };
}

/** Continues to probe a launch that was not ready in time. Resolves true once it is ready. */
export async function waitReadyLate(request: ReadyRequest): Promise<boolean> {
  const slow = request.probes.map(
    (probe): ResolvedProbe => ({ ...probe, intervalMs: LATE_INTERVAL_MS, timeoutMs: Number.POSITIVE_INFINITY }),
  );
  return (await waitReady({ ...request, probes: slow, timeoutMs: null })).is === "ready";
}

/** Null when the probe succeeded, else a phrase for the user saying why it did not. */
async function holdProbe(request: ReadyRequest, probe: ResolvedProbe): Promise<string | null> {
  const began = performance.now();
  const limit =
    probe.type === "delay" ? Number.POSITIVE_INFINITY : (request.timeoutMs ?? probe.startPeriodMs + probe.timeoutMs);
  const attempt = makeAttempt(request, { probe, began });
  for (let wait = FIRST_INTERVAL_MS; ; wait *= 2) {
    // An attempt that throws (too many open files) must not end the host: it is repeated like any other.
    const why = await attempt(Math.min(TRY_MS, Math.max(LEAST_TRY_MS, leftOf(limit, began)))).catch(messageOf);
    if (why === null || request.signal.aborted) return null;
    const left = leftOf(limit, began);
    if (left <= 0) return `${why} (waited ${Math.round(limit / 100) / 10}s)`;
    await sleepUnlessAborted(Math.min(wait, probe.intervalMs, left), request.signal);
  }
}

function leftOf(limit: number, began: number): number {
  return limit - (performance.now() - began);
}
