/** What ends a launch, and what comes of it. No code in this file. */
import type { Asker, ExitRecord, Want } from "../../state/types.ts";
import type { ProcessIdentity } from "../../sys/process/identity.ts";
import type { StopTreeResult } from "../tree/stoptree.ts";

export interface EndRequest {
  /** `sweep`: the leader ended by itself and its leftovers go. */
  how: "stop" | "replace" | "interrupt" | "sweep";
  by: Asker;
  /** Of a stop by a person: what it leaves in the want. */
  mark?: Want["lastStop"];
  /** Default: as recorded. */
  signal?: string;
  hard?: AbortSignal | undefined;
  /** Of a stack: its containers, and its record, are left for the start that follows. */
  converge?: boolean;
  /** A start follows under the same lock: of what waits in backoff the record stays, for the next one to take its place. */
  isFollowed?: boolean;
  /** Asked when the exit is written: true when another record was put in the place of this one, which then stays. */
  isKept?: (exit: ExitRecord) => boolean;
  /** The exit of the leader when this process is its host. */
  ownExit?: Promise<{ code: number | null; signal: string | null }>;
  self: ProcessIdentity;
}

export interface Ended {
  exit: ExitRecord;
  stopped: StopTreeResult;
  tookMs: number;
  /** What to tell when the disk is read-only and the record stays: it names nobody who lives, and the next start or stop clears it. */
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
      /** A start that was under way beside it was called off as well. */
      calledOff: boolean;
    }
  /** It had ended before; `left`: some of it ran on, and was ended now. */
  | { is: "ended"; key: string; exit: ExitRecord; left: boolean }
  /** Nothing ran yet, and the start that was under way will launch nothing. */
  | { is: "called-off"; key: string }
  | { is: "found-unrecorded"; key: string }
  /** Its files are not this user's, and nothing that runs carries the key: nothing was touched. */
  | { is: "foreign"; key: string; why: string };

export interface StopKeyRequest {
  key: string;
  by: Asker;
  lockTimeoutMs: number;
  /** `--timeout`: replaces the recorded one, in milliseconds. */
  timeoutMs: number | null;
  /** Only what this host serves; for whoever started it and would not stop another's. */
  ofHost?: ProcessIdentity;
  /** As Ctrl-C: SIGINT in place of the recorded signal; aborted, what is left gets SIGKILL at once. */
  interrupt?: AbortSignal;
}
