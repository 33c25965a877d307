/**
 * The caller's side of a detached start: the root's host does it, and the caller only listens. If the caller is killed,
 * nothing changes. Only an explicit cancel (Ctrl-C) changes something: before the spawn it clears what was written,
 * after the spawn it stops the launch.
 */
import { toError } from "../launch/failure.ts";
import { MOST_RESTARTS } from "../launch/streak.ts";
import type { Ground, LaunchEvent, LaunchLine, LaunchSpec, Report } from "../launch/types.ts";
import { askHost, isHostStopped } from "./ask.ts";
import { hostLost } from "./reach.ts";

/** The event that ends the wait. */
export type Until = "spawned" | "ready";

export interface DetachedStart {
  ground: Ground;
  spec: LaunchSpec;
  until: Until;
  report: Report;
  /** Aborted by the caller's Ctrl-C: the host then gives the start up. */
  cancel: AbortSignal;
}

/**
 * Hands the start to a host, and relays its events until the launch is there, or its policy has restarted it so often
 * that it is not (`restarting`). Returns the last event. Throws the host's error. A launch on a terminal gets a host of
 * its own, because it ends with its host.
 */
export async function startDetached({ ground, spec, until, report, cancel }: DetachedStart): Promise<LaunchEvent> {
  const request = { is: "start", spec, env: spec.env } as const;
  let restarts = 0;
  let there: LaunchLine | null = null;
  try {
    for await (const word of askHost(ground, { request, starts: [spec], isOwn: spec.settings.tty, cancel })) {
      const event = word as LaunchEvent;
      report(event);
      if (event.is === "failed") throw toError(event.error);
      if (event.is === "spawned" || event.is === "joined") there = event.line;
      if (event.is === "restarting") restarts++;
      if (isLast(event, until) || restarts >= MOST_RESTARTS) return event;
    }
  } catch (error) {
    if (there === null || cancel.aborted || !isHostStopped(error)) throw error;
    const why = `its host (pid ${error.details?.pid}) is stopped, and so does not answer`;
    const event = { is: "unhealthy", line: { ...there, state: "unhealthy" }, why } as const;
    report(event);
    return event;
  }
  throw hostLost(ground, spec.key);
}

/**
 * Asks for a host for those launches of the root whose own is gone. The host finds out whether there is something to
 * take over; that is not waited for.
 */
export async function askAdopting(ground: Ground, env: Record<string, string>): Promise<void> {
  for await (const word of askHost(ground, { request: { is: "adopt", keys: null, env }, starts: [] }))
    if (word.is === "failed") throw toError(word.error);
}

function isLast(event: LaunchEvent, until: Until): boolean {
  switch (event.is) {
    case "spawned":
    case "joined":
      return until === "spawned" || !event.probed;
    case "ready":
    case "unhealthy":
    case "unchanged":
    case "ended":
      return true;
    default:
      return false;
  }
}
