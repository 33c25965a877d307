/**
 * What is on disk about a key. Each file has one kind of writer:
 *
 *   <key>.meta.json           Record    the holder of the key's lock
 *   <key>.want.json           Want      the holder of the key's lock
 *   <key>.exit.json           Exit      the holder of the key's lock
 *   <key>.pid                 the leader's pid, for scripts; written and removed with the record
 *   launch/<token>.json       History   the launch's own host, without the lock
 *
 * No code in this file.
 */
import type { ProcessIdentity } from "../sys/process/identity.ts";

/** The origin of a request: its kind, and the process that made it. */
export interface Asker {
  by: "user" | "rerun" | "policy" | "interrupt" | "hangup" | "signal" | "owner";
  pid: number;
  command: string;
  /** With `policy`: its reason, as a phrase that follows "because". */
  because?: string;
}

/** The process that a launch is tied to: when it is gone, the launch is stopped. */
export interface Owner extends ProcessIdentity {
  command: string;
}

/** How a launch is stopped, as recorded when it started. */
export interface StopPlan {
  signal: string;
  timeoutMs: number;
  spare: string[];
}

/**
 * `starting`: written before the process exists; `running`: the leader is recorded; `stopping`: a process is ending it;
 * `backoff`: the leader ended and a policy will start a new run.
 */
export type Phase = "starting" | "running" | "stopping" | "backoff";

/**
 * What it takes to end a stack, or to ask the engine about it: facts only, each from a fixed set or in a fixed
 * form. `engine` determines which programs run, and the dt that runs them finds them on its own PATH. Values of
 * variables are kept in the user's home.
 */
export interface StackNote {
  engine: "docker compose" | "docker-compose" | "podman compose";
  /** The Compose file as written on the command line, relative to `cwd`. */
  file: string;
  profiles: string[];
  /** With `ports: "auto"`: the declared file, which the one at `file` replaces. */
  movedFrom?: string;
  /** `COMPOSE_PROJECT_NAME`. */
  project: string;
  /** Names of the toggles that are off. */
  off: string[];
  cwd: string;
}

/** The record of a key's current launch. */
export interface LaunchRecord {
  version: 1;
  key: string;
  plugin: string;
  command: string;
  variant: string;
  token: string;
  phase: Phase;
  root: string;
  /** The executed command line. */
  argv: string[];
  cwd: string;
  /** Variables set by the manifest and its `.env` files. */
  env: Record<string, string | null>;
  /** Arguments added on the command line. */
  args: string[];
  port: number | null;
  url: string | null;
  /** Absolute path of the log; device and inode of this run's file. */
  log: string;
  logFile: { dev: number; ino: number } | null;
  stop: StopPlan;
  processGroup: boolean;
  /** Whether readiness is probed. */
  probed: boolean;
  /** Whether `alive` probes run once it is ready. Default false. */
  alive?: boolean;
  /** Whether its host watches files to restart it. Default false. */
  watches?: boolean;
  /** Exit codes that count as success. Default: 0 alone. */
  successCodes?: number[];
  /** The conditions for ready: one phrase per probe, each with its time limit. */
  waitsFor?: string[];
  /** `--ensure` compares this hash with the one of what it would start now. */
  specHash: string;
  startedAt: string;
  /** On the clock of the boot, in milliseconds: nothing that the launch read or ran is older. */
  begunAt?: number;
  /** On the same clock: when a person asked for it. */
  askedAt?: number;
  restarts: number;
  detached: boolean;
  owner?: Owner;
  /** It runs on a terminal of its own, which its host keeps open. */
  tty?: boolean;
  host: ProcessIdentity;
  leader: ProcessIdentity | null;
  startedBy: Asker;
  /** Set with phase `stopping`. */
  stopping: { by: Asker; at: string } | null;
  /** The host serves other launches too: it notes in the launch's history when it releases this one. */
  shared?: true;
  /** The host is PID 1, or had children before the launch: an orphan that falls to it may not belong to the launch. */
  bystanders?: true;
  /** The leader was started with a lineage, which is derived from the token. */
  lineage?: true;
  /** The host keeps a hold on the key's fence as long as it lives (sys/lock/hold.ts). */
  held?: true;
  /** A stack of containers: how to end it, and how the engine identifies it. */
  stack?: StackNote;
  /** The keys that it needed when it was started. */
  needs?: string[];
  /**
   * For a run that the policy started or will start: how many in a row, and when (milliseconds since 1970), as far
   * back as the policy's limit looks.
   */
  tries?: { inRow: number; at: number[] };
  /**
   * Set with phase `backoff`: how the last run ended, when the next one starts, and how many
   * the policy has started in a row.
   */
  backoff?: { because: string; nextAt: string; inRow: number };
}

