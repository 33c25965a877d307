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
