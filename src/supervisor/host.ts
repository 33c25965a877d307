/**
 * The host: one process that serves one launch. It reaps, probes, starts again by policy and writes the exit, and is nothing that
 * is not on disk: killed at any instant, the command runs on and the next dt sees all there is to see.
 *
 *   phase \ event   leader ends                     stop, Ctrl-C              restart asked      replaced by another      host killed
 *   -------------   -----------------------------   -----------------------   ----------------   ----------------------   -----------------
 *   starting        (not spawned)                   cancel, take back         -                  -                        see start.ts
 *   running         sweep, exit, policy decides     end under the lock        end, start anew    leave (the other writes) leader runs on
 *   stopping        who stops it writes the exit    SIGKILL at once           -                  leave                    next dt finishes
 *   backoff         -                               forget the restart        start now          leave                    shown as failed
 */
import { existsSync } from "node:fs";
import { boundLog } from "../logs/bound.ts";
import type { Asker, ExitRecord, LaunchHistory, LaunchRecord } from "../state/types.ts";
import { DtError, messageOf } from "../sys/error.ts";
import { identify, identifySelf, isOver, type ProcessIdentity, presenceOf } from "../sys/identity.ts";
import { libc } from "../sys/libc.ts";
import { acquireLock, type HeldLock, readHolder } from "../sys/lock.ts";
import type { SpawnedLeader } from "../sys/spawn.ts";
import { type Ended, type EndRequest, endLaunch, queryOf } from "./end.ts";
import { noteStartFailure } from "./failed.ts";
import { decideAfterExit } from "./policy.ts";
import type { PreparedLaunch } from "./prepare.ts";
import { waitReady, waitReadyLate } from "./ready.ts";
import { lineOf, startLaunch } from "./start.ts";
import { stopTree } from "./stop.ts";
import type { Ground, LaunchSpec, Report } from "./types.ts";

export type HostRequest =
  /** Ctrl-C: SIGINT for the tree. */
  | { is: "interrupt" }
  /** SIGTERM, SIGHUP: as `dt stop` does. */
  | { is: "terminate"; by: "signal" | "hangup"; signal: string }
  /** A person's restart of this very launch. */
  | { is: "restart"; spec: LaunchSpec; done: (error: unknown) => void };

export interface HostControl {
  /** Resolves as soon as a request is there. It stays there until it is taken, so none is lost that comes while the host does something else. */
  arrived(): Promise<void>;
  /** The oldest request that was not taken yet. */
  take(): HostRequest | null;
  /** Aborted by a second Ctrl-C. */
  hard: AbortSignal;
  /** Aborted by a request that comes before anything was spawned. */
  cancel: AbortSignal;
  /** Told of each new run, so that a foreground can show its log. */
  onRun(record: LaunchRecord): void;
  /** Tells the manifest and environment as they are now, for a restart by policy; null when that is not to be had. */
  resolveAnew(spec: LaunchSpec): Promise<LaunchSpec | null>;
}

export type HostEnd =
  | { is: "unchanged"; record: LaunchRecord }
  /** This host wrote the exit. */
  | { is: "ended"; exit: ExitRecord }
  /** Somebody else ended the launch; the leader's own status, and the exit they wrote if it is there. */
  | { is: "taken"; status: { code: number | null; signal: string | null }; exit: ExitRecord | null };

/** Orphans that fall to the host are noted at this pace, so that they are known even when the host is killed. */
const ADOPT_EVERY_MS = 500;
/** How often a host that waits for its next try looks whether it is still wanted. */
const BACKOFF_LOOK_MS = 100;

interface Run {
  spec: LaunchSpec;
  record: LaunchRecord;
  leader: SpawnedLeader;
  prepared: PreparedLaunch;
  history: LaunchHistory;
  /** Aborted when the run is over: every probe and timer of it ends with it. */
  over: AbortController;
}