/** What was last asked for a key. */
export interface Want {
  version: 1;
  key: string;
  want: "run" | "stopped";
  at: string;
  by: Asker;
  /**
   * The last stop by a user: it calls off every start that was requested before it. Kept when something else is wanted.
   */
  lastStop?: { id: string; by: Asker };
}

/** What a host that watches files reports about it. */
export interface WatchNote {
  paths: string[];
  /** When the watching began. */
  since: string;
  /**
   * Why a change was not followed by a restart; cleared by the next restart. `loop`: what changes
   * with each start, in a few words.
   */
  held?: { at: string; why: string; loop?: string };
  /** Why the watching is incomplete. */
  trouble?: string;
  /** Patterns that match no file. */
  unmatched?: string[];
}

/** What the host of a launch noted about it, filed by token. */
export interface LaunchHistory {
  version: 1;
  token: string;
  /**
   * Null where nothing is probed, or where only `alive` is and succeeds. `lost`: it was fine before,
   * and its `alive` probes fail now.
   */
  ready:
    | { is: "waiting" }
    | { is: "ready"; at: string }
    | { is: "unhealthy"; at: string; why: string; lost?: boolean }
    | null;
  exited: { code: number | null; signal: string | null; at: string } | null;
  /** What its host watches to restart it, and why the last change caused no restart. */
  watch?: WatchNote;
  /**
   * Processes of the launch that may be known from this note alone: orphans that fell to the host, or
   * processes without the launch's token.
   */
  adopted: ProcessIdentity[];
  /** With `tty: true`: where `dt attach` finds the host. */
  terminal?: { socket: string };
  /** When a host of many launches released this one. */
  released?: string;
}

/** Why a launch ended. */
export type ExitReason = "stopped" | "replaced" | "interrupted" | "exited" | "failed" | "start-failed" | "unknown";

/** The last exit of a key. */
export interface ExitRecord {
  version: 1;
  key: string;
  token: string;
  code: number | null;
  signal: string | null;
  at: string;
  startedAt: string;
  uptimeMs: number;
  restarts: number;
  reason: ExitReason;
  /** The reason as a sentence. */
  text: string;
  /** With `start-failed`: what went wrong. */
  error?: { code: string; message: string; hint: string | null };
  /** The policy gave up: it had restarted the command this many times within this many milliseconds. */
  gaveUpAfter?: number;
  gaveUpWithinMs?: number;
  /** Who stopped or replaced it, or tried to start it; null when it ended by itself. */
  by: Asker | null;
  /** It was stopped after it had ended, so its end has been seen: it is no longer listed. */
  dismissed?: { by: Asker; at: string };
  /** For a captured one-shot: who ran it. */
  startedBy?: Asker;
  argv: string[];
  cwd: string;
  log: string;
  lastLines: string[];
}

export type KeyState =
  | "starting"
  | "running"
  | "ready"
  | "unhealthy"
  | "stopping"
  | "backoff"
  | "stopped"
  | "exited"
  | "failed"
  /** There are files that this user's dt did not write. */
  | "foreign";
