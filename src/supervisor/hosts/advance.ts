/**
 * Moves a host of many on: after each change it starts what may start, leaves what no longer can, and says once when nothing more is awaited.
 * What may start is the table in schedule.ts.
 */
import type { Asker } from "../../state/types.ts";
import { describeAsker } from "../launch/exit.ts";
import { nextStep, SETTLED, type Stage } from "./schedule.ts";
import type { Outcome, UpNode } from "./types.ts";
import { callOff, changeOutcome, isForsaken, preventNode, type UpState } from "./upstate.ts";

/**
 * A launch without `ready` is up when it has run for this long. Its dependents do not wait for that. Most programs that cannot run (a wrong
 * setting, a missing file) end within it.
 */
const SETTLE_MS = 500;

export function become(up: UpState, key: string, stage: Stage, change: Partial<Outcome>): void {
  if (up.stages.get(key) === "prevented") return;
  up.stages.set(key, stage);
  changeOutcome(up, key, change);
  advance(up);
}

export function advance(up: UpState): void {
  if (up.isUp) return;
  const { nodes, stages, settling, outcomes } = up;
  for (;;) {
    if (leaveForsaken(up)) continue;
    const { go, prevent } = nextStep(nodes, stages);
    for (const { key, need } of prevent) preventNode(up, key, need);
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
  for (const { key } of waiting) callOff(up, key, "its dependents were stopped meanwhile");
  // A launch is one of its own, and stays.
  for (const one of nodes)
    if (one.run.is === "task" && stages.get(one.key) === "going" && isForsaken(up, one))
      served.get(one.key)?.cancel.abort();
  return waiting.length > 0;
}

/** `looks`: who stopped each node, in the order of the nodes. Only for those that wait: one that is being started finds out itself. */
export function lookForStops(up: UpState, looks: readonly (() => Asker | null)[]): void {
  let isAny = false;
  for (const [at, { key }] of up.nodes.entries()) {
    if (up.stages.get(key) !== "waiting") continue;
    const by = looks[at]?.() ?? null;
    if (by === null) continue;
    callOff(up, key, `it was stopped meanwhile${describeAsker(by)}`);
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
