/**
 * What is brought up together: its nodes, the events of their starts, and what becomes of each. No code in this file.
 */
import type { Edge } from "../../manifest/model/graph.ts";
import type { FailureReport, LaunchEvent, LaunchSpec } from "../launch/types.ts";
import type { TaskEnd, TaskSpec } from "../oneshot/types.ts";

export interface UpNode {
  key: string;
  needs: Edge[];
  /** The user named it; the others are there because a node needs them. */
  isNamed: boolean;
  run: { is: "launch"; spec: LaunchSpec } | { is: "task"; spec: TaskSpec };
}

export type UpEvent =
  | { is: "launch"; key: string; event: LaunchEvent }
  | { is: "task"; key: string; event: { is: "begun" } | TaskEnd }
  /** It is not started, or is stopped again. */
  | { is: "prevented"; key: string; because: string }
  /** It is not started, because a person stopped it, or what it needs, meanwhile. */
  | { is: "called-off"; key: string; because: string }
  /** Nothing more is awaited. */
  | { is: "up"; outcomes: KeyOutcome[] };

/** What a detached host reports. `failed`: it could not begin. */
export type HostedEvent = UpEvent | { is: "failed"; error: FailureReport };

/** What became of a key, for its line of truth. */
export interface KeyOutcome {
  key: string;
  /**
   * Of a launch as in `dt ps`; `completed` and `unchanged` of one-shots; `prevented`: a need failed; `stopped`: a
   * person stopped it, or what it needs, before it was up.
   */
  state: string;
  pid: number | null;
  port: number | null;
  url: string | null;
  log: string;
  /** It already ran and was left alone. */
  unchanged: boolean;
  /** Why it is not up; null when it is. */
  why: string | null;
}
