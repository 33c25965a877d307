/**
 * The holder of a key's lock ends the key's launch: want written, record marked `stopping`, tree stopped, exit
 * recorded, record removed. A process may be killed after any of these steps: the next one finds `stopping` and does
 * the same again.
 *
 *   killed after        the next start or stop finds
 *   -----------------   -------------------------------------------------------------------
 *   want                the launch as it was: stops it
 *   phase stopping      some of the tree, or none: stops what is there
 *   tree gone           a record whose leader is gone: writes the exit, removes the record
 *   exit written        the same, writes the exit again
 *   record in backoff   with `isKept`: a launch that waits for its next run, without a host
 *   record removed      nothing to do
 */
import type { ExitRecord, LaunchRecord, Want } from "../../state/types.ts";
import { DtError, messageOf } from "../../sys/base/error.ts";
import { presenceOf } from "../../sys/process/identity.ts";
import { describeAsker } from "../launch/exit.ts";
import type { Site } from "../launch/types.ts";
import { queryOf } from "../tree/query.ts";
import type { StopTreeResult } from "../tree/stoptree.ts";
import { stopTree } from "../tree/stoptree.ts";
import { makeEndExit, REASONS, readStatus } from "./exit.ts";
import { finishUnknownLeader, waitForHostGone } from "./hostgone.ts";
import { checkPortsFree, survivorError } from "./survivors.ts";
import type { Ended, EndRequest, LeaderEnd } from "./types.ts";

/**
 * Throws `survivors` (exit 5), naming them. The record then stays, so that the list stays true and the next stop tries
 * again.
 */
export async function endLaunch(
  ground: Site,
  { record, ...request }: { record: LaunchRecord } & EndRequest,
): Promise<Ended> {
  const { table, store } = ground;
  const began = performance.now();
  refuseForeignNamespace(ground, record);
  if (record.phase === "backoff") return endBackoff(ground, { record, request });
  const stopping: LaunchRecord = {
    ...record,
    phase: "stopping",
    stopping: record.stopping ?? { by: request.by, at: new Date().toISOString() },
  };
  if (request.how !== "sweep") {
    write(request, () => {
      store.writeWant(wantOf(record, request));
      store.writeRecord(stopping);
    });
  }
  await finishUnknownLeader(ground, { record, isOwn: request.isOwn });
  const stopped = await stopTree({
    table,
    query: queryOf(ground, { record }),
    signal: request.signal ?? record.stop.signal,
    timeoutMs: record.stop.timeoutMs,
    wholeTree: record.processGroup || request.how === "interrupt",
    hard: request.hard,
  });
  if (stopped.survivors.length > 0) throw survivorError(record.key, stopped.survivors);
  const status = await readStatus(ground, { record, request });
  if (request.isOwn !== true) await waitForHostGone(ground, record);
  const exit = makeEndExit({ record, request, stopping, status, killed: stopped.killed });
  const kept = await endContainers(ground, { record, request });
  write({ how: "stop" }, () => store.writeExit(exit));
  const tookMs = () => Math.round(performance.now() - began);
  if (kept !== null) {
    request.isKept?.(exit);
    return { exit, stopped, tookMs: tookMs(), left: kept.left };
  }
  try {
    checkPortsFree(ground, { record, stopped });
  } catch (error) {
    write(request, () => store.removeRecord(record));
    throw error;
  }
  if (request.isKept?.(exit) === true) return { exit, stopped, tookMs: tookMs(), left: null };
  const left = write(request, () => store.removeRecord(record));
  return { exit, stopped, tookMs: Math.round(performance.now() - began), left: tellLeft(record, left) };
}

/**
 * Null when no containers are left. A teardown that fails keeps the record, so that the next start or stop repeats it.
 * It is an error of a stop or a replacement. After a Ctrl-C or an end by itself it is only reported, and hides nothing.
 */
