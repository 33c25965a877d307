/** What a probe is asked with, and one try at it. No code in this file. */
import type { LaunchRecord } from "../../state/types.ts";
import type { Ground } from "../launch/types.ts";

export interface Asked {
  ground: Ground;
  record: LaunchRecord;
  /** The launch's environment, for `exec` probes. */
  env: Record<string, string>;
  openFiles: bigint | null;
  /** Aborted when the launch ends. */
  signal: AbortSignal;
  /** Pids of probe commands, which are children of the host but no orphans. */
  children: Set<number>;
  /** Numbers that probe commands have now, by which the lineage of each is told from the launch's own. */
  guests: Set<number>;
  /** What a person is to know of a probe, beside whether it holds. Said once. */
  note(text: string): void;
}

/** Takes at most so many milliseconds, whatever it waits for. */
export type Try = (limitMs: number) => Promise<string | null>;
