/** Processes that say they are of a key and root while it has no record, stopped: `dt doctor --fix`. */
import { lockKey } from "../launch/lock.ts";
import type { Ground } from "../launch/types.ts";
import type { StopTreeResult } from "../tree/stoptree.ts";
import { noteUnrecordedEnd, noteWanted } from "./stopnotes.ts";
import type { StopKeyRequest } from "./types.ts";

export async function stopLost(
  ground: Ground,
  request: StopKeyRequest,
  spare: readonly string[],
): Promise<StopTreeResult | null> {
  const { store } = ground;
  const { key } = request;
  store.prepare();
  const lock = await lockKey(ground, key, {
    doing: "stop (doctor)",
    command: request.by.command,
    timeoutMs: request.lockTimeoutMs,
  });
  try {
    if (store.record(key).is !== "absent") return null; // recorded meanwhile: its host did that
    noteWanted(ground, request);
    const { stopUnrecorded } = await import("./unrecorded.ts");
    const stopped = await stopUnrecorded(ground, key, spare);
    noteUnrecordedEnd(ground, request, "its record was lost");
    return stopped;
  } finally {
    lock.release();
  }
}