export async function hostLaunch(
  ground: Ground,
  first: LaunchSpec,
  report: Report,
  control: HostControl,
): Promise<HostEnd> {
  ground.table.becomeSubreaper();
  const started = await startLaunch(ground, first, report, { restarts: 0, signal: control.cancel });
  if (started.is === "unchanged") return { is: "unchanged", record: started.record };
  if (started.is === "unwanted") throw new Error("a first start is always wanted");
  let run = beginRun(ground, first, started, report, control);
  let inRow = 0;
  for (;;) {
    const event = await Promise.race([
      run.leader.exited.then((status) => ({ is: "exited" as const, status })),
      control.arrived().then(() => null),
    ]);
    if (event === null) {
      const request = control.take();
      if (request === null) continue;
      if (request.is !== "restart") return endByRequest(ground, run, request, control);
      const next = await restartNow(ground, run, request, report, control);
      if (next !== null) {
        run = next;
        inRow = 0;
      }
      continue;
    }

    noteExit(ground, run, event.status);
    const finished = await finishExited(ground, run, event.status, inRow, report, control);
    run.over.abort();
    if (finished.is !== "restart") return finished.end;
    inRow = finished.inRow;
    report({ is: "restarting", key: run.record.key, inMs: finished.afterMs, because: finished.because });
    const again = await startAfterBackoff(ground, run, finished, report, control);
    if (!("leader" in again)) return again;
    run = again;
  }
}

function beginRun(
  ground: Ground,
  spec: LaunchSpec,
  started: { record: LaunchRecord; leader: SpawnedLeader; prepared: PreparedLaunch },
  report: Report,
  control: HostControl,
): Run {
  const { record, leader, prepared } = started;
  const over = new AbortController();
  const run: Run = {
    spec,
    record,
    leader,
    prepared,
    over,
    history: {
      version: 1,
      token: record.token,
      ready: record.probed ? { is: "waiting" } : null,
      exited: null,
      adopted: [],
    },
  };
  leader.exited.then(() => over.abort());
  control.onRun(record);
  const probes = new Set<number>();
  watchOrphans(ground, run, probes);
  watchRecord(ground, run, report);
  watchLogSize(run, report);
  if (record.probed) void watchReadiness(ground, run, probes, report);
  return run;
}

/** A host's notes are its own file; losing one (a full disk) must not end the launch. */
function writeHistory(ground: Ground, run: Run, change: Partial<LaunchHistory>): void {
  run.history = { ...run.history, ...change };
  try {
    ground.store.writeHistory(run.history);
  } catch {
    // told by what is missing: `ps` then shows less, never something false
  }
}

async function watchReadiness(ground: Ground, run: Run, children: Set<number>, report: Report): Promise<void> {
  const { record, spec, prepared } = run;
  const request = {
    ground,
    record,
    probes: spec.settings.ready,
    timeoutMs: spec.readyTimeoutMs,
    env: prepared.environment.env,
    openFiles: ground.openFiles,
    signal: run.over.signal,
    children,
  };
  const tellReady = () => {
    writeHistory(ground, run, { ready: { is: "ready", at: new Date().toISOString() } });
    report({
      is: "ready",
      line: lineOf(record, "ready"),
      tookMs: Math.max(0, Date.now() - Date.parse(record.startedAt)),
    });
  };
  const readiness = await waitReady(request);
  if (readiness.is === "ready") return tellReady();
  if (readiness.is === "aborted") return;
  writeHistory(ground, run, { ready: { is: "unhealthy", at: new Date().toISOString(), why: readiness.why } });
  report({ is: "unhealthy", line: lineOf(record, "unhealthy"), why: readiness.why });
  if (await waitReadyLate(request)) tellReady();
}

/** Notes what fell to this host, and reaps it when it ends: Bun reaps only what Bun spawned. */
function watchOrphans(ground: Ground, run: Run, probes: Set<number>): void {
  const look = () => {
    const orphans = ground.table.childrenOfSelf().flatMap((pid) => {
      if (pid === run.leader.pid || probes.has(pid)) return [];
      const entry = ground.table.entry(pid);
      if (entry === null) return [];
      if (isOver(entry)) libc().waitpid(pid, null, WNOHANG);
      return isOver(entry) ? [] : [identify(ground.table, entry)];
    });
    const known = new Set(run.history.adopted.map((one) => `${one.pid}/${one.startTime}`));
    if (orphans.some((one) => !known.has(`${one.pid}/${one.startTime}`)))
      writeHistory(ground, run, { adopted: orphans });
  };
  const timer = setInterval(look, ADOPT_EVERY_MS);
  run.over.signal.addEventListener("abort", () => clearInterval(timer));
}

