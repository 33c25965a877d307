/** What the rooms above hand down to start something, what they hear back, and a run as its host holds it. No code in this file. */

import type { Reading } from "../manifest/reading.ts";
import type { ManagedSettings } from "../manifest/resolved.ts";
import type { Store } from "../state/store.ts";
import type { Asker, ExitRecord, LaunchHistory, LaunchRecord, Owner } from "../state/types.ts";
import type { FolderIdentity } from "../sys/folder.ts";
import type { Hold } from "../sys/hold.ts";
import type { ProcessTable } from "../sys/identity.ts";
import type { TerminalSize } from "../sys/leaderterminal.ts";
import type { LockBackend } from "../sys/lock.ts";
import type { SpawnedLeader } from "../sys/spawn.ts";
import type { EndStatus } from "../sys/status.ts";
import type { RunState } from "./events.ts";
import type { HostedTerminal } from "./hostterminal.ts";
import type { PreparedLaunch } from "./prepare.ts";

/** The ground a supervisor works on; handed in, never global. */
export interface Ground {
  table: ProcessTable;
  store: Store;
  root: string;
  /** `DIALTONE_HOME`, null when there is none. */
  home: string | null;
  /** The environment of whoever runs this dt: what is run to end a stack, or to ask about it, is found on its PATH. */
  env: Record<string, string>;
  /** Where the manifests' index is kept. */
  cache: string;
  /** How this dt starts itself. */
  self: readonly string[];
  /** The soft limit of open files that commands get; null: unknown, leave it. */
  openFiles: bigint | null;
  lockBackend: LockBackend | undefined;
  /** How far the root's manifests are followed by what is started here. Default: all of them. */
  reading?: Reading;
  /** In a host: which folder the root was when it began. Null: none was there. */
  folder?: FolderIdentity | null;
  /** The root is not trusted, and what is run not its own: it gets nothing of the root. Default: where the root's reading is `data`. */
  isStrange?: boolean;
  /** The other user who was accepted as the root's owner. Default: nobody. */
  owner?: number | null;
  /** Told of each command line that is run beside the launch's own (`--verbose`). */
  onCommand?: (line: string, cwd: string) => void;
  /** In a host: by key, what tells that it lives to those who cannot see it. */
  holds?: Map<string, Hold>;
  /** In a host: what falls to it may be a stranger's, which was below this process before it began. */
  bystanders?: boolean;
  /** Set in a host of many launches: what fell to it is not of one of them alone, so they are watched together. */
  many?: { watchMembers(run: Run, probes: ReadonlySet<number>): void };
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
  /** Which stops came before it; none: nobody but its own host asked for it. */
  ticket?: Ticket;
  /** Leave a healthy launch of the same thing alone. */
  ensure: boolean;
  /** Of a stack: toggles that are off. Default none. */
  off?: string[];
  /** Of a stack: make its containers anew, also where nothing changed. Default false. */
  recreate?: boolean;
  detached: boolean;
  /** The process it is tied to; default none. */
  owner?: Owner | null;
  /** As it is noted for another host: that its ground was strange. */
  isStrange?: boolean;
  /** Keys whose starts wait for this one; what runs before it is run for them too. Default none. */
  dependents?: string[];
  /** With `tty: true`: the size of the terminal it is to be shown on; null: the usual 80 by 24. */
  terminal?: TerminalSize | null;
}

/** What a start that somebody asked for is known by until it is launched (pending.ts). */
export interface Ticket {
  id: string;
  /** The last stop of its key when it was asked for; null: there was none. */
  after: string | null;
}

/** What a start is known by while its manifests are loaded (announced.ts). */
export interface Announced {
  /** The mark of the last stop of the key before the load; null: it was never stopped. */
  lastStopOf(key: string): string | null;
  /** Its keys have tickets, or it has none. */
  close(): void;
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
  /** A command line that is run beside the launch's own. */
  | { is: "command"; line: string; cwd: string }
  | { is: "replacing"; key: string; pid: number | null; ageMs: number }
  | { is: "replaced"; key: string; killed: number; tookMs: number }
  | { is: "unchanged"; line: LaunchLine }
  | { is: "spawned"; line: LaunchLine; probed: boolean; commandLine: string[]; cwd: string; shown?: string }
  | { is: "ready"; line: LaunchLine; tookMs: number }
  | { is: "unhealthy"; line: LaunchLine; why: string }
  | { is: "restarting"; key: string; inMs: number; because: string }
  | { is: "ended"; exit: ExitRecord }
  | { is: "failed"; error: FailureReport };

export interface FailureReport {
  code: string;
  /** The error's sentence. */
  message: string;
  /** What follows it. */
  lines?: readonly string[];
  hint: string | null;
  status: number;
  details: Record<string, unknown> | null;
}

export type Report = (event: LaunchEvent) => void;

export type HostRequest =
  /** Ctrl-C: SIGINT for the tree. */
  | { is: "interrupt" }
  /** SIGTERM, SIGHUP: as `dt stop` does. */
  | { is: "terminate"; by: "signal" | "hangup" | "owner"; signal: string }
  /** A person's restart of this very launch. */
  | { is: "restart"; spec: LaunchSpec; done: (error: unknown) => void };

/** What ends a launch. */
export type EndingRequest = Exclude<HostRequest, { is: "restart" }>;

/** What a host asks of itself, about one run of its launch; too late once that run is over. */
export type OwnRequest =
  /** Its `alive` probes say that it hangs. */
  | { is: "stuck"; token: string; because: string }
  /** Files changed that restart it. */
  | { is: "changed"; because: string }
  /** Its owner has gone. */
  | { is: "terminate"; by: "owner"; signal: string };

export interface HostControl {
  /** Resolves as soon as a request is there. It stays there until it is taken, so none is lost that comes while the host does something else. */
  arrived(): Promise<void>;
  /** The oldest request that was not taken yet. */
  take(): HostRequest | null;
  /** Aborted by a second Ctrl-C. */
  hard: AbortSignal;
  /** Aborted by a request that comes before anything was spawned. */
  cancel: AbortSignal;
  /** Told of each new run, so that a foreground can show its log. */
  onRun(record: LaunchRecord): void;
  /** Tells the manifest and environment as they are now, for a restart by policy; null when that is not to be had. */
  resolveAnew(spec: LaunchSpec): Promise<LaunchSpec | null>;
}

/** A host's control of its launch, with what it asks of itself. */
export interface OwnControl extends Omit<HostControl, "take"> {
  take(): HostRequest | OwnRequest | null;
  ask(request: OwnRequest): void;
  /** Pids of what the host itself runs (probes, a one-shot before a restart): its children, but no part of the launch. */
  children: Set<number>;
}

export type HostEnd =
  | { is: "unchanged"; record: LaunchRecord }
  /** This host wrote the exit. */
  | { is: "ended"; exit: ExitRecord }
  /** Somebody else ended the launch; the leader's own status, and the exit they wrote if it is there. */
  | { is: "taken"; status: EndStatus; exit: ExitRecord | null };

export type Leader = SpawnedLeader & { terminal?: HostedTerminal };

/** One run of a launch, as its host holds it. */
export interface Run {
  spec: LaunchSpec;
  record: LaunchRecord;
  leader: Leader;
  prepared: PreparedLaunch;
  history: LaunchHistory;
  state: Exclude<RunState, "backoff">;
  /** Aborted when the run is over: every probe and timer of it ends with it. */
  over: AbortController;
}
