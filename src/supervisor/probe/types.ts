/** What a probe is given, and one attempt at it. No code in this file. */
import type { LaunchRecord } from "../../state/types.ts";
import type { Inherited } from "../../sys/inherit/inherited.ts";
import type { Ground } from "../launch/types.ts";

export interface ProbeContext {
  ground: Ground;
  record: LaunchRecord;
  /** The launch's environment, for `exec` probes. */
  env: Record<string, string>;
  openFiles: bigint | null;
  inherits: Inherited | undefined;
  /** Aborted when the launch ends. */
  signal: AbortSignal;
  /** Pids of probe commands: children of the host, but no orphans. */
  children: Set<number>;
  /** Numbers in use by probe commands; they tell the lineage of each from the launch's own. */
  guests: Set<number>;
  /** Reports something about a probe besides whether it succeeds. Each text is reported once. */
  note(text: string): void;
}

/** Takes at most this many milliseconds, whatever it waits for. Null: it succeeded. */
export type Attempt = (limitMs: number) => Promise<string | null>;