const WNOHANG = 1;

/** How long a launch may be missing from the list after its run directory was removed. */
const RECORD_EVERY_MS = 500;

/**
 * A stop removes the record only when the tree is gone. So a record that is absent while the leader lives was lost (somebody removed the
 * run directory), as is one that does not parse: it is written again. A record of another launch means that a start came
 * first and found nothing to replace: then this launch is the one too many, and ends. A root that is gone is not made anew.
 */
function watchRecord(ground: Ground, run: Run, report: Report): void {
  const { store, table } = ground;
  const { key, token, leader } = run.record;
  const isLost = () => leader !== null && store.record(key).is !== "there" && presenceOf(table, leader) === "alive";
  let busy = false;
  const look = async () => {
    if (run.over.signal.aborted || !existsSync(ground.root)) return;
    const there = store.record(key);
    if (there.is === "there" && there.value.token === token) return;
    if (isLost()) return restoreRecord(ground, run, isLost, report);
    if (there.is === "there" && leader !== null && presenceOf(table, leader) === "alive")
      await endSuperseded(ground, run, report);
  };
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    look()
      .catch(() => {}) // a full disk, a directory that is not to be trusted: tried again
      .finally(() => {
        busy = false;
      });
  }, RECORD_EVERY_MS);
  run.over.signal.addEventListener("abort", () => clearInterval(timer));
}

async function restoreRecord(ground: Ground, run: Run, isLost: () => boolean, report: Report): Promise<void> {
  const { store } = ground;
  const { key } = run.record;
  store.prepare();
  const lock = await tryLock(ground, run, "record again");
  if (lock === null) return; // somebody is changing the launch: looked at again in a while
  try {
    if (run.over.signal.aborted || !isLost()) return;
    if (store.record(key).is === "unreadable") store.setAside(key, "record");
    store.writeRecord(run.record);
    store.writeHistory(run.history);
    if (store.want(key).is === "absent")
      store.writeWant({ version: 1, key, want: "run", at: run.record.startedAt, by: run.record.startedBy });
    report({ is: "note", text: `the record of ${key} was lost while it runs; it is written again` });
  } finally {
    lock.release();
  }
}

async function endSuperseded(ground: Ground, run: Run, report: Report): Promise<void> {
  const { key, stop } = run.record;
  report({
    is: "note",
    text: `the record of ${key} was removed and another launch has taken its place: ending this one`,
  });
  await stopTree({
    table: ground.table,
    query: queryOf(ground, run.record),
    signal: stop.signal,
    timeoutMs: stop.timeoutMs,
    wholeTree: true,
  });
}

function noteExit(ground: Ground, run: Run, status: { code: number | null; signal: string | null }): void {
  writeHistory(ground, run, { exited: { ...status, at: new Date().toISOString() } });
}

/** How often the log's size is looked at: a run may exceed its bound by what it writes in this time. */
const BOUND_EVERY_MS = 1000;

function watchLogSize({ record, spec, over }: Run, report: Report): void {
  const { maxBytes } = spec.settings.logs;
  if (maxBytes === null || record.logFile === null) return;
  const bound = boundLog(record.log, record.logFile, maxBytes);
  if (bound === null) {
    report({ is: "note", text: `${record.key}: its log was moved or may not be read, so logs.maxSize is off` });
    return;
  }
  const timer = setInterval(() => {
    if (bound.check()) return;
    clearInterval(timer);
    report({ is: "note", text: `${record.key}: this file system cannot release a log's head, so logs.maxSize is off` });
  }, BOUND_EVERY_MS);
  over.signal.addEventListener("abort", () => {
    clearInterval(timer);
    bound.check();
    bound.close();
  });
}

type Finished =
  | { is: "restart"; afterMs: number; inRow: number; because: string; exit: ExitRecord }
  | { is: "end"; end: HostEnd };

/**
 * The leader ended. If somebody who holds the lock is ending the launch, they write the exit and this host leaves; else this host takes
 * the lock, sweeps what is left of the tree and writes it.
 */
