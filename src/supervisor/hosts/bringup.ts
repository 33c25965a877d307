/**
 * Many launches served by one host. Launches whose needs are met start in parallel, those with a failed need do not
 * start, and all are stopped in reverse order of needs. Each launch is served as by a host of its own. When this host
 * lets go of one, it notes that on disk (`released`).
 */

import { currentOpenFiles } from "../../sys/spawn/limits.ts";
import type { KeyOutcome, UpEvent, UpNode } from "../callers/types.ts";
import { type Admission, makeAdmission } from "../host/admission.ts";
import { beginHosting } from "../host/host.ts";
import { claimRequests } from "../host/request.ts";
import type { Ground } from "../launch/types.ts";
import type { EndingRequest } from "../run/types.ts";
import { makeStopLook } from "../ticket/ticket.ts";
import { advance, lookForStops } from "./advance.ts";
import { watchManyMembers } from "./members.ts";
import { serveNode } from "./servenode.ts";
import { endServed, leaveUnstarted, makeUpState, type UpState } from "./upstate.ts";

/** How late it is noticed that a waiting launch was called off, in milliseconds. */
const LOOK_EVERY_MS = 100;

export interface Up {
  /** Resolves when nothing more is awaited of any node. */
  settled: Promise<KeyOutcome[]>;
  /** Resolves when nothing is served any longer. */
  over: Promise<void>;
  /** Stops all that is served, a need after its dependents, and starts nothing more. */
  stop(request: EndingRequest): void;
  /** Takes the requests for a restart; to be called on the restart signal. */
  claim(): void;
  /** How many launches it serves, or will. */
  count(): number;
  /** Their keys. */
  keys(): readonly string[];
}

export interface BringUp {
  /** This host's own: it is marked as shared by many launches. */
  ground: Ground;
  nodes: readonly UpNode[];
  /** Aborted: what still stops is killed. */
  hard: AbortSignal;
  emit: (event: UpEvent) => void;
  /** After this many restarts in a row a launch is no longer waited for. Default: it is always waited for. */
  mostRestarts?: number;
  /** Default: watched by this host for these nodes alone. */
  watchMembers?: UpState["watchMembers"];
  /** Default: of this process's own. */
  admission?: Admission;
}

export function bringUp({ ground, nodes, emit, ...given }: BringUp): Up {
  beginHosting(ground);
  ground.shared = true;
  const onStray = (text: string) => emit({ is: "launch", key: "", event: { is: "note", text } });
  const begin = (node: UpNode) => void serveNode(up, node);
  const up: UpState = makeUpState({
    mostRestarts: Number.POSITIVE_INFINITY,
    watchMembers: given.watchMembers ?? watchManyMembers(ground, onStray),
    admission: makeAdmission(Number(currentOpenFiles())),
    ...given,
    ground,
    nodes,
    emit,
    begin,
  });
  const looks = nodes.map(({ run }) => makeStopLook(ground, run.spec));
  up.settled.promise.then(() => clearInterval(looking));
  advance(up);
  const looking = setInterval(() => lookForStops(up, looks), LOOK_EVERY_MS);
  return {
    settled: up.settled.promise,
    over: awaitServed(up),
    stop: (request) => stopAll(up, request),
    count: () => [...up.stages].filter(([key, stage]) => stage === "waiting" || up.served.has(key)).length,
    keys: () => [...up.served.keys()],
    claim() {
      for (const [key, { queue }] of up.served) claimRequests(ground, { key, push: queue.push });
    },
  };
}

async function awaitServed({ settled, served }: UpState): Promise<void> {
  await settled.promise;
  while (served.size > 0) await Promise.all([...served.values()].map((one) => one.over.promise));
}

function stopAll(up: UpState, request: EndingRequest): void {
  if (up.stopping !== null) return;
  up.stopping = request;
  for (const [key, stage] of up.stages) if (stage === "waiting") leaveUnstarted(up, { key, request });
  for (const [key] of up.served) {
    const before = (up.dependents.get(key) ?? []).flatMap((one) => up.served.get(one)?.over.promise ?? []);
    void Promise.all(before).then(() => endServed(up, { key, request }));
  }
}
