/**
 * The caller's side of bringing up detached: the root's host brings up all nodes, and the caller listens until nothing
 * more is awaited. Killing the caller changes nothing.
 */
import { toError } from "../launch/failure.ts";
import type { Ground } from "../launch/types.ts";
import { askHost } from "./ask.ts";
import { hostLost } from "./reach.ts";
import type { HostedEvent, KeyOutcome, UpEvent, UpNode } from "./types.ts";

export interface DetachedUp {
  ground: Ground;
  nodes: UpNode[];
  env: Record<string, string>;
  report: (event: UpEvent) => void;
  /** Aborted by the caller's Ctrl-C: the host then gives up what is not up yet. */
  cancel: AbortSignal;
}

export async function bringUpDetached({ ground, nodes, env, report, cancel }: DetachedUp): Promise<KeyOutcome[]> {
  const starts = nodes.map(({ run }) => run.spec);
  for await (const word of askHost(ground, { request: { is: "up", nodes, env }, starts, cancel })) {
    const event = word as HostedEvent;
    if (event.is === "failed") throw toError(event.error);
    report(event);
    if (event.is === "up") return event.outcomes;
  }
  throw hostLost(ground, null);
}
