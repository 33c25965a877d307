/** A run as its host holds it, and what is asked of a host. No code in this file. */
import type { ExitRecord, LaunchHistory, LaunchRecord } from "../../state/types.ts";
import type { EndStatus } from "../../sys/base/status.ts";
import type { Ground, LaunchSpec, Report } from "../launch/types.ts";
import type { PreparedLaunch } from "../prepare/launch.ts";
import type { Leader } from "../start/types.ts";

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
  /** In a host of many launches: watches what fell to it for all of them. Default: for this launch alone. */
  watchMembers?(run: Run, probes: ReadonlySet<number>): void;
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

/** What a host carries through all runs of its launch: where it stands, who hears of it, and what is asked of it. */
export interface Host<Control = OwnControl> {
  ground: Ground;
  report: Report;
  control: Control;
}

export type HostEnd =
  | { is: "unchanged"; record: LaunchRecord }
  /** This host wrote the exit. */
  | { is: "ended"; exit: ExitRecord }
  /** Somebody else ended the launch; the leader's own status, and the exit they wrote if it is there. */
  | { is: "taken"; status: EndStatus; exit: ExitRecord | null };

export type RunState =
  /** Its `ready` probes do not all hold yet. */
  | "starting"
  /** It is ready, or has no such probes. */
  | "up"
  /** It was not ready in time, or its `alive` probes fail. */
  | "unhealthy";

/** One run of a launch, as its host holds it. */
export interface Run {
  spec: LaunchSpec;
  record: LaunchRecord;
  leader: Leader;
  prepared: PreparedLaunch;
  history: LaunchHistory;
  state: RunState;
  /** Aborted when the run is over: every probe and timer of it ends with it. */
  over: AbortController;
}
