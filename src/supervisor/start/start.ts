/**
 * Starting a launch, done by its host while it holds the key's lock. Killed after any step, this is what the next dt finds:
 *
 *   step                                    then killed, the next dt finds
 *   -------------------------------------   ------------------------------------------------------------------
 *   prepare (argv, cwd, env, port, log)     nothing was touched
 *   lock                                    a lock whose holder is gone: broken
 *   asked whether a stop came meanwhile     the same; which stops count is the table in supervisor/ticket/pending.ts
 *   end the old launch                      see supervisor/end/end.ts: `stopping`, finished by the next start or stop
 *   want written, port checked              no record, and the exit of the old launch
 *   fence, hold, write-ahead (`starting`)   a record without a leader and its host gone: looks for the token, finds nothing
 *   log opened                              the same
 *   leader spawned                          the same, but a process carries the token (or the fence is still held until it does)
 *   leader recorded (`running`), unlock     a launch without a host: it runs on and is listed, stopped, replaced as ever
 *
 * A start that fails under the lock with nothing left running leaves an exit (`start-failed`), so that it can be told later. One that
 * fails before the lock touched nothing and is told to whoever asked; one whose old launch runs on never writes over that one's facts.
 */
import { closeSync } from "node:fs";
import { logPlaces, makeLogDirectory, openRun } from "../../logs/open.ts";
import { beginTimes } from "../../logs/times.ts";
import type { LaunchRecord } from "../../state/types.ts";
import { DtError, messageOf } from "../../sys/base/error.ts";
import { type FileLock, tryFlock } from "../../sys/files/flock.ts";
import type { HeldLock } from "../../sys/lock/lock.ts";
import { identifySelf, type ProcessIdentity, presenceOf } from "../../sys/process/identity.ts";
import { lineageFor } from "../../sys/process/lineage.ts";
import { spawnLeader } from "../../sys/spawn/spawn.ts";
import { endLaunch } from "../end/end.ts";
import { endStack, noteStack } from "../end/stack.ts";
import { clearUnreadable } from "../end/unrecorded.ts";
import { refuseAnotherFolder } from "../ground/samefolder.ts";
import { noteSpec } from "../ground/spec.ts";
import { holdOn, letGo } from "../launch/holding.ts";
import { lineOf } from "../launch/line.ts";
import { lockKey } from "../launch/lock.ts";
import { isKnownLog, refuseSharedLog } from "../launch/log.ts";
import { noteStreak } from "../launch/streak.ts";
import type { Ground, LaunchEvent, LaunchSpec, Report } from "../launch/types.ts";
import { claimPort, type PortClaim } from "../port/claim.ts";
import { checkPort, isHeldForIt } from "../port/port.ts";
import { type PreparedLaunch, prepareLaunch } from "../prepare/launch.ts";
import { reopensOutput } from "../prepare/reopens.ts";
import { isConverging, leaderOf, probesOf, type StackLaunch, takingOver } from "../prepare/stack.ts";
import { describeProbe } from "../probe/describe.ts";
import { dropTicket, holdTicket, refuseCalledOff, watchTicket } from "../ticket/pending.ts";
import { queryOf } from "../tree/query.ts";
import { stopTree } from "../tree/stoptree.ts";
import { noteStartFailure } from "./failed.ts";
import type { Leader, Started, StartOptions } from "./types.ts";

/** How late it is seen that a start is not wanted any more. */
const LOOK_EVERY_MS = 100;
/** How long what runs before a restart may take to end then: whoever stopped the launch waits for its host, and not as long as for a start. */
const GIVE_UP_MS = 1000;
/** How long a child of a killed host may be between fork and exec. */
const FENCE_WAIT_MS = 5000;

export async function startLaunch(
  ground: Ground,
  spec: LaunchSpec,
  report: Report,
  options: StartOptions,
): Promise<Started> {
  refuseAnotherFolder(ground);
  ground.store.prepare();
  const stopped = watchTicket(ground, spec);
  // A start that somebody waits for is called off by its ticket, which says by whom.
  const wanted = watchWanted(spec.ticket === undefined ? options.stillWanted : undefined);
  try {
    const signals = [options.signal ?? [], stopped.signal, wanted.signal].flat();
    return await startInTurn(ground, spec, report, { ...options, signal: AbortSignal.any(signals) }, wanted.close);
  } catch (error) {
    // Before anything was touched: under the lock it is not watched.
    if (wanted.signal.aborted && error === wanted.signal.reason) return { is: "unwanted" };
    throw error;
  } finally {
    wanted.close();
    stopped.close();
    dropTicket(ground, spec);
  }
}

