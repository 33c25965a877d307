/**
 * What a host of many knows while it brings its launches up: the stage and the outcome of each key, what it serves now,
 * and who asked it to stop. The functions here take out a key that is not started; advance.ts says when, and
 * servenode.ts serves one.
 */
import { DtError } from "../../sys/base/error.ts";
import type { KeyOutcome, UpEvent, UpNode } from "../callers/types.ts";
import type { Admission } from "../host/admission.ts";
import type { Ground, LaunchSpec } from "../launch/types.ts";
import type { makeRequestQueue } from "../run/queue.ts";
import type { EndingRequest, HostControl, HostRequest } from "../run/types.ts";
import { dropTicket } from "../ticket/ticket.ts";
import type { Stage } from "./schedule.ts";

export interface ServedNode {
  queue: ReturnType<typeof makeRequestQueue<HostRequest>>;
  cancel: AbortController;
  over: PromiseWithResolvers<void>;
}

export interface UpState {
  ground: Ground;
  nodes: readonly UpNode[];
  byKey: ReadonlyMap<string, UpNode>;
  dependents: ReadonlyMap<string, readonly string[]>;
  stages: Map<string, Stage>;
  outcomes: Map<string, KeyOutcome>;
  served: Map<string, ServedNode>;
  /** Launches without `ready` that were spawned a moment ago. */
  settling: Map<string, ReturnType<typeof setTimeout>>;
  /** Restarts in a row, by policy. */
  restarts: Map<string, number>;
  /** After so many restarts in a row a launch is no longer waited for. */
  mostRestarts: number;
  settled: PromiseWithResolvers<KeyOutcome[]>;
  isUp: boolean;
  stopping: EndingRequest | null;
  hard: AbortSignal;
  watchMembers: NonNullable<HostControl["watchMembers"]>;
  admission: Admission;
  emit(event: UpEvent): void;
  /** Starts a node whose needs are met. */
  begin(node: UpNode): void;
}

type Given = Pick<
  UpState,
  "ground" | "nodes" | "hard" | "mostRestarts" | "watchMembers" | "admission" | "emit" | "begin"
>;

export function makeUpState(given: Given): UpState {
  const { ground, nodes } = given;
  const dependents = new Map<string, string[]>();
  for (const { key, needs } of nodes)
    for (const need of needs) dependents.set(need.key, [...(dependents.get(need.key) ?? []), key]);
  return {
    ...given,
    byKey: new Map(nodes.map((node) => [node.key, node])),
    dependents,
    stages: new Map(nodes.map(({ key }) => [key, "waiting"])),
    outcomes: new Map(nodes.map(({ key }) => [key, blank(ground, key)])),
    served: new Map(),
    settling: new Map(),
    restarts: new Map(),
    settled: Promise.withResolvers(),
    isUp: false,
    stopping: null,
  };
}

function blank(ground: Ground, key: string): KeyOutcome {
  const log = ground.store.path(key, "log");
  return { key, state: "waiting", pid: null, port: null, url: null, log, unchanged: false, why: null };
}

export function changeOutcome(
  { outcomes }: UpState,
  { key, change }: { key: string; change: Partial<KeyOutcome> },
): void {
  outcomes.set(key, { ...(outcomes.get(key) as KeyOutcome), ...change });
}

/** The user stopped it meanwhile, or it was needed only for what the user stopped. */
export function callOff(up: UpState, { key, because }: { key: string; because: string }): void {
  changeOutcome(up, { key, change: { state: "stopped", pid: null, why: `was not started: ${because}` } });
  up.stages.set(key, "prevented");
  up.emit({ is: "called-off", key, because });
  dropTicketOf(up, key);
}

/** One of its needs can no longer be met. */
export function preventNode(up: UpState, { key, need }: { key: string; need: string }): void {
  const { outcomes, stages } = up;
  const because = `it needs ${need}, which ${outcomes.get(need)?.why ?? "did not come up"}`;
  if (outcomes.get(need)?.state === "stopped" && stages.get(key) === "waiting") {
    callOff(up, { key, because });
    return;
  }
  changeOutcome(up, { key, change: { state: "prevented", why: `was not started: ${because}` } });
  stages.set(key, "prevented");
  up.emit({ is: "prevented", key, because });
  dropTicketOf(up, key);
  endServed(up, { key, request: { is: "terminate", by: "signal", signal: "SIGTERM" } });
}

/** This host was asked to stop before the node's turn came. */
export function leaveUnstarted(up: UpState, { key, request }: { key: string; request: EndingRequest }): void {
  up.stages.set(key, "prevented");
  changeOutcome(up, { key, change: { state: "prevented", why: `was not started: ${causeOf(request)}` } });
  dropTicketOf(up, key);
}

function dropTicketOf({ ground, byKey }: UpState, key: string): void {
  dropTicket(ground, byKey.get(key)?.run.spec as LaunchSpec);
}

export function endServed({ served }: UpState, { key, request }: { key: string; request: EndingRequest }): void {
  const one = served.get(key);
  one?.cancel.abort();
  one?.queue.push(request);
}

/** The user did not name it, and all that need it were called off. */
export function isForsaken(up: UpState, { key, isNamed }: UpNode): boolean {
  const above = isNamed ? [] : (up.dependents.get(key) ?? []);
  return above.length > 0 && above.every((one) => isCalledOffHere(up, one));
}

function isCalledOffHere({ stages, outcomes }: UpState, key: string): boolean {
  return stages.get(key) === "prevented" && outcomes.get(key)?.state === "stopped";
}

export function forsakenError(key: string): DtError {
  return new DtError("called-off", `${key} was not started: its dependents were stopped meanwhile.`);
}

/** What the user did meanwhile. */
export function causeOf(request: EndingRequest): string {
  if (request.is === "interrupt") return "Ctrl-C came first";
  return request.by === "hangup" ? "the terminal was closed first" : `${request.signal} came first`;
}
