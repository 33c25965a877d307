/**
 * What is on disk about a key. Each file has one kind of writer:
 *
 *   <key>.meta.json           Record    whoever holds the key's lock
 *   <key>.want.json           Want      whoever holds the key's lock
 *   <key>.exit.json           Exit      whoever holds the key's lock
 *   <key>.pid                 the leader's pid, for scripts; written and removed with the record
 *   launch/<token>.json       History   the launch's own host, without the lock
 *
 * No code in this file.
 */
import type { ProcessIdentity } from "../sys/identity.ts";

/** Who asked for something: what kind of asking, and the process that did. */
export interface Asker {
  by: "user" | "rerun" | "policy" | "interrupt" | "hangup" | "signal" | "owner";
  pid: number;
  command: string;
  /** With `policy`: what made it do so, as a phrase that follows "because". */
  because?: string;
}

/** The process a launch is tied to: when it is gone, the launch is stopped. */
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
 * `starting`: written before the process exists; `running`: the leader is recorded; `stopping`: somebody is ending it;
 * `backoff`: the leader ended and a policy will start a new run.
 */
export type Phase = "starting" | "running" | "stopping" | "backoff";

/**
 * What is to be known of a stack to end it, or to ask the engine about it: facts alone, each out of a fixed set or of a fixed form. Which
 * programs are run follows from `engine`, and they are found on the PATH of whoever runs dt; values of variables lie in the user's home.
 */
export interface StackNote {
  engine: "docker compose" | "docker-compose" | "podman compose";
  /** The Compose file as it is written on the command line, relative to `cwd`. */
  file: string;
  profiles: string[];
  /** With `ports: "auto"`: the declared file, whose place `file` another one has. */
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
  /** What was executed. */
  argv: string[];
  cwd: string;
  /** Variables the manifest and its `.env` files set. */
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
  /** Whether it is asked, once ready, if it is still alive. Default: it is not. */
  alive?: boolean;
  /** Whether its host watches files to restart it. Default: it does not. */
  watches?: boolean;
  /** Exit codes that are a success. Default: 0 alone. */
  successCodes?: number[];
  /** What it waits for to be ready, a phrase a probe, each with its time limit. */
  waitsFor?: string[];
  /** What `--ensure` compares with what would be started now. */
  specHash: string;
  startedAt: string;
  restarts: number;
  detached: boolean;
  owner?: Owner;
  /** It runs on a terminal of its own, which its host keeps. */
  tty?: boolean;
  host: ProcessIdentity;
  leader: ProcessIdentity | null;
  startedBy: Asker;
  /** Set with phase `stopping`. */
  stopping: { by: Asker; at: string } | null;
  /** The host serves other launches too: it tells in the launch's history when it has let go of it. */
  shared?: true;
  /** The host is PID 1, or had children before the launch: what falls to it may be a stranger's. */
  bystanders?: true;
  /** The leader was started with a lineage, which is made of the token. */
  lineage?: true;
  /** The host holds on to the key's fence as long as it lives (sys/hold.ts). */
  held?: true;
  /** A stack of containers: what ends it, and what the engine knows it by. */
  stack?: StackNote;
  /** The keys it needed when it was started. */
  needs?: string[];
  /** Of a run that the policy started, or will: how many in a row, and when, in milliseconds since 1970, as far as its limit looks back. */
  tries?: { inRow: number; at: number[] };
  /** Set with phase `backoff`: how the run before ended, when the next one starts, and how many the policy has started in a row. */
  backoff?: { because: string; nextAt: string; inRow: number };
}

/** What was last asked for a key. */
export interface Want {
  version: 1;
  key: string;
  want: "run" | "stopped";
  at: string;
  by: Asker;
  /** The last stop by a person: it calls off each start that was asked for before it. Kept when something else is wanted. */
  lastStop?: { id: string; by: Asker };
}

/** What a host that watches files has to tell of it. */
export interface WatchNote {
  paths: string[];
  /** When the watching began. */
  since: string;
  /** Why a change was not followed by a restart; gone with the next one that is. `loop`: what changes with each start, in a few words. */
  held?: { at: string; why: string; loop?: string };
  /** What keeps the watching from being whole. */
  trouble?: string;
  /** Patterns that name no file. */
  unmatched?: string[];
}

/** What the host of a launch noted about it, filed by token. */
export interface LaunchHistory {
  version: 1;
  token: string;
  /** Null where nothing is probed, or nothing but `alive`, which holds. `lost`: it was well before, and its `alive` probes fail. */
  ready:
    | { is: "waiting" }
    | { is: "ready"; at: string }
    | { is: "unhealthy"; at: string; why: string; lost?: boolean }
    | null;
  exited: { code: number | null; signal: string | null; at: string } | null;
  /** What its host watches to restart it, and why the last change did not. */
  watch?: WatchNote;
  /** Processes of the launch that nothing but this note may show: they lost their parent and fell to the host, or have not its token. */
  adopted: ProcessIdentity[];
  /** With `tty: true`: where `dt attach` finds the host. */
  terminal?: { socket: string };
  /** A host of many launches serves this one no more, since then. */
  released?: string;
}

/** Why a launch is over. */
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
  /** The policy gave up: it had started it so many times within so many milliseconds. */
  gaveUpAfter?: number;
  gaveUpWithinMs?: number;
  /** Who stopped or replaced it, or tried to start it; null when it ended by itself. */
  by: Asker | null;
  /** Somebody stopped it after it had ended, and so has seen that: it is no longer listed. */
  dismissed?: { by: Asker; at: string };
  /** Of a captured one-shot: who ran it. */
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
  /** Its files are there and this user's dt did not write them. */
  | "foreign";
