/**
 * A stop when nothing is running: removes what ended before from the list of failures, and calls off a start that is
 * still loading.
 */
import type { ExitRecord } from "../../state/types.ts";
import { unlessUnwritable } from "../../state/unlessunwritable.ts";
import { stateAfter } from "../../state/view.ts";
import type { Site } from "../launch/types.ts";
import { lockToStop, noteWanted } from "./stopnotes.ts";
import type { StopKeyRequest, StopKeyResult } from "./types.ts";
import { isListedAsFailed } from "./underway.ts";

/** Nothing is running, and it is unknown whether a start of the key is being loaded: if one is, it finds the mark. */
export async function markUnknown(
  ground: Site,
  { say, ...request }: { say: (text: string) => void } & StopKeyRequest,
): Promise<StopKeyResult> {
  const lock = await lockToStop(ground, request);
  try {
    if (ground.store.record(request.key).is === "absent") noteWanted(ground, request);
  } finally {
    lock.release();
  }
  say(`${request.key}: manifests are still being loaded; a start that waits for them will not start it`);
  return dismissEnded(ground, request);
}

/** Nothing is running; a key that is listed as failed no longer is. */
export async function dismissEnded(ground: Site, request: StopKeyRequest): Promise<StopKeyResult> {
  const { store } = ground;
  const { key } = request;
  if (!isListedAsFailed(ground, key)) {
    const exit = store.exit(key);
    const byItself = exit.is === "there" && exit.value.reason === "exited";
    return byItself ? { is: "ended", key, exit: exit.value, left: false } : { is: "not-running", key };
  }
  store.prepare();
  const lock = await lockToStop(ground, request);
  try {
    const exit = store.exit(key);
    if (!isListedAsFailed(ground, key) || exit.is !== "there") return { is: "not-running", key };
    noteWanted(ground, request);
    return { is: "ended", key, exit: dismiss(ground, { ...request, exit: exit.value }), left: false };
  } finally {
    lock.release();
  }
}

export function dismiss({ store }: Site, { exit, by }: { exit: ExitRecord } & StopKeyRequest): ExitRecord {
  if (stateAfter(exit) !== "failed") return exit;
  const dismissed = { ...exit, dismissed: { by, at: new Date().toISOString() } };
  unlessUnwritable(() => store.writeExit(dismissed));
  return dismissed;
}
