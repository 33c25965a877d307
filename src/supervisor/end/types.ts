/** Requests to end a launch or to stop a key, and their results. No code in this file. */
import type { Asker, ExitRecord, Want } from "../../state/types.ts";
import type { ProcessIdentity } from "../../sys/process/identity.ts";
import type { StopTreeResult } from "../tree/stoptree.ts";

export interface EndRequest {
  /** `sweep`: the leader ended by itself, and its leftovers are ended. */
  how: "stop" | "replace" | "interrupt" | "sweep";
  by: Asker;
  /** For a stop by a user: what it leaves in the want. */
  mark?: Want["lastStop"];
  /** Default: the recorded signal. */
  signal?: string;
  hard?: AbortSignal | undefined;
  /** For a stack: its containers and its record are left for the start that follows. */
  converge?: boolean;
  /**
   * A start follows under the same lock. The record of a launch in backoff then stays, to be replaced by the next one.
   */
  isFollowed?: boolean;
  /** Called when the exit is written. True: another record has replaced this one, and stays. */
  isKept?: (exit: ExitRecord) => boolean;
  /** The leader's exit, if this process is its host. */
  ownExit?: Promise<{ code: number | null; signal: string | null }>;
  /**
   * What ends the launch is what serves it, so nothing waits until its host lets go of it. Default: false, as for a
   * start that the same host makes for another caller.
   */
  isOwn?: boolean;
}

export interface Ended {
  exit: ExitRecord;
  stopped: StopTreeResult;
  tookMs: number;
  /**
   * What to report when the disk is read-only and the record stays. It names no living process, and the next start or
   * stop clears it.
   */
  left: string | null;
}

/** How a leader ended. `known`: a host saw it. */
export interface LeaderEnd {
  known: boolean;
  code: number | null;
  signal: string | null;
  at: string;
}

export type StopKeyResult =
  | { is: "not-running"; key: string }
  | {
      is: "stopped";
      key: string;
      pid: number | null;
      exit: ExitRecord;
      killed: number;
      tookMs: number;
      /** A start that was under way at the same time was called off too. */
      calledOff: boolean;
    }
  /** It had ended before; `left`: some of it was still running, and was ended now. */
  | { is: "ended"; key: string; exit: ExitRecord; left: boolean }
  /** Nothing was running yet, and the start that was under way will launch nothing. */
  | { is: "called-off"; key: string }
  /** Nothing was running, but for one-shots that had lost their runner: this one, or those that ran for its start. */
  | { is: "left-ended"; key: string; oneshots: string[] }
  | { is: "found-unrecorded"; key: string }
  /** Its files are not this user's, and no running process carries the key: nothing was touched. */
  | { is: "foreign"; key: string; why: string };

export interface StopKeyRequest {
  key: string;
  by: Asker;
  lockTimeoutMs: number;
  /** `--timeout`, in milliseconds: replaces the recorded one. */
  timeoutMs: number | null;
  /** Stops only a launch that this host serves, so that its caller does not stop another's launch. */
  ofHost?: ProcessIdentity;
  /** As for Ctrl-C: SIGINT instead of the recorded signal; once this is aborted, what is left gets SIGKILL at once. */
  interrupt?: AbortSignal;
}
