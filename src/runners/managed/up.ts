/**
 * `dt up`: brings up everything that is named and what it needs, by one host. Detached, it returns when nothing more is
 * awaited; in the foreground this process is the host.
 */
import { bringUpDetached } from "../../supervisor/callers/bringupcaller.ts";
import type { UpEvent, UpNode } from "../../supervisor/callers/types.ts";
import { refuseNested } from "../../supervisor/launch/nested.ts";
import { cleanedForHosting } from "../../supervisor/prepare/selfenv.ts";
import { takeTicket } from "../../supervisor/ticket/ticket.ts";
import { EXIT } from "../../sys/base/error.ts";
import { becomeDt } from "../../sys/spawn/exec.ts";
import { cancelOnPress } from "../parts/cancelling.ts";
import { makeProgress } from "../parts/progress.ts";
import type { RunnerContext } from "../parts/types.ts";
import { upForeground } from "./upforeground.ts";
import { makeUpNodes, showUpNodes, type UpRequest } from "./upnodes.ts";
import { concludeUp, tellUp } from "./uptell.ts";

export async function runUp(context: RunnerContext, request: UpRequest): Promise<number> {
  const nodes = makeUpNodes(context, request);
  if (context.dryRun) return showUpNodes(context, nodes);
  for (const { key } of nodes) refuseNested(context, { key, verb: "replace" });
  for (const { run } of nodes) run.spec.ticket = takeTicket(context, { key: run.spec.key, asker: run.spec.asker });
  context.announced?.close();
  return request.detach ? upDetached(context, nodes) : upForeground(context, { nodes, colored: request.colored });
}

async function upDetached(context: RunnerContext, nodes: UpNode[]): Promise<number> {
  const cancel = new AbortController();
  cancelOnPress(cancel);
  const progress = makeProgress(context, nodes);
  const tell = progress === null ? (event: UpEvent) => tellUp(context, event) : progress.hear;
  const { ground, env } = context;
  const outcomes = await bringUpDetached({ ground, nodes, env, report: tell, cancel: cancel.signal }).finally(() =>
    progress?.close(),
  );
  return cancel.signal.aborted ? EXIT.interrupted : concludeUp(context, outcomes);
}

/**
 * Call it before anything is read or written for a `dt up` in the foreground: this process
 * may have to execute itself again.
 */
export function becomeHost({ ground, ownEnv, argv }: RunnerContext): void {
  const cleaned = cleanedForHosting(ownEnv, ground.root);
  if (cleaned !== null)
    becomeDt([...ground.self, ...argv] as [string, ...string[]], { ownEnv: cleaned, descriptors: [] });
}
