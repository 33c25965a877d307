/** What the rooms above hand down to start something, and what they hear back. No code in this file. */
import type { ManagedSettings } from "../manifest/resolved.ts";
import type { Store } from "../state/store.ts";
import type { Asker, ExitRecord } from "../state/types.ts";
import type { ProcessTable } from "../sys/identity.ts";
import type { LockBackend } from "../sys/lock.ts";

/** The ground a supervisor works on; handed in, never global. */
export interface Ground {
  table: ProcessTable;
  store: Store;
  root: string;
  /** `DIALTONE_HOME`, null when there is none. */
  home: string | null;
  /** Where the manifests' index is kept. */
  cache: string;
  /** How this dt starts itself. */
  self: readonly string[];
  /** The soft limit of open files that commands get; null: unknown, leave it. */
  openFiles: bigint | null;
  lockBackend: LockBackend | undefined;
}

/** One start that was asked for: everything a host needs, as plain JSON. */
export interface LaunchSpec {
  key: string;
  plugin: string;
  command: string;
  variant: string;
  settings: ManagedSettings;
  /** Words after `--`. */
  args: string[];
  /** `--timeout`, in milliseconds: replaces the time limit of every probe. */
  readyTimeoutMs: number | null;
  /** How long to wait for the key's lock. */
  lockTimeoutMs: number;
  /** The environment of whoever asked. */
  env: Record<string, string>;
  asker: Asker;
  /** Leave a healthy launch of the same thing alone. */
  ensure: boolean;
  detached: boolean;
}

/** One line a person may read about a launch. */
export interface LaunchLine {
  key: string;
  state: string;
  pid: number | null;
  port: number | null;
  url: string | null;
  log: string;
}

/** What a host tells while it works. It goes to the terminal in the foreground, through a pipe when detached. */
export type LaunchEvent =
  | { is: "note"; text: string }
  | { is: "replacing"; key: string; pid: number | null; ageMs: number }
  | { is: "replaced"; key: string; killed: number; tookMs: number }
  | { is: "unchanged"; line: LaunchLine }
  | { is: "spawned"; line: LaunchLine; probed: boolean; commandLine: string[]; cwd: string }
  | { is: "ready"; line: LaunchLine; tookMs: number }
  | { is: "unhealthy"; line: LaunchLine; why: string }
  | { is: "restarting"; key: string; inMs: number; because: string }
  | { is: "ended"; exit: ExitRecord }
  | { is: "failed"; error: FailureReport };

export interface FailureReport {
  code: string;
  message: string;
  hint: string | null;
  status: number;
  details: Record<string, unknown> | null;
}

export type Report = (event: LaunchEvent) => void;
