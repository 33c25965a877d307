/** What is asked of jobs and watches, and what becomes of them. No code in this file. */
import type { ManifestIndex } from "../manifest/model/resolved.ts";
import type { World } from "../supervisor/ground/ground.ts";
import type { ProcessIdentity } from "../sys/process/identity.ts";
import type { Lanes } from "./queue.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

export type Log = (level: LogLevel, msg: string, facts?: Record<string, unknown>) => void;

/** A job as it is reported, to programs too: the daemon's protocol has the same fields. */
export type JobReport = {
  id: string;
  root: string;
  key: string;
  target: string;
  source: "schedule" | "watcher" | "socket" | "command";
  state: "running" | "done" | "failed" | "lost";
  started_at: string;
  duration_ms: number | null;
  code: number | null;
  error: string | null;
  written: number | null;
  unchanged: number | null;
  log: string;
};

/** A job as it is on disk. */
export interface JobFile extends JobReport {
  version: 1;
  process: ProcessIdentity | null;
}

export interface JobRequest {
  root: string;
  key: string;
  kind: "oneshot" | "managed";
  target: string;
  source: JobReport["source"];
  /** The files that changed. */
  paths?: readonly string[];
  env?: Record<string, string>;
}

export interface Jobs {
  /** Resolves when the job has ended. Never rejects. In a root that was removed nothing is run or written. */
  run(request: JobRequest): Promise<JobReport>;
  running(): number;
  list(roots: readonly string[], limit: number): JobReport[];
  /**
   * Jobs that ran when an earlier daemon ended: each is `lost` once it no longer runs, and until then no other job of
   * its target is run.
   */
  settle(roots: readonly string[]): void;
}

export interface RootWatch {
  /** Takes the root's manifests as they are now. Resolves when every change from then on will be seen. */
  set(index: ManifestIndex): Promise<void>;
  /** Resolves when nothing waits or runs. */
  idle(): Promise<void>;
  close(): void;
}

export interface RootWatchOptions {
  world: World;
  root: string;
  jobs: Jobs;
  lanes: Lanes;
  log: Log;
  source: JobReport["source"];
  /** Null: all plugins. */
  plugin: string | null;
  /**
   * Since when the root is to be watched, by the clock of its file system: the first time, files that changed since
   * then count as changed. Null: from now on.
   */
  since(): number | null;
}
