/** What a start is asked with, and what it gives. No code in this file. */
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
  /** What the policy has done in a row, this run counted. Default: nothing. */
  streak?: Streak;
  /** How its leader ended, when this process is the host of the launch that is replaced. */
  ownExit?: Promise<{ code: number | null; signal: string | null }>;
  /** Asked while the start waits, and under the lock; false ends the start (a policy's restart that is no longer wanted). */
  stillWanted?: () => boolean;
  /** Aborted to cancel before anything was spawned. */
  signal?: AbortSignal;
}

export type Started =
  | { is: "started"; record: LaunchRecord; leader: Leader; prepared: PreparedLaunch }
  | { is: "unchanged"; record: LaunchRecord }
  | { is: "unwanted" };

/** A start, as it goes from step to step: who works, what was asked, who hears of it. */
export interface Start {
  ground: Ground;
  spec: LaunchSpec;
  report: Report;
  options: StartOptions;
}

/** Everything that can be refused was refused. */
export interface PreparedStart extends Start {
  prepared: PreparedLaunch;
}

/** Nothing of the launch before runs. What it left, if anything, this start takes the place of. */
export interface ClearedStart extends PreparedStart {
  before: Before | null;
}

/** What the launch before left for a start: its record, and the containers of a stack. */
export interface Before {
  record: LaunchRecord;
  /** Its containers stay, for the start to take over. */
  converge: boolean;
}

/** The port, if there is one, is this start's. */
export interface ClaimedStart extends ClearedStart {
  claim: PortClaim | null;
}

/** What takes a step back if a later one fails; run in reverse order. */
export type Undo = (() => void | Promise<void>)[];
