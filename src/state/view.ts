/**
 * The state that is shown, judged from a key's files and the process table together. Pure.
 *
 *   record            leader   host     more                        state
 *   ---------------   ------   ------   -------------------------   ------------------------------
 *   none              -        -        no exit                     (nothing is known of the key)
 *   none              -        -        exit                        stopped | exited | failed
 *   none              -        -        exit, dismissed             stopped, where it had failed
 *   none              -        -        exit, replaced, lock held   starting: its replacement has no record yet
 *   starting          none     alive    -                           starting
 *   starting          none     gone     a process has the token     running (its leader was never recorded)
 *   starting          none     gone     no process has the token    failed (the start was cut off)
 *   running           alive    alive    probes not done             starting
 *   running           alive    any      probes done                 ready | unhealthy
 *   running           alive    any      no probes, or no host       running
 *   running           alive    any      no probes, `alive` fails    unhealthy
 *   stopping          alive    any      -                           stopping
 *   stopping          gone     any      tree not yet swept          stopping while its stopper, its host or a process
 *                                                                   of its tree lives, else stopped
 *   running           gone     alive    -                           stopping: its host sweeps what is left, and decides
 *                                                                   what follows
 *   running           gone     other    lock held                   stopping
 *   running           gone     other    lock free                   exited | failed, as far as it is known
 *   stopping          none     any      as with a leader gone       as with a leader gone
 *   backoff           none     alive    -                           backoff
 *   backoff           none     gone     -                           failed
 *   any               unknown  -        another pid namespace       as recorded, marked unknown here
 *   foreign           -        -        -                           foreign: nothing in it is believed
 */
import type { Presence } from "../sys/process/identity.ts";
import type { ExitRecord, KeyState, LaunchHistory, LaunchRecord } from "./types.ts";

export interface Observed {
  record: LaunchRecord | null;
  history: LaunchHistory | null;
  exit: ExitRecord | null;
  /** The recorded leader; `gone` when none is recorded. */
  leader: Presence;
  host: Presence;
  /**
   * Whether a process of its tree was found; looked for only when the leader was never recorded, or a stop was cut off.
   */
  treeFound: boolean;
  /** Whether a living process holds the key's lock. */
  locked: boolean;
}

export function judgeState(seen: Observed): KeyState | null {
  const { record, exit } = seen;
  if (record === null && exit?.reason === "replaced" && seen.locked) return "starting";
  if (record === null) return exit === null ? null : stateAfter(exit);
  if (record.phase === "backoff") return seen.host === "gone" ? "failed" : "backoff";
  if (record.leader === null) {
    if (seen.host !== "gone") return record.phase === "stopping" ? "stopping" : "starting";
    if (record.phase === "stopping") return seen.treeFound || seen.locked ? "stopping" : "stopped";
    return seen.treeFound ? "running" : "failed";
  }
  if (seen.leader === "gone") return stateOfEnded(seen, record);
  if (record.phase === "stopping") return "stopping";
  return stateOfLiving(seen, record);
}

function stateOfLiving({ history, host }: Observed, record: LaunchRecord): KeyState {
  if (!record.probed) return history?.ready?.is === "unhealthy" ? "unhealthy" : "running";
  const ready = history?.ready ?? { is: "waiting" as const };
  if (ready.is !== "waiting") return ready.is;
  return host === "gone" ? "running" : "starting";
}

function stateOfEnded({ history, host, locked, treeFound }: Observed, record: LaunchRecord): KeyState {
  if (record.phase === "stopping") return host === "alive" || locked || treeFound ? "stopping" : "stopped";
  // A living host or lock holder is about to record the end, or the wait for the next run: until then it is neither.
  if (host === "alive" || locked) return "stopping";
  return isSuccess(record, history?.exited?.code ?? null) ? "exited" : "failed";
}

/** A signal, or an end that no host saw, is no success. */
export function isSuccess({ successCodes = [0] }: Pick<LaunchRecord, "successCodes">, code: number | null): boolean {
  return code !== null && successCodes.includes(code);
}

const AFTER: Record<ExitRecord["reason"], KeyState> = {
  stopped: "stopped",
  replaced: "stopped",
  interrupted: "stopped",
  exited: "exited",
  failed: "failed",
  "start-failed": "failed",
  unknown: "failed",
};

export function stateAfter({ reason, dismissed }: Pick<ExitRecord, "reason" | "dismissed">): KeyState {
  const state = AFTER[reason];
  return state === "failed" && dismissed !== undefined ? "stopped" : state;
}

/** States of a launch that lives: something runs, or will run again by itself. */
const LIVING: Record<KeyState, boolean> = {
  starting: true,
  running: true,
  ready: true,
  unhealthy: true,
  stopping: true,
  backoff: true,
  stopped: false,
  exited: false,
  failed: false,
  foreign: false,
};

export function isLiving(state: KeyState): boolean {
  return LIVING[state];
}

/** Whether a user ended it: that is not reported as a failure. */
export function isStopped({ reason }: Pick<ExitRecord, "reason">): boolean {
  return reason === "stopped" || reason === "interrupted";
}
