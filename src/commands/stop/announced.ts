/**
 * A stop of more than named keys waits for starts whose manifests are still being loaded, since their keys are not
 * known yet.
 */
import { awaitNamed } from "../../supervisor/ticket/announced.ts";
import type { DtContext } from "../context/types.ts";

/** If that takes too long, a warning says so: a start without a name cannot be called off. */
export async function awaitAnnounced({ talk, ground }: DtContext, announced: readonly string[]): Promise<void> {
  if (await awaitNamed(ground(), { names: announced, say: talk.say })) return;
  talk.warn("manifests are still being loaded for a start: what it starts later is not stopped by this");
}
