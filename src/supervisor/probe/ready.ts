/** Readiness: each probe is tried again and again until it holds or its time is over; all of them must hold. */
import type { ResolvedProbe } from "../../manifest/model/resolved.ts";
import { messageOf } from "../../sys/base/error.ts";
import { sleepUnlessAborted } from "./pause.ts";
import { makeTry } from "./tries.ts";
import type { Asked } from "./types.ts";

export interface ReadyRequest extends Asked {
  probes: readonly ResolvedProbe[];
  /** Replaces every probe's time limit. */
  timeoutMs: number | null;
}

export type Readiness = { is: "ready" } | { is: "timeout"; why: string } | { is: "aborted" };

/** One try's own limit: an HTTP server that accepts and never answers must not eat the whole time. */
const TRY_MS = 5000;
/** The last try gets at least this, or it would tell of its own limit and not of what is wrong. */
const LEAST_TRY_MS = 250;
/** After the time is over, probing goes on at this pace: a slow start may still become ready. */
const LATE_INTERVAL_MS = 1000;

/** The first tries come quickly, since most servers are up in milliseconds; the interval doubles up to the probe's own. */
const FIRST_INTERVAL_MS = 5;

/** Waits until all probes hold. */
export async function waitReady(request: ReadyRequest): Promise<Readiness> {
  const results = await Promise.all(request.probes.map((probe) => holdProbe(request, probe)));
  if (request.signal.aborted) return { is: "aborted" };
  const failed = results.filter((why) => why !== null);
  return failed.length === 0 ? { is: "ready" } : { is: "timeout", why: failed.join("; ") };
}

/** Goes on probing a launch that was not ready in time. Resolves true when it is at last. */
export async function waitReadyLate(request: ReadyRequest): Promise<boolean> {
  const slow = request.probes.map(
    (probe): ResolvedProbe => ({ ...probe, intervalMs: LATE_INTERVAL_MS, timeoutMs: Number.POSITIVE_INFINITY }),
  );
  return (await waitReady({ ...request, probes: slow, timeoutMs: null })).is === "ready";
}

/** Null when the probe held, else why it did not, for a person. */
async function holdProbe(request: ReadyRequest, probe: ResolvedProbe): Promise<string | null> {
  const began = performance.now();
  const limit =
    probe.type === "delay" ? Number.POSITIVE_INFINITY : (request.timeoutMs ?? probe.startPeriodMs + probe.timeoutMs);
  const attempt = makeTry(request, probe, began);
  for (let wait = FIRST_INTERVAL_MS; ; wait *= 2) {
    // A try that fails in a way of its own (too many open files) may not end the host: it is tried again like the others.
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