/** Aborted once the start is not wanted any more: whoever stopped the launch waits for its host, and ends one that goes on. */
function watchWanted(stillWanted: StartOptions["stillWanted"]): { signal: AbortSignal; close(): void } {
  const off = new AbortController();
  if (stillWanted === undefined) return { signal: off.signal, close() {} };
  const look = () => {
    if (!stillWanted()) off.abort();
  };
  look();
  const timer = setInterval(look, LOOK_EVERY_MS);
  return { signal: off.signal, close: () => clearInterval(timer) };
}

/** What `work` gives; null once the start is not wanted any more, however long the work goes on. */
export async function whileWanted<T>(stillWanted: () => boolean, work: Promise<T>): Promise<T | null> {
  const { signal, close } = watchWanted(stillWanted);
  const off = Promise.withResolvers<null>();
  signal.addEventListener("abort", () => off.resolve(null));
  if (signal.aborted) off.resolve(null);
  return Promise.race([work, off.promise]).finally(close);
}

async function startInTurn(
  ground: Ground,
  spec: LaunchSpec,
  report: Report,
  options: StartOptions,
  onTurn: () => void,
): Promise<Started> {
  const isStack = spec.settings.compose !== null;
  // The file of a stack may be what runs before it writes.
  if (isStack) await runFirst(ground, spec, report, options);
  const prepared = await prepareLaunch(ground, spec, report);
  if (!isStack && (await judgeEnsured(ground, spec, prepared))?.is !== "same")
    await runFirst(ground, spec, report, options);
  const lock = await lockKey(ground, spec.key, {
    doing: "start",
    command: spec.asker.command,
    timeoutMs: spec.lockTimeoutMs,
    signal: options.signal,
    onWait: () => holdTicket(ground, spec),
  });
  onTurn();
  let started: Started;
  try {
    started = await startUnderLock(ground, spec, prepared, lock, report, options);
  } catch (error) {
    prepared.claim?.release();
    throw error;
  } finally {
    lock.release();
  }
  if (started.is !== "started") prepared.claim?.release();
  // Told when the lock is free again: whoever waits for it may go on at once with the same key.
  if (started.is === "started") report(spawnedEvent(started.record, prepared.stack));
  return started;
}

async function runFirst(
  ground: Ground,
  spec: LaunchSpec,
  report: Report,
  { signal, restarts }: StartOptions,
): Promise<void> {
  if (spec.settings.before.length === 0) return;
  const { runBefore } = await import("../oneshot/before.ts");
  await runBefore(ground, spec, report, signal, restarts === 0 ? undefined : GIVE_UP_MS);
}

/** Null where it was not asked for. */
async function judgeEnsured(ground: Ground, spec: LaunchSpec, prepared: PreparedLaunch) {
  if (!spec.ensure) return null;
  const { judgeSame } = await import("../prepare/ensure.ts");
  return judgeSame(ground, spec.key, prepared, spec.settings.tty);
}

function spawnedEvent(record: LaunchRecord, stack: StackLaunch | null): LaunchEvent {
  const { probed, argv, cwd } = record;
  const shown = stack?.shown == null ? {} : { shown: stack.shown };
  return { is: "spawned", line: lineOf(record, "running"), probed, commandLine: argv, cwd, ...shown };
}

async function startUnderLock(
  ground: Ground,
  spec: LaunchSpec,
  prepared: PreparedLaunch,
  lock: HeldLock,
  report: Report,
  options: StartOptions,
): Promise<Started> {
  if (options.stillWanted?.() === false) return { is: "unwanted" };
  refuseCalledOff(ground, spec);
  try {
    return await startInPlace(ground, spec, prepared, lock, report, options);
  } catch (error) {
    noteStartFailure(ground, spec, { ...prepared, restarts: options.restarts }, error);
    throw error;
  }
}

const BROKEN = { unreadable: "an unfinished lock", foreign: "a foreign lock (it is kept beside it)" };

async function startInPlace(
  ground: Ground,
  spec: LaunchSpec,
  prepared: PreparedLaunch,
  lock: HeldLock,
  report: Report,
  options: StartOptions,
): Promise<Started> {
  const { table } = ground;
  if (lock.broke !== null) {
    const whose =
      typeof lock.broke === "string"
        ? BROKEN[lock.broke]
        : `the lock of pid ${lock.broke.holder.pid} (${lock.broke.command}), which is gone`;
    report({ is: "note", text: `broke ${whose}` });
  }
  const judged = await judgeEnsured(ground, spec, prepared);
  if (judged?.is === "same") return { is: "unchanged", record: judged.record };
  if (judged?.is === "different") report({ is: "note", text: `${spec.key} is replaced: ${judged.why}` });
  refuseSharedLog(ground, spec.key, prepared.log);
  if (prepared.stack === null) refuseStrangersPort(ground, spec.key, prepared.port);
  const before = await clearPlace(ground, spec, prepared, identifySelf(table), report, options);
  try {
    options.signal?.throwIfAborted();
    const { stack } = prepared;
    const own =
      before === null || stack === null || !before.converge ? stack : takingOver(ground, stack, before.record);
    const started = await startInClearPlace(ground, spec, { ...prepared, stack: own }, options);
    if (before !== null) ground.store.removeFiled(before.record.token);
    return started;
  } catch (error) {
    if (before !== null) await giveUp(ground, before, report);
    throw error;
  }
}