async function finishExited(
  ground: Ground,
  run: Run,
  status: { code: number | null; signal: string | null },
  inRow: number,
  report: Report,
  control: HostControl,
): Promise<Finished> {
  const lock = await lockOrLeave(ground, run, "sweep");
  if (lock === null) return { is: "end", end: await taken(ground, run, status) };
  try {
    const record = ownRecord(ground, run);
    if (record === null) return { is: "end", end: await taken(ground, run, status) };
    const stoppedBefore = record.phase === "stopping";
    const ended = await endLaunch(ground, record, {
      how: stoppedBefore ? "stop" : "sweep",
      by: record.stopping?.by ?? run.spec.asker,
      hard: control.hard,
      self: record.host,
      ownExit: run.leader.exited,
    });
    if (stoppedBefore) return { is: "end", end: { is: "ended", exit: ended.exit } };
    return decide(ground, run, record, ended, inRow, report);
  } finally {
    lock.release();
  }
}

/** Still under the lock: the exit is written, the record gone; a policy puts a record in `backoff` in its place. */
function decide(
  ground: Ground,
  run: Run,
  record: LaunchRecord,
  { exit }: Ended,
  inRow: number,
  report: Report,
): Finished {
  const want = ground.store.want(record.key);
  const wanted = want.is === "there" && want.value.want === "run";
  const decision = decideAfterExit(
    wanted ? run.spec.settings.restart : "no",
    { code: exit.code, uptimeMs: exit.uptimeMs, restartsInRow: inRow },
    Math.random(),
  );
  if (decision.is === "give-up") {
    report({ is: "note", text: `${record.key} ended ${decision.after + 1} times in a row; not started again` });
    noteGivenUp(ground, exit, decision.after + 1);
  }
  if (decision.is !== "restart") return { is: "end", end: { is: "ended", exit } };
  try {
    ground.store.writeRecord({
      ...record,
      phase: "backoff",
      leader: null,
      logFile: null,
      restarts: record.restarts + 1,
      backoff: {
        because: exit.text,
        nextAt: new Date(Date.now() + decision.afterMs).toISOString(),
        inRow: decision.inRow,
      },
    });
  } catch (error) {
    // What cannot be written down cannot be waited for: nobody would see or stop it.
    report({ is: "note", text: `${record.key} is not started again: ${(error as Error).message}` });
    return { is: "end", end: { is: "ended", exit } };
  }
  return { ...decision, because: exit.text, exit };
}

function noteGivenUp({ store }: Ground, exit: ExitRecord, runs: number): void {
  try {
    store.writeExit({ ...exit, gaveUpAfter: runs });
  } catch {
    // the exit itself is there; a full disk must not make more of this
  }
}

/** One try; null when somebody has the lock. On a full disk too: ending a launch is what frees one. */
async function tryLock(ground: Ground, run: Run, doing: string): Promise<HeldLock | null> {
  try {
    return await acquireLock({
      path: ground.store.path(run.record.key, "lock"),
      table: ground.table,
      doing,
      command: run.spec.asker.command,
      timeoutMs: 0,
      backend: ground.lockBackend,
      evenUnwritten: true,
    });
  } catch (error) {
    if (error instanceof DtError && error.code === "lock-timeout") return null;
    throw error;
  }
}

/** Null when the launch is in somebody else's hands. */
async function lockOrLeave(ground: Ground, run: Run, doing: string): Promise<HeldLock | null> {
  const path = ground.store.path(run.record.key, "lock");
  if (!existsSync(ground.store.directory) && existsSync(ground.root)) ground.store.prepare();
  for (;;) {
    const lock = await tryLock(ground, run, doing);
    if (lock !== null) return lock;
    const current = ground.store.record(run.record.key);
    if (current.is === "absent" || (current.is === "there" && current.value.token !== run.record.token)) return null;
    if (current.is === "there" && current.value.phase === "stopping") {
      const holder = readHolder(path);
      if (holder.is === "there" && presenceOf(ground.table, holder.value.holder) === "alive") return null;
    }
    await Bun.sleep(2);
  }
}

/**
 * The record of this host's launch, under the lock: as it is on disk, or, when it was lost there, as this host wrote it. Null when
 * somebody else ended the launch: they leave its exit or that a stop is wanted, or another launch is in its place.
 */
