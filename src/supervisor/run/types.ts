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
  | { is: "restart"; spec: LaunchSpec; done: (answer: RestartAnswer) => void };

/** `joined`: the launch was begun after the restart was asked for, so it is not restarted again. */
export type RestartAnswer = { is: "restarted" | "joined" } | { is: "failed"; error: unknown };

/** The requests that end a launch. */
export type EndingRequest = Exclude<HostRequest, { is: "restart" }>;

/** A request that a host makes of itself. */
export type OwnRequest =
  /** The `alive` probes of this run say that it hangs. Ignored once that run is over. */
  | { is: "stuck"; token: string; because: string }
  /** Files that restart it have changed. */
  | { is: "changed"; because: string }
  /** The owner is gone. */
  | { is: "terminate"; by: "owner"; signal: string };

export interface HostControl {
  /**
   * Resolves as soon as a request is there. A request stays until it is taken, so none is lost while the host does
   * something else.
   */
  arrived(): Promise<void>;
  /** The oldest request that is not taken yet. */
  take(): HostRequest | null;
  /** Aborted by a second Ctrl-C. */
  hard: AbortSignal;
  /** Aborted by a request that comes before anything was spawned. */
  cancel: AbortSignal;
  /**
   * In a host of many launches: watches the orphans that fell to it, for all of them. Default: for this launch alone.
   */
  watchMembers?(host: Host, run: HostedRun): void;
  /** Called for each new run, so that a foreground can show its log. */
  onRun(record: LaunchRecord): void;
  /** The manifest and environment as they are now, for a restart by policy; null when they are unavailable. */
  resolveAnew(spec: LaunchSpec): Promise<LaunchSpec | null>;
}

/** What is asked of a host, with the requests that it makes of itself. */
export interface OwnControl extends Omit<HostControl, "take"> {
  take(): HostRequest | OwnRequest | null;
  ask(request: OwnRequest): void;
  /**
   * Pids of what the host itself runs (probes, a one-shot before a restart): its children, but not part of the launch.
   */
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
  /** Another start has launched it meanwhile, and its host serves it. */
  | { is: "joined"; record: LaunchRecord }
  /** This host wrote the exit. */
  | { is: "ended"; exit: ExitRecord }
  /**
   * Another process ended the launch: the leader's own status, and the exit that this process wrote, if there is one.
   */
  | { is: "taken"; status: EndStatus; exit: ExitRecord | null };

export type RunState =
  /** Its `ready` probes do not all hold yet. */
  | "starting"
  /** It is ready, or has no such probes. */
  | "up"
  /** It was not ready in time, or its `alive` probes fail. */
  | "unhealthy";

/** One run of a launch, as its host holds it. */
export interface HostedRun {
  spec: LaunchSpec;
  record: LaunchRecord;
  leader: Leader;
  prepared: PreparedLaunch;
  history: LaunchHistory;
  state: RunState;
  /** Aborted when the run is over: every probe and timer of it ends with it. */
  over: AbortController;
}