/** Of the launch before, what was left for this start: its record, and the containers of a stack. */
interface Before {
  record: LaunchRecord;
  converge: boolean;
}

async function giveUp(ground: Ground, { record, converge }: Before, report: Report): Promise<void> {
  if (converge) return giveUpStack(ground, record, report);
  const { store } = ground;
  const there = store.record(record.key);
  if (there.is === "there" && there.value.token === record.token) store.removeRecord(record);
  else store.removeFiled(record.token);
}

/** The containers of a launch that is gone, and of one that could not take them over. */
async function giveUpStack(ground: Ground, old: LaunchRecord, report: Report): Promise<void> {
  try {
    await endStack(ground, old);
    ground.store.removeRecord(old);
  } catch (error) {
    report({ is: "note", text: messageOf(error) });
  }
}

async function startInClearPlace(
  ground: Ground,
  spec: LaunchSpec,
  prepared: PreparedLaunch,
  options: StartOptions,
): Promise<Started> {
  const { store } = ground;
  store.writeWant({ version: 1, key: spec.key, want: "run", at: new Date().toISOString(), by: spec.asker });
  // Who listens for a container is not its launch, and was not the old one either.
  const check = () => (prepared.stack === null ? checkPort(ground, spec.key, prepared.port) : undefined);
  check();
  const { port } = prepared;
  const claim = prepared.claim ?? (port === null ? null : await claimPort(ground, spec.key, port, check));
  try {
    return await startClaimed(ground, spec, prepared, options, claim);
  } catch (error) {
    claim?.release();
    throw error;
  }
}

/** From here on the place is clear, and the port, if there is one, nobody else's. */
async function startClaimed(
  ground: Ground,
  spec: LaunchSpec,
  prepared: PreparedLaunch,
  options: StartOptions,
  claim: PortClaim | null,
): Promise<Started> {
  const { store, table } = ground;
  const fence = await raiseFence(store.path(spec.key, "fence"));
  let written: LaunchRecord | null = null;
  try {
    const self = identifySelf(table);
    written = holdOn(ground, makeRecord(ground, spec, prepared, self, options));
    store.writeRecord(written);
    noteSpec(ground, written.token, spec);
    noteStack(ground, written, prepared.stack);
    // Looked for again now that this start can be seen: of two at the same instant, at least one sees the other (maybe both do).
    refuseSharedLog(ground, spec.key, prepared.log);
    if (!prepared.ownLog) makeLogDirectory(prepared.log, logPlaces(ground));
    const log = openRun(
      prepared.log,
      spec.settings.logs.keep,
      prepared.ownLog ? 0o600 : 0o644,
      isKnownLog(ground, spec.key, prepared.log),
      options.streak?.inRow,
    );
    const mark = { token: prepared.token, ...log.file, startedAt: Date.parse(written.startedAt) };
    beginTimes(store.path(spec.key, "times"), mark, spec.settings.logs.keep, options.streak?.inRow ?? 0);
    let leader: Leader;
    try {
      written = { ...written, logFile: log.file };
      options.signal?.throwIfAborted();
      leader = await startLeader(ground, spec, prepared, log.fd);
    } finally {
      closeSync(log.fd);
    }
    written = { ...written, phase: "running", leader: identifyLeader(ground, leader.pid, self) };
    if (table.lineageOf(leader.pid) === lineageFor(written.token)) written.lineage = true;
    await recordLeader(ground, written);
    leader.exited.then(() => claim?.release());
    return { is: "started", record: written, leader, prepared };
  } catch (error) {
    // Nothing was spawned: what was written ahead is taken back. (A spawned leader has been stopped by recordLeader.) With containers of an
    // earlier launch it stays until they are gone.
    if (written !== null && prepared.stack?.written === undefined) store.removeRecord(written);
    letGo(ground, spec.key);
    throw error;
  } finally {
    fence?.release();
  }
}

async function startLeader(ground: Ground, spec: LaunchSpec, prepared: PreparedLaunch, logFd: number): Promise<Leader> {
  const { openFiles } = ground;
  const { settings, terminal = null, detached } = spec;
  const { stack, token, argv } = prepared;
  const execute = stack === null ? argv : leaderOf(ground, stack, token, detached);
  const execution = { ...prepared, argv: execute, env: prepared.environment.env };
  if (!settings.tty) {
    const reopens = stack === null && reopensOutput(ground, spec, prepared);
    return spawnLeader(execution, logFd, openFiles, reopens);
  }
  const { startOnTerminal } = await import("../terminal/hosted.ts");
  return startOnTerminal(execution, prepared.log, terminal, openFiles);
}