async function endContainers(
  ground: Site,
  { record, request }: { record: LaunchRecord; request: EndRequest },
): Promise<{ left: string | null } | null> {
  if (record.stack === undefined) return null;
  if (request.converge === true) return { left: null };
  const { endStack } = await import("./stack.ts");
  try {
    await endStack(ground, { record, hard: request.hard });
    return null;
  } catch (error) {
    if (request.how !== "interrupt" && request.how !== "sweep") throw error;
    return { left: messageOf(error) };
  }
}

function wantOf({ key }: LaunchRecord, { how, by, mark }: EndRequest): Want {
  const want = how === "stop" || how === "interrupt" ? "stopped" : "run";
  const at = new Date().toISOString();
  return { version: 1, key, want, at, by, ...(mark === undefined ? {} : { lastStop: mark }) };
}

function tellLeft({ key }: LaunchRecord, left: DtError | null): string | null {
  return left === null
    ? null
    : `the record of ${key} stays, although none of it is running any longer: ${left.message}`;
}

/**
 * A full or read-only disk must not prevent a stop, since stopping is what frees it: if something cannot be written,
 * the stop continues, and the error is returned. A replacement throws instead: nothing is touched if it could not be
 * written down.
 */
function write({ how }: Pick<EndRequest, "how">, note: () => void): DtError | null {
  try {
    note();
    return null;
  } catch (error) {
    if (how === "replace" || !(error instanceof DtError)) throw error;
    return error;
  }
}

/**
 * Between two runs only the host is alive. It learns of the end from its record, which is removed or says `stopping`,
 * and leaves. When a start follows, the record stays until the next one replaces it, so that no reader finds the key
 * without one.
 */
async function endBackoff(
  ground: Site,
  { record, request }: { record: LaunchRecord; request: EndRequest },
): Promise<Ended> {
  const { store } = ground;
  const began = performance.now();
  const at = new Date().toISOString();
  const isEnd = request.how === "stop" || request.how === "interrupt";
  write(request, () => store.writeWant(wantOf(record, request)));
  const last = store.exit(record.key);
  const status: LeaderEnd = { known: true, code: null, signal: null, at };
  const stopped: StopTreeResult = { survivors: [], killed: 0, ports: [], passedOver: [] };
  const end = { record, request, stopping: record, status, killed: 0 };
  const base = last.is === "there" ? last.value : makeEndExit(end);
  const how = request.how === "interrupt" ? "interrupted" : `stopped${describeAsker(request.by)}`;
  const text = `${how} while it was waiting to be started again; before that it ${base.text}`;
  const exit: ExitRecord = isEnd ? { ...base, reason: REASONS[request.how], by: request.by, text } : base;
  const kept = isEnd ? await endContainers(ground, { record, request }) : null;
  if (isEnd) write(request, () => store.writeExit(exit));
  if (kept !== null) return { exit, stopped, tookMs: Math.round(performance.now() - began), left: kept.left };
  if (request.isFollowed === true) {
    if (request.isOwn === true) return { exit, stopped, tookMs: Math.round(performance.now() - began), left: null };
    store.writeRecord({ ...record, phase: "stopping", stopping: { by: request.by, at } });
    await waitForHostGone(ground, record);
    return { exit, stopped, tookMs: Math.round(performance.now() - began), left: null };
  }
  const left = write(request, () => store.removeRecord(record));
  if (request.isOwn !== true) await waitForHostGone(ground, record);
  if (record.shared === true && left === null) store.removeRecord(record); // with what its host has written meanwhile
  return { exit, stopped, tookMs: Math.round(performance.now() - began), left: tellLeft(record, left) };
}

function refuseForeignNamespace({ table }: Site, record: LaunchRecord): void {
  if (presenceOf(table, record.leader ?? record.host) !== "unknown") return;
  throw new DtError(
    "unknown-here",
    `${record.key} was started in another pid namespace (a container that shares this directory?), so its processes cannot be judged from here and none was signalled.`,
    {
      hint:
        record.held === true
          ? "It is alive there: stop it where it was started."
          : `Stop it where it was started, or remove ${record.key}.meta.json from the run directory if that container is gone.`,
    },
  );
}
