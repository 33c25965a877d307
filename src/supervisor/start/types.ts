/** What a start is asked with, and what it gives. No code in this file. */
import type { LaunchRecord } from "../../state/types.ts";
import type { SpawnedLeader } from "../../sys/spawn/spawn.ts";
import type { Streak } from "../launch/streak.ts";
import type { PreparedLaunch } from "../prepare/launch.ts";
import type { HostedTerminal } from "../terminal/hosted.ts";

export type Leader = SpawnedLeader & { terminal?: HostedTerminal };

export interface StartOptions {
  restarts: number;
  /** What the policy has done in a row, this run counted. Default: nothing. */
  streak?: Streak;
  /** When this process is the host of the launch that is replaced. */
  ownExit?: Promise<{ code: number | null; signal: string | null }>;
  /** Asked while the start waits, and under the lock; false gives the start up (a policy's restart that is no longer wanted). */
  stillWanted?: () => boolean;
  /** Aborted to cancel before anything was spawned. */
  signal?: AbortSignal;
}

export type Started =
  | { is: "started"; record: LaunchRecord; leader: Leader; prepared: PreparedLaunch }
  | { is: "unchanged"; record: LaunchRecord }
  | { is: "unwanted" };
