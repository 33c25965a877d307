/** Stops processes that say they belong to a key and root although it has no record: `dt doctor --fix`. */
import { lockKey } from "../launch/lock.ts";
import type { Site } from "../launch/types.ts";
import type { StopTreeResult } from "../tree/stoptree.ts";
import { noteUnrecordedEnd, noteWanted } from "./stopnotes.ts";
import type { StopKeyRequest } from "./types.ts";

export async function stopLost(
  ground: Site,
  { spare, ...request }: { spare: readonly string[] } & StopKeyRequest,
): Promise<StopTreeResult | null> {
  const { store } = ground;
  const { key } = request;
  store.prepare();
  const lock = await lockKey(ground, {
    key,
    doing: "stop (doctor)",
    command: request.by.command,
    timeoutMs: request.lockTimeoutMs,
  });
  try {
    if (store.record(key).is !== "absent") return null; // its host has recorded it meanwhile
    noteWanted(ground, request);
    const { stopUnrecorded } = await import("./unrecorded.ts");
    const stopped = await stopUnrecorded(ground, { key, spare });
    noteUnrecordedEnd(ground, { ...request, why: "its record was lost" });
    return stopped;
  } finally {
    lock.release();
  }
}
