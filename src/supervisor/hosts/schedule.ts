/**
 * Who may start, and who must not any more: the graph's state in, what to do out. Pure.
 *
 *   condition \ stage   waiting  going  started  ready  unhealthy  completed  failed  prevented
 *   -----------------   -------  -----  -------  -----  ---------  ---------  ------  ---------
 *   started             not yet  not y. met      met    met        never      never   never
 *   ready               not yet  not y. not yet  met    never      never      never   never
 *   completed           not yet  not y. never    never  never      met        never   never
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

/** Nothing more is awaited of it. */
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

export interface Step {
  /** All they need is there. */
  go: string[];
  /** A need of theirs never will be: those that wait are not started, those that run are stopped again. */
  prevent: { key: string; need: string }[];
}

export function nextStep(
  nodes: readonly { key: string; needs: readonly Edge[] }[],
  stages: ReadonlyMap<string, Stage>,
): Step {
  const step: Step = { go: [], prevent: [] };
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
