/** Serves the launches of one `dt up` in a host's process. */
import type { HostedEvent, UpNode } from "../callers/types.ts";
import { MOST_RESTARTS } from "../launch/streak.ts";
import type { Ground } from "../launch/types.ts";
import { holdTicket } from "../ticket/ticket.ts";
import { bringUp } from "./bringup.ts";
import type { Hosting } from "./hosting.ts";

interface Asked {
  ground: Ground;
  nodes: UpNode[];
  emit: (event: HostedEvent) => void;
  /** Aborted by the caller's Ctrl-C. */
  cancel: AbortSignal;
}

export function serveUp(hosting: Hosting, { ground, nodes, emit, cancel }: Asked): void {
  const hard = new AbortController();
  for (const { run } of nodes) holdTicket(ground, run.spec);
  const up = bringUp({
    ground,
    nodes,
    hard: hard.signal,
    emit,
    mostRestarts: MOST_RESTARTS,
    watchMembers: hosting.watchMembers,
    admission: hosting.admission,
  });
  cancel.addEventListener("abort", () => up.stop({ is: "interrupt" }));
  if (cancel.aborted) up.stop({ is: "interrupt" });
  hosting.serve({ count: up.count, keys: up.keys, stop: up.stop, claim: up.claim }, up.over);
}
