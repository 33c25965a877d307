/**
 * Which nodes may start, and which no longer may: takes the state of the graph, and returns what to do. Pure.
 *
 *   condition \ stage   waiting  going    started  ready  unhealthy  completed  failed  prevented
 *   -----------------   -------  -------  -------  -----  ---------  ---------  ------  ---------
 *   started             not yet  not yet  met      met    met        never      never   never
 *   ready               not yet  not yet  not yet  met    never      never      never   never
 *   completed           not yet  not yet  never    never  never      met        never   never
 */
import type { Edge } from "../../manifest/model/graph.ts";
import type { Condition } from "../../manifest/model/resolved.ts";

/** `going`: being started, or running to its end; `ready`: its probes hold, or it has none. */
export type Stage = "waiting" | "going" | "started" | "ready" | "unhealthy" | "completed" | "failed" | "prevented";

type Met = "met" | "notYet" | "never";

const MET: Record<Condition, Record<Stage, Met>> = {
  started: {
    waiting: "notYet",
    going: "notYet",
    started: "met",
    ready: "met",
    unhealthy: "met",
    completed: "never",
    failed: "never",
    prevented: "never",
  },
  ready: {
    waiting: "notYet",
    going: "notYet",
    started: "notYet",
    ready: "met",
    unhealthy: "never",
    completed: "never",
    failed: "never",
    prevented: "never",
  },
  completed: {
    waiting: "notYet",
    going: "notYet",
    started: "never",
    ready: "never",
    unhealthy: "never",
    completed: "met",
    failed: "never",
    prevented: "never",
  },
};

/** Whether nothing more is awaited of a node. */
export const SETTLED: Record<Stage, boolean> = {
  waiting: false,
  going: false,
  started: false,
  ready: true,
  unhealthy: true,
  completed: true,
  failed: true,
  prevented: true,
};

export interface ScheduleStep {
  /** Nodes whose needs are all met. */
  go: string[];
  /** Nodes with a need that can no longer be met: those that wait are not started, those that run are stopped again. */
  prevent: { key: string; need: string }[];
}

export function nextStep(
  nodes: readonly { key: string; needs: readonly Edge[] }[],
  stages: ReadonlyMap<string, Stage>,
): ScheduleStep {
  const step: ScheduleStep = { go: [], prevent: [] };
  for (const { key, needs } of nodes) {
    const stage = stages.get(key) as Stage;
    if (stage === "completed" || stage === "failed" || stage === "prevented") continue;
    // A need that is not among the nodes was found healthy before, or is not wanted.
    const met = needs.map(({ key: need, condition }) => MET[condition][stages.get(need) ?? metBy(condition)]);
    const broken = needs[met.indexOf("never")];
    if (broken !== undefined) step.prevent.push({ key, need: broken.key });
    else if (stage === "waiting" && met.every((one) => one === "met")) step.go.push(key);
  }
  return step;
}

function metBy(condition: Condition): Stage {
  return condition === "completed" ? "completed" : "ready";
}