function ownRecord({ store }: Ground, { record }: Run): LaunchRecord | null {
  const current = store.record(record.key);
  if (current.is === "there") return current.value.token === record.token ? current.value : null;
  const exit = store.exit(record.key);
  if (exit.is === "there" && exit.value.token === record.token) return null;
  const want = store.want(record.key);
  if (want.is === "there" && want.value.want === "stopped") return null;
  if (current.is === "unreadable") store.setAside(record.key, "record");
  return record;
}

/** Waits a little for the exit that the other one writes, to be able to say by whom. */
async function taken(
  ground: Ground,
  run: Run,
  status: { code: number | null; signal: string | null },
): Promise<HostEnd> {
  const record = ground.store.record(run.record.key);
  const by = record.is === "there" && record.value.token === run.record.token ? record.value.stopping?.by : undefined;
  const exit = ground.store.exit(run.record.key);
  if (exit.is === "there" && exit.value.token === run.record.token) return { is: "taken", status, exit: exit.value };
  if (by === undefined) return { is: "taken", status, exit: null };
  const { makeTakenExit } = await import("./describe.ts");
  return { is: "taken", status, exit: makeTakenExit(run.record, by, status) };
}

async function endByRequest(ground: Ground, run: Run, request: EndingRequest, control: HostControl): Promise<HostEnd> {
  const lock = await lockOrLeave(ground, run, doingOf(request));
  if (lock === null) {
    const status = await run.leader.exited;
    noteExit(ground, run, status);
    return taken(ground, run, status);
  }
  try {
    const record = ownRecord(ground, run);
    if (record === null) return taken(ground, run, await run.leader.exited);
    run.leader.exited.then((status) => noteExit(ground, run, status));
    const ended = await endLaunch(ground, record, {
      ...endOf(run, request),
      hard: control.hard,
      ownExit: run.leader.exited,
      self: record.host,
    });
    return { is: "ended", exit: ended.exit };
  } finally {
    run.over.abort();
    lock.release();
  }
}

type EndingRequest = Exclude<HostRequest, { is: "restart" }>;

function doingOf(request: EndingRequest): string {
  return request.is === "interrupt" ? "stop (Ctrl-C)" : `stop (${request.signal})`;
}

function endOf({ spec }: Run, request: EndingRequest): Pick<EndRequest, "how" | "by" | "signal"> {
  if (request.is === "interrupt") return { how: "interrupt", by: { ...spec.asker, by: "interrupt" }, signal: "SIGINT" };
  return { how: "stop", by: { ...spec.asker, by: request.by } };
}

/**
 * A restart of a living host is done by that host. When the new start fails before the old launch was touched, the old one goes on; when
 * it was ended already, that failure, which is written down, is the host's own end.
 */
async function restartNow(
  ground: Ground,
  run: Run,
  request: Extract<HostRequest, { is: "restart" }>,
  report: Report,
  control: HostControl,
): Promise<Run | null> {
  const spec = { ...request.spec, detached: run.spec.detached };
  try {
    run.leader.exited.then((status) => noteExit(ground, run, status));
    const started = await startLaunch(ground, spec, report, {
      restarts: run.record.restarts + 1,
      ownExit: run.leader.exited,
    });
    if (started.is !== "started") throw new Error(`a restart cannot be ${started.is}`);
    run.over.abort();
    request.done(null);
    return beginRun(ground, spec, started, report, control);
  } catch (error) {
    request.done(error);
    if (isEndedForAnother(ground, run)) {
      run.over.abort();
      throw error;
    }
    report({ is: "note", text: `not restarted: ${messageOf(error)}` });
    return null;
  }
}

/** No record is left, and the last exit is of the start that was to take this launch's place. */
function isEndedForAnother({ store, table }: Ground, { record }: Run): boolean {
  if (store.record(record.key).is !== "absent") return false;
  if (record.leader === null || presenceOf(table, record.leader) === "alive") return false;
  const exit = store.exit(record.key);
  return exit.is === "there" && exit.value.token !== record.token && exit.value.reason === "start-failed";
}

