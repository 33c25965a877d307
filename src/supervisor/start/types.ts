/** What a start is given, what its steps hand on, and what it returns. No code in this file. */
import type { LaunchRecord } from "../../state/types.ts";
import type { SpawnedLeader } from "../../sys/spawn/spawn.ts";
import type { Streak } from "../launch/streak.ts";
import type { Ground, LaunchSpec, Report } from "../launch/types.ts";
import type { PortClaim } from "../port/claim.ts";
import type { PreparedLaunch } from "../prepare/launch.ts";
import type { HostedTerminal } from "../terminal/hosted.ts";

export type Leader = SpawnedLeader & { terminal?: HostedTerminal };

export interface StartOptions {
  restarts: number;
  /** It may be done without a launch of its own (joined.ts). Default: false. */
  mayJoin?: boolean;
  /** The restarts by policy in a row, with this one. Default: none. */
  streak?: Streak;
  /** The token of the run that this start follows, when what serves that run makes the start. Default: none. */
  replaces?: string;
  /** How the leader of the replaced launch ended, when this process is its host. */
  ownExit?: Promise<{ code: number | null; signal: string | null }>;
  /**
   * Called while the start waits, and under the lock. False ends the start: a restart by policy that is no longer
   * wanted.
   */
  stillWanted?: () => boolean;
  /** Aborted to cancel before anything was spawned. */
  signal?: AbortSignal;
}

export type Started =
  | { is: "started"; record: LaunchRecord; leader: Leader; prepared: PreparedLaunch }
  | { is: "unchanged"; record: LaunchRecord }
  /** Another start has launched it meanwhile. */
  | { is: "joined"; record: LaunchRecord }
  | { is: "unwanted" };

/** A start as it goes from step to step: where it works, what was asked, who hears of it. */
export interface Start {
  ground: Ground;
  spec: LaunchSpec;
  report: Report;
  options: StartOptions;
}

/** What can be refused without the key's lock was refused. */
export interface PreparedStart extends Start {
  prepared: PreparedLaunch;
  /** Before it read what its launch cannot be compared by; null: there is nothing of the kind. */
  begunAt: number | null;
  /** It seemed to need no launch of its own, so what runs before one has not run. */
  isFirstOwed: boolean;
}

/** No process of the launch before runs. This start replaces what it left, if anything. */
export interface ClearedStart extends PreparedStart {
  before: Before | null;
}

/** What the launch before left for a start: its record, and the containers of a stack. */
export interface Before {
  record: LaunchRecord;
  /** Its containers stay, for the start to take over. */
  converge: boolean;
}

/** The port, if there is one, belongs to this start. */
export interface ClaimedStart extends ClearedStart {
  claim: PortClaim | null;
}

/** What takes a step back if a later one fails; run in reverse order. */
export type Undo = (() => void | Promise<void>)[];
