/**
 * What a host does about what happens to its launch: every event in every state, as data. Who does it is in supervisor/host/host.ts (`settle`, `replace`,
 * `recycle`, `end`), supervisor/host/backoff.ts (`start`, `forget`, `leave`) and supervisor/watch/health.ts (`show-…`).
 *
 *   state       the launch
 *   ---------   ---------------------------------------------------------------
 *   starting    runs, its `ready` probes do not all hold yet
 *   up          runs, and is ready, or has no such probes
 *   unhealthy   runs; was not ready in time, or its `alive` probes fail
 *   backoff     does not run; the policy waits before it starts it again
 */
export type RunState = "starting" | "up" | "unhealthy" | "backoff";

export type RunEvent =
  /** All `ready` probes hold. */
  | "ready"
  /** They did not in time. */
  | "late"
  /** An `alive` probe failed as often as it may, and its action is to show that. */
  | "sick"
  /** All `alive` probes hold again. */
  | "well"
  /** An `alive` probe failed as often as it may, and its action is a restart. */
  | "stuck"
  /** The leader ended. */
  | "ended"
  /** The policy's wait is over. */
  | "due"
  /** Files changed that restart it. */
  | "changed"
  /** A person asks for a restart. */
  | "restart"
  /** Ctrl-C, or a signal to the host. */
  | "stop"
  /** Somebody else stopped the launch, or started another in its place. */
  | "taken";

export type Act =
  | "ignore"
  | "show-ready"
  | "show-unhealthy"
  /** Sweep what is left, write the exit, ask the policy. */
  | "settle"
  /** End the run and start the next one at once, under one lock. */
  | "replace"
  /** End the run, write the exit, ask the policy. */
  | "recycle"
  /** Start the next run now. */
  | "start"
  /** Stop the launch. */
  | "end"
  /** Do not start it again. */
  | "forget"
  /** Whoever took it writes what there is to write. */
  | "leave";

// biome-ignore format: a table is read by its columns
const ACTS: Readonly<Record<RunState, Readonly<Record<RunEvent, Act>>>> = {
  starting:  { ready: "show-ready", late: "show-unhealthy", sick: "ignore",         well: "ignore",     stuck: "ignore",  ended: "settle", due: "ignore", changed: "replace", restart: "replace", stop: "end",    taken: "leave" },
  up:        { ready: "ignore",     late: "ignore",         sick: "show-unhealthy", well: "ignore",     stuck: "recycle", ended: "settle", due: "ignore", changed: "replace", restart: "replace", stop: "end",    taken: "leave" },
  unhealthy: { ready: "show-ready", late: "ignore",         sick: "ignore",         well: "show-ready", stuck: "recycle", ended: "settle", due: "ignore", changed: "replace", restart: "replace", stop: "end",    taken: "leave" },
  backoff:   { ready: "ignore",     late: "ignore",         sick: "ignore",         well: "ignore",     stuck: "ignore",  ended: "ignore", due: "start",  changed: "start",   restart: "start",   stop: "forget", taken: "leave" },
};

export function actOn(state: RunState, event: RunEvent): Act {
  return ACTS[state][event];
}
