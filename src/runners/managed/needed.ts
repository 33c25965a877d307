/**
 * What a command needs, started before it, and which signals end that. What starting it takes is loaded only where a
 * command needs something.
 */
import type { ManagedSettings, ManifestIndex } from "../../manifest/model/resolved.ts";
import { watchTicket } from "../../supervisor/ticket/ticket.ts";
import { cancelOnPress, TERMINATING } from "../parts/cancelling.ts";
import type { RunnerContext } from "../parts/types.ts";
import type { NeedContext } from "./needs.ts";

/** Commands in `before` count too: they may have needs. */
export function needsSomething({ needs, before }: ManagedSettings): boolean {
  return needs.length + before.length > 0;
}

/**
 * Starts what the command needs. Returns the exit status when a signal ended this dt in the meantime, otherwise null.
 * Each such signal ends the one-shot that runs, since no other process would; only Ctrl-C, an explicit cancel, also
 * ends a launch that is being started.
 */
export async function startNeeded(
  context: RunnerContext,
  { index, spec }: { index: ManifestIndex; spec: NeedContext },
): Promise<number | null> {
  const { startNeeds } = await import("./needs.ts");
  const cancel = new AbortController();
  const gone = new AbortController();
  const heard = [cancelOnPress(cancel), cancelOnPress(gone, TERMINATING)];
  const stopped = watchTicket(context.ground, spec);
  const isOver = () => cancel.signal.aborted || gone.signal.aborted;
  try {
    const off = AbortSignal.any([stopped.signal, gone.signal]);
    await startNeeds({ context, index, needy: spec, cancel: cancel.signal, off });
  } catch (error) {
    if (!isOver()) throw error;
  } finally {
    stopped.close();
    for (const one of heard) one.close();
  }
  if (!isOver()) return null;
  context.talk.say(`${spec.key} not started: cancelled`);
  return Math.max(...heard.map((one) => one.status() ?? 0));
}
