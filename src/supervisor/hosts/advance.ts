/**
 * Advances a host of many: after each change it starts the nodes that may start, leaves those that no longer can, and
 * reports once when nothing more is awaited. The table in schedule.ts says which nodes may start.
 */
import type { Asker } from "../../state/types.ts";
import type { KeyOutcome, UpNode } from "../callers/types.ts";
import { describeAsker } from "../launch/exit.ts";
import { nextStep, SETTLED, type Stage } from "./schedule.ts";
import { callOff, changeOutcome, isForsaken, preventNode, type UpState } from "./upstate.ts";

/**
 * In milliseconds. A launch without `ready` is up when it has run for this long. Its dependents do not wait for that.
 * Most programs that cannot run (a wrong setting, a missing file) end within it.
 */
const SETTLE_MS = 500;

export function become(
  up: UpState,
  { key, stage, change }: { key: string; stage: Stage; change: Partial<KeyOutcome> },
): void {
  if (up.stages.get(key) === "prevented") return;
  up.stages.set(key, stage);
  changeOutcome(up, { key, change });
  advance(up);
}

export function advance(up: UpState): void {
  if (up.isUp) return;
  const { nodes, stages, settling, outcomes } = up;
  for (;;) {
    if (leaveForsaken(up)) continue;
    const { go, prevent } = nextStep(nodes, stages);
    for (const { key, need } of prevent) preventNode(up, { key, need });
    if (prevent.length > 0) continue;
    for (const key of go) {
      stages.set(key, "going");
      up.begin(up.byKey.get(key) as UpNode);
    }
    break;
  }
  if (settling.size > 0 || ![...stages.values()].every((stage) => SETTLED[stage])) return;
  up.isUp = true;
  up.settled.resolve([...outcomes.values()]);
  up.emit({ is: "up", outcomes: [...outcomes.values()] });
}

/** False when there was nothing to do. */
function leaveForsaken(up: UpState): boolean {
  const { nodes, stages, served } = up;
  const waiting = nodes.filter((one) => stages.get(one.key) === "waiting" && isForsaken(up, one));
  for (const { key } of waiting) callOff(up, { key, because: "its dependents were stopped meanwhile" });
  // A launch that is being started stays: it is one of its own.
  for (const one of nodes)
    if (one.run.is === "task" && stages.get(one.key) === "going" && isForsaken(up, one))
      served.get(one.key)?.cancel.abort();
  return waiting.length > 0;
}

/**
 * `looks` return who stopped each node, in the order of the nodes. Only waiting nodes are checked: one that is being
 * started finds out itself.
 */
export function lookForStops(up: UpState, looks: readonly (() => Asker | null)[]): void {
  let isAny = false;
  for (const [at, { key }] of up.nodes.entries()) {
    if (up.stages.get(key) !== "waiting") continue;
    const by = looks[at]?.() ?? null;
    if (by === null) continue;
    callOff(up, { key, because: `it was stopped meanwhile${describeAsker(by)}` });
    isAny = true;
  }
  if (isAny) advance(up);
}

export function settle(up: UpState, key: string): void {
  const timer = setTimeout(() => {
    up.settling.delete(key);
    advance(up);
  }, SETTLE_MS);
  up.settling.set(key, timer);
}

/** True when it has run too short a time to be up. */
export function unsettle({ settling }: UpState, key: string): boolean {
  clearTimeout(settling.get(key));
  return settling.delete(key);
}
