/**
 * The steps `claim` and `begin`, for which the place is clear. What was written ahead is taken back if nothing was
 * spawned.
 */
import { closeSync } from "node:fs";
import { logPlaces, makeLogDirectory, openRun } from "../../logs/open.ts";
import { beginTimes } from "../../logs/times.ts";
import type { LaunchRecord } from "../../state/types.ts";
import { DtError } from "../../sys/base/error.ts";
import { type FileLock, tryFlock } from "../../sys/files/flock.ts";
import { identifySelf, type ProcessIdentity } from "../../sys/process/identity.ts";
import { lineageFor } from "../../sys/process/lineage.ts";
import { spawnLeader } from "../../sys/spawn/spawn.ts";
import { noteStack } from "../end/stack.ts";
import { noteSpec } from "../ground/spec.ts";
import { holdOn, letGo } from "../launch/holding.ts";
import { isKnownLog, refuseSharedLog } from "../launch/log.ts";
import type { Ground } from "../launch/types.ts";
import { claimPort } from "../port/claim.ts";
import { checkPort } from "../port/port.ts";
import { reopensOutput } from "../prepare/reopens.ts";
import { leaderOf, takingOver } from "../prepare/stack.ts";
import { queryOf } from "../tree/query.ts";
import { stopTree } from "../tree/stoptree.ts";
import { makeLaunchRecord } from "./record.ts";
import type { ClaimedStart, ClearedStart, Leader, Started, Undo } from "./types.ts";

/** How long a child of a killed host may be between fork and exec, in milliseconds. */
const FENCE_WAIT_MS = 5000;
const FENCE_LOOK_MS = 2;

/** Writes down that the key is wanted, and takes the port. Throws `port-taken`. */
export async function claim(start: ClearedStart, undo: Undo): Promise<ClaimedStart> {
  const { ground, spec, options, before } = start;
  options.signal?.throwIfAborted();
  const stack =
    before?.converge === true && start.prepared.stack !== null
      ? takingOver(ground, { stack: start.prepared.stack, old: before.record })
      : start.prepared.stack;
  const prepared = { ...start.prepared, stack };
  ground.store.writeWant({ version: 1, key: spec.key, want: "run", at: new Date().toISOString(), by: spec.asker });
  const { port } = prepared;
  // A process that listens for a container belongs neither to this launch nor to the old one.
  const check = () => (stack === null ? checkPort(ground, { key: spec.key, port }) : undefined);
  check();
  const claimed = prepared.claim ?? (port === null ? null : await claimPort(ground, { key: spec.key, port, check }));
  undo.push(() => claimed?.release());
  return { ...start, prepared, claim: claimed };
}

/** Fence, hold, write-ahead, log, leader, record: the steps of the table in start.ts, in its order. */
export async function begin(start: ClaimedStart): Promise<Extract<Started, { is: "started" }>> {
  const { ground, spec, prepared, options } = start;
  const { store, table } = ground;
  const fence = await raiseFence(store.path(spec.key, "fence"));
  let written: LaunchRecord | null = null;
  try {
    const self = identifySelf(table);
    written = holdOn(ground, makeLaunchRecord(start, self));
    store.writeRecord(written);
    noteSpec(ground, { token: written.token, spec });
    noteStack(ground, { record: written, launch: prepared.stack });
    // Checked again now that other starts can see this one: of two at the same instant, at least one sees the other
    // (maybe both do).
    refuseSharedLog(ground, { key: spec.key, log: prepared.log, isOwn: prepared.ownLog });
    const log = openLog(start, written);
    let leader: Leader;
    try {
      written = { ...written, logFile: log.file };
      options.signal?.throwIfAborted();
      leader = await executeLeader(start, log.fd);
    } finally {
      closeSync(log.fd);
    }
    written = { ...written, phase: "running", leader: identifyLeader(ground, { pid: leader.pid, self }) };
    if (table.lineageOf(leader.pid) === lineageFor(written.token)) written.lineage = true;
    await recordLeader(ground, written);
    leader.exited.then(() => start.claim?.release());
    return { is: "started", record: written, leader, prepared };
  } catch (error) {
    // Nothing was spawned, or recordLeader has stopped the leader: what was written ahead is taken back. With
    // containers of an earlier launch it stays until they are gone.
    if (written !== null && prepared.stack?.written === undefined) store.removeRecord(written);
    letGo(ground, spec.key);
    throw error;
  } finally {
    fence?.release();
  }
}

function openLog({ ground, spec, prepared, options }: ClaimedStart, { startedAt }: LaunchRecord) {
  const { key } = spec;
  const { keep } = spec.settings.logs;
  if (!prepared.ownLog) makeLogDirectory(prepared.log, logPlaces(ground));
  const inRow = options.streak?.inRow;
  const mode = prepared.ownLog ? 0o600 : 0o644;
  const log = openRun(prepared.log, { keep, mode, known: isKnownLog(ground, { key, log: prepared.log }), inRow });
  const mark = { token: prepared.token, ...log.file, startedAt: Date.parse(startedAt) };
  beginTimes(ground.store.path(key, "times"), { mark, keep, inRow: inRow ?? 0 });
  return log;
}

async function executeLeader({ ground, spec, prepared }: ClaimedStart, logFd: number): Promise<Leader> {
  const { openFiles } = ground;
  const { settings, terminal = null, detached, inherits } = spec;
  const { stack, token, argv } = prepared;
  const execute = stack === null ? argv : leaderOf(ground, { stack, token, detached });
  const execution = { ...prepared, argv: execute, env: prepared.environment.env };
  if (!settings.tty) {
    const reopens = stack === null && reopensOutput(ground, { spec, prepared });
    return spawnLeader(execution, { logFd, openFiles, inherits, reopens });
  }
  const { startLeaderOnTerminal } = await import("../terminal/hosted.ts");
  return startLeaderOnTerminal(execution, { log: prepared.log, size: terminal, openFiles, inherits });
}

/** A leader that ended before it could be looked up keeps its pid and a start time that no process has. */
function identifyLeader({ table }: Ground, { pid, self }: { pid: number; self: ProcessIdentity }): ProcessIdentity {
  return { ...self, pid, startTime: table.entry(pid)?.startTime ?? `${self.startTime}.ended` };
}

/** A leader that cannot be recorded (a full disk) must not run on unlisted. */
async function recordLeader(ground: Ground, record: LaunchRecord): Promise<void> {
  try {
    ground.store.writeRecord(record);
  } catch (error) {
    await stopTree({
      table: ground.table,
      query: queryOf(ground, { record }),
      signal: record.stop.signal,
      timeoutMs: record.stop.timeoutMs,
      wholeTree: true,
    });
    throw error;
  }
}

async function raiseFence(path: string): Promise<FileLock | null> {
  const deadline = performance.now() + FENCE_WAIT_MS;
  for (;;) {
    const fence = tryFlock(path);
    if (fence.is === "held") return fence.lock;
    if (fence.is === "unsupported") return null;
    if (performance.now() > deadline) {
      throw new DtError(
        "fence-busy",
        `A child of an earlier host is still between fork and exec after ${FENCE_WAIT_MS} ms (${path} is held).`,
      );
    }
    await Bun.sleep(FENCE_LOOK_MS);
  }
}