/** Waits the policy's time and starts again, unless the record says meanwhile that somebody stopped or replaced it. */
async function startAfterBackoff(
  ground: Ground,
  run: Run,
  finished: Extract<Finished, { is: "restart" }>,
  report: Report,
  control: HostControl,
): Promise<Run | HostEnd> {
  const { key, token } = run.record;
  const self: ProcessIdentity = identifySelf(ground.table);
  const stillMine = () => {
    const record = ground.store.record(key);
    return (
      record.is === "there" &&
      record.value.token === token &&
      record.value.phase === "backoff" &&
      record.value.host.pid === self.pid
    );
  };
  const until = performance.now() + finished.afterMs;
  let restart: Extract<HostRequest, { is: "restart" }> | null = null;
  while (performance.now() < until && restart === null) {
    if (!stillMine()) return takenInBackoff(ground, run, finished.exit);
    await Promise.race([control.arrived(), Bun.sleep(Math.min(BACKOFF_LOOK_MS, until - performance.now()))]);
    const request = control.take();
    if (request?.is === "restart") restart = request;
    else if (request !== null) return endInBackoff(ground, run, request, finished.exit);
  }
  const spec = restart?.spec ?? (await control.resolveAnew(run.spec)) ?? run.spec;
  // The launch says that the policy started it; what a person later does to it in this terminal is that person's.
  const asked = restart === null ? { ...spec, asker: policyAsker(self, spec) } : spec;
  try {
    const started = await startLaunch(ground, asked, report, {
      restarts: run.record.restarts + 1,
      stillWanted: () => stillMine() && wantsRun(ground, key),
    });
    restart?.done(null);
    if (started.is !== "started") return takenInBackoff(ground, run, finished.exit);
    return beginRun(ground, spec, started, report, control);
  } catch (error) {
    restart?.done(error);
    if (stillMine()) await giveUpStarting(ground, run, asked, error);
    throw error;
  }
}

function policyAsker(self: ProcessIdentity, { settings }: LaunchSpec): Asker {
  return { by: "policy", pid: self.pid, command: `restart: "${settings.restart}" in the manifest` };
}

/** What could not even be prepared (a directory that has gone, a program) is nobody's to be told at once: it is written down. */
async function giveUpStarting(ground: Ground, run: Run, spec: LaunchSpec, error: unknown): Promise<void> {
  const lock = await lockOrLeave(ground, run, "give up");
  if (lock === null) return;
  try {
    const current = ground.store.record(run.record.key);
    if (current.is !== "there" || current.value.token !== run.record.token || current.value.phase !== "backoff") return;
    ground.store.removeRecord(current.value);
    noteStartFailure(ground, spec, { ...run.prepared, restarts: run.record.restarts + 1 }, error);
  } finally {
    lock.release();
  }
}

function wantsRun({ store }: Ground, key: string): boolean {
  const want = store.want(key);
  return want.is === "there" && want.value.want === "run";
}

async function endInBackoff(ground: Ground, run: Run, request: EndingRequest, last: ExitRecord): Promise<HostEnd> {
  const lock = await lockOrLeave(ground, run, doingOf(request));
  if (lock === null) return takenInBackoff(ground, run, last);
  try {
    const current = ground.store.record(run.record.key);
    if (current.is !== "there" || current.value.token !== run.record.token) return takenInBackoff(ground, run, last);
    const { exit } = await endLaunch(ground, current.value, { ...endOf(run, request), self: current.value.host });
    return { is: "ended", exit };
  } finally {
    lock.release();
  }
}

/** Somebody else stopped the launch while it waited, or started another in its place. */
async function takenInBackoff({ store }: Ground, run: Run, last: ExitRecord): Promise<HostEnd> {
  const { key, token } = run.record;
  const status = { code: last.code, signal: last.signal };
  const exit = store.exit(key);
  const told = exit.is === "there" && exit.value.token === token && exit.value.reason !== last.reason;
  if (told) return { is: "taken", status, exit: exit.value };
  const want = store.want(key);
  if (want.is !== "there" || want.value.by.by !== "rerun") return { is: "taken", status, exit: null };
  const { makeTakenExit } = await import("./describe.ts");
  return { is: "taken", status, exit: makeTakenExit(run.record, want.value.by, status) };
}