/** A rerun onto a port that somebody else holds is refused before the old launch is touched. */
function refuseStrangersPort(ground: Ground, key: string, port: number | null): void {
  const old = ground.store.record(key);
  if (port === null || old.is !== "there") return;
  if (old.value.port !== port || !isHeldForIt(ground, old.value, port)) checkPort(ground, key, port, old.value);
}

/** Gives what of the launch before the next one takes the place of, if so. Ends what is recorded under the key; what a record that does not parse stood for is searched for by key and root. */
async function clearPlace(
  ground: Ground,
  spec: LaunchSpec,
  prepared: PreparedLaunch,
  self: ProcessIdentity,
  report: Report,
  options: StartOptions,
): Promise<Before | null> {
  const { store } = ground;
  const old = store.record(spec.key);
  if (old.is === "absent") return null;
  if (old.is === "unreadable") {
    await clearUnreadable(ground, spec.key, report);
    return null;
  }
  const converge = isConverging(old.value, prepared.stack);
  const by = spec.asker.by === "user" ? { ...spec.asker, by: "rerun" as const } : spec.asker;
  store.checkSpace();
  const living = old.value.leader !== null && presenceOf(ground.table, old.value.leader) === "alive";
  if (living && converge)
    report({ is: "note", text: `${spec.key} runs: its containers are brought to what is declared now` });
  if (living && !converge) {
    report({
      is: "replacing",
      key: spec.key,
      pid: old.value.leader?.pid ?? null,
      ageMs: Math.max(0, Date.now() - Date.parse(old.value.startedAt)),
    });
  }
  const ended = await endLaunch(ground, old.value, {
    how: living ? "replace" : "sweep",
    by,
    self,
    converge,
    isFollowed: true,
    ...(options.ownExit === undefined ? {} : { ownExit: options.ownExit }),
  });
  if (living && !converge)
    report({ is: "replaced", key: spec.key, killed: ended.stopped.killed, tookMs: ended.tookMs });
  return converge || old.value.phase === "backoff" ? { record: old.value, converge } : null;
}

function makeRecord(
  ground: Ground,
  spec: LaunchSpec,
  prepared: PreparedLaunch,
  self: ProcessIdentity,
  { restarts, streak }: StartOptions,
): LaunchRecord {
  const { settings } = spec;
  return {
    version: 1,
    key: spec.key,
    plugin: spec.plugin,
    command: spec.command,
    variant: spec.variant,
    token: prepared.token,
    phase: "starting",
    root: ground.root,
    argv: prepared.argv,
    cwd: prepared.cwd,
    env: prepared.environment.declared,
    args: spec.args,
    port: prepared.port,
    url: prepared.url,
    log: prepared.log,
    logFile: null,
    stop: settings.stop,
    processGroup: settings.processGroup,
    probed: probesOf(spec).length > 0,
    ...(settings.alive.length > 0 ? { alive: true } : {}),
    ...(settings.restartOn === null ? {} : { watches: true }),
    successCodes: settings.restart.successCodes,
    waitsFor: probesOf(spec).map((probe) => describeProbe(probe, prepared.port, spec.readyTimeoutMs)),
    specHash: prepared.specHash,
    startedAt: new Date().toISOString(),
    restarts,
    ...(streak === undefined ? {} : noteStreak(streak)),
    detached: spec.detached,
    ...(settings.tty ? { tty: true } : {}),
    ...(spec.owner ? { owner: spec.owner } : {}),
    host: self,
    leader: null,
    startedBy: spec.asker,
    stopping: null,
    needs: settings.needs.map((need) => need.key),
    ...(prepared.stack === null ? {} : { stack: prepared.stack.record }),
    ...(ground.shared !== true ? {} : { shared: true as const }),
    ...(ground.bystanders === true ? { bystanders: true as const } : {}),
  };
}

/** A leader that ended before it could be looked up keeps its pid and a start time that no process has. */
function identifyLeader({ table }: Ground, pid: number, self: ProcessIdentity): ProcessIdentity {
  return { ...self, pid, startTime: table.entry(pid)?.startTime ?? `${self.startTime}.ended` };
}

/** A leader that cannot be recorded (a full disk) may not run on unlisted. */
async function recordLeader(ground: Ground, record: LaunchRecord): Promise<void> {
  try {
    ground.store.writeRecord(record);
  } catch (error) {
    await stopTree({
      table: ground.table,
      query: queryOf(ground, record),
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
    await Bun.sleep(2);
  }
}
