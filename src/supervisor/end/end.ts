/**
 * Ending a launch, by whoever holds its key's lock: want written, record marked `stopping`, tree stopped, exit recorded, record
 * removed. Each step can be the last one a killed process took: whoever comes next finds `stopping` and does the same again.
 *
 *   killed after            the next start or stop finds
 *   ---------------------   ---------------------------------------------------------------
 *   want                    the launch as it was: stops it
 *   phase stopping          some of the tree, or none: stops what is there
 *   tree gone               a record without a leader: writes the exit, removes the record
 *   exit written            the same, writes the exit again
 *   record in backoff       with `isKept`: what waits for its next run, without a host
 *   record removed          nothing to do
 */
import { readLastLines } from "../../logs/tail.ts";
import type { Asker, ExitReason, ExitRecord, LaunchHistory, LaunchRecord, Want } from "../../state/types.ts";
import { isSuccess } from "../../state/view.ts";
import { DtError, EXIT, messageOf } from "../../sys/base/error.ts";
import {
  type ProcessEntry,
  type ProcessIdentity,
  type ProcessTable,
  presenceOf,
  sameIdentity,
  startOf,
} from "../../sys/process/identity.ts";
import { describeAsker, describeEnd } from "../launch/exit.ts";
import type { Ground } from "../launch/types.ts";
import { isInTheWay } from "../port/listening.ts";
import { queryOf } from "../tree/query.ts";
import { SIGKILL, type StopTreeResult, type Survivor, stopTree } from "../tree/stoptree.ts";

export interface EndRequest {
  /** `sweep`: the leader ended by itself and its leftovers go. */
  how: "stop" | "replace" | "interrupt" | "sweep";
  by: Asker;
  /** Of a stop by a person: what it leaves in the want. */
  mark?: Want["lastStop"];
  /** Default: as recorded. */
  signal?: string;
  hard?: AbortSignal | undefined;
  /** Of a stack: its containers, and its record, are left for the start that follows. */
  converge?: boolean;
  /** A start follows under the same lock: of what waits in backoff the record stays, for the next one to take its place. */
  isFollowed?: boolean;
  /** Asked when the exit is written: true when another record was put in the place of this one, which then stays. */
  isKept?: (exit: ExitRecord) => boolean;
  /** The exit of the leader when this process is its host. */
  ownExit?: Promise<{ code: number | null; signal: string | null }>;
  self: ProcessIdentity;
}

export interface Ended {
  exit: ExitRecord;
  stopped: StopTreeResult;
  tookMs: number;
  /** What to tell when the disk is read-only and the record stays: it names nobody who lives, and the next start or stop clears it. */
  left: string | null;
}

/** How long a host may take to note its leader's exit once the tree is gone. */
const EXIT_NOTE_MS = 1000;
/** How long a host may take to leave; a host is crash-only, so after that it may be killed. */
const HOST_GRACE_MS = 2000;
/** How many lines of the log an exit keeps. */
export const LAST_LINES = 50;

/** Throws exit 5 with the survivors; the record then stays, so that the list stays true and the next stop tries again. */
export async function endLaunch(ground: Ground, record: LaunchRecord, request: EndRequest): Promise<Ended> {
  const { table, store } = ground;
  const began = performance.now();
  refuseForeignNamespace(ground, record);
  if (record.phase === "backoff") return endBackoff(ground, record, request);
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
  await finishUnknownLeader(ground, record, request.self);
  const stopped = await stopTree({
    table,
    query: queryOf(ground, record),
    signal: request.signal ?? record.stop.signal,
    timeoutMs: record.stop.timeoutMs,
    wholeTree: record.processGroup || request.how === "interrupt",
    hard: request.hard,
  });
  if (stopped.survivors.length > 0) throw survivorError(record.key, stopped.survivors);
  const status = await readStatus(ground, record, request);
  if (!sameIdentity(record.host, request.self)) await waitForHostGone(ground, record);
  const exit = makeExit(record, request, stopping, status, stopped);
  const kept = await endContainers(ground, record, request);
  write({ how: "stop" }, () => store.writeExit(exit));
  const tookMs = () => Math.round(performance.now() - began);
  if (kept !== null) {
    request.isKept?.(exit);
    return { exit, stopped, tookMs: tookMs(), left: kept.left };
  }
  try {
    checkPortsFree(ground, record, stopped);
  } catch (error) {
    write(request, () => store.removeRecord(record));
    throw error;
  }
  if (request.isKept?.(exit) === true) return { exit, stopped, tookMs: tookMs(), left: null };
  const left = write(request, () => store.removeRecord(record));
  return { exit, stopped, tookMs: Math.round(performance.now() - began), left: tellLeft(record, left) };
}

/**
 * Null when nothing of it is left. A teardown that fails keeps the record, so that the next start or stop does it again; it is an error of a stop
 * or replacement, and beside a Ctrl-C or an end by itself it is told and masks nothing.
 */
async function endContainers(
  ground: Ground,
  record: LaunchRecord,
  request: EndRequest,
): Promise<{ left: string | null } | null> {
  if (record.stack === undefined) return null;
  if (request.converge === true) return { left: null };
  const { endStack } = await import("./stack.ts");
  try {
    await endStack(ground, record, request.hard);
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
  return left === null ? null : `the record of ${key} stays, though nothing of it runs any more: ${left.message}`;
}

/**
 * A full or read-only disk must not keep anybody from stopping, which is what frees it: what cannot be written is done without, and given. A replacement
 * is another matter: nothing is touched when it could not be written down.
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
 * Between two runs nothing is alive but the host. It is told by its record, which goes or says `stopping`, and leaves. What a start follows keeps
 * its record until the next one is in its place, so that nobody finds the key without one.
 */
async function endBackoff(ground: Ground, record: LaunchRecord, request: EndRequest): Promise<Ended> {
  const { store } = ground;
  const began = performance.now();
  const at = new Date().toISOString();
  const isEnd = request.how === "stop" || request.how === "interrupt";
  write(request, () => store.writeWant(wantOf(record, request)));
  const last = store.exit(record.key);
  const status: Status = { known: true, code: null, signal: null, at };
  const stopped: StopTreeResult = { survivors: [], killed: 0, ports: [], passedOver: [] };
  const base = last.is === "there" ? last.value : makeExit(record, request, record, status, stopped);
  const how = request.how === "interrupt" ? "interrupted" : `stopped${describeAsker(request.by)}`;
  const text = `${how} while it waited to be started again; before that it ${base.text}`;
  const exit: ExitRecord = isEnd ? { ...base, reason: REASONS[request.how], by: request.by, text } : base;
  const kept = isEnd ? await endContainers(ground, record, request) : null;
  if (isEnd) write(request, () => store.writeExit(exit));
  if (kept !== null) return { exit, stopped, tookMs: Math.round(performance.now() - began), left: kept.left };
  if (request.isFollowed === true) {
    if (sameIdentity(record.host, request.self))
      return { exit, stopped, tookMs: Math.round(performance.now() - began), left: null };
    store.writeRecord({ ...record, phase: "stopping", stopping: { by: request.by, at } });
    await waitForHostGone(ground, record);
    return { exit, stopped, tookMs: Math.round(performance.now() - began), left: null };
  }
  const left = write(request, () => store.removeRecord(record));
  if (!sameIdentity(record.host, request.self)) await waitForHostGone(ground, record);
  if (record.shared === true && left === null) store.removeRecord(record); // with what its host said meanwhile
  return { exit, stopped, tookMs: Math.round(performance.now() - began), left: tellLeft(record, left) };
}

function refuseForeignNamespace({ table }: Ground, record: LaunchRecord): void {
  if (presenceOf(table, record.leader ?? record.host) !== "unknown") return;
  throw new DtError(
    "unknown-here",
    `${record.key} was started in another pid namespace (a container that shares this directory?), so its processes cannot be judged from here and none was signalled.`,
    {
      hint:
        record.held === true
          ? "It lives there: stop it where it was started."
          : `Stop it where it was started, or remove ${record.key}.meta.json from the run directory if that container is gone.`,
    },
  );
}

/**
 * A record without a leader: its host was ended between the write-ahead and the leader's. First that host must be gone, then nothing
 * may be between fork and exec (the fence); only then do the tokens tell all.
 */
async function finishUnknownLeader(ground: Ground, record: LaunchRecord, self: ProcessIdentity): Promise<void> {
  if (record.leader !== null || sameIdentity(record.host, self)) return;
  await waitForHostGone(ground, record);
  const { tryFlock } = await import("../../sys/files/flock.ts");
  const deadline = performance.now() + HOST_GRACE_MS;
  for (;;) {
    const fence = tryFlock(ground.store.path(record.key, "fence"));
    if (fence.is === "held") return fence.lock.release();
    if (fence.is === "unsupported" || performance.now() > deadline) return;
    await Bun.sleep(2);
  }
}

/**
 * Verified gone, or killed after the grace: a frozen one could serve its key again later. A host of many says that it let go of this launch
 * and stays; one that has to be killed leaves its other launches without a host, which the next `dt up` hosts again.
 */
async function waitForHostGone({ table, store }: Ground, record: LaunchRecord): Promise<void> {
  const isReleased = () => record.shared === true && hasReleased(store, record.token);
  const deadline = performance.now() + HOST_GRACE_MS;
  let killed = false;
  while (presenceOf(table, record.host) === "alive" && !isReleased()) {
    if (performance.now() > deadline) {
      if (!killed) table.signal(record.host, SIGKILL);
      killed = true;
      if (performance.now() > deadline + HOST_GRACE_MS) {
        throw new DtError(
          "host-stuck",
          `The old host of ${record.key} (pid ${record.host.pid}) does not end, not even by SIGKILL.`,
        );
      }
    }
    await Bun.sleep(1);
  }
}

function hasReleased(store: Ground["store"], token: string): boolean {
  const history = store.history(token);
  return history.is === "there" && history.value.released !== undefined;
}

interface Status {
  known: boolean;
  code: number | null;
  signal: string | null;
  at: string;
}

/** Only the host, being the parent, learns the exit status; it notes it in the launch's history, or dies without. */
async function readStatus(ground: Ground, record: LaunchRecord, request: EndRequest): Promise<Status> {
  const now = () => new Date().toISOString();
  if (request.ownExit !== undefined) {
    const own = await Promise.race([request.ownExit, Bun.sleep(EXIT_NOTE_MS).then(() => null)]);
    // The exit of a launch that was taken over from a killed host is nobody's to see.
    if (own !== null) return { known: own.code !== null || own.signal !== null, ...own, at: now() };
  }
  const deadline = performance.now() + EXIT_NOTE_MS;
  for (;;) {
    const exited = exitedOf(ground.store.history(record.token));
    if (exited !== null) return { known: true, ...exited };
    const hopeless = record.leader === null || presenceOf(ground.table, record.host) !== "alive";
    if (hopeless || performance.now() > deadline) {
      const late = exitedOf(ground.store.history(record.token));
      return late === null ? { known: false, code: null, signal: null, at: now() } : { known: true, ...late };
    }
    await Bun.sleep(1);
  }
}

function exitedOf(history: ReturnType<Ground["store"]["history"]>): LaunchHistory["exited"] {
  return history.is === "there" ? history.value.exited : null;
}

/** How a stop that another dt finishes is told, by who began it; else it was a stop. */
const BEGUN: Partial<Record<Asker["by"], ExitReason>> = {
  rerun: "replaced",
  policy: "replaced",
  interrupt: "interrupted",
};

const REASONS: Record<EndRequest["how"], ExitReason> = {
  stop: "stopped",
  replace: "replaced",
  interrupt: "interrupted",
  sweep: "exited",
};

function makeExit(
  record: LaunchRecord,
  request: EndRequest,
  stopping: LaunchRecord,
  status: Status,
  stopped: StopTreeResult,
): ExitRecord {
  // Who began the stop is who stopped it, also when another dt had to finish it.
  const begun = record.phase === "stopping" ? record.stopping : null;
  const bySelf = request.how === "sweep" && begun === null;
  const reason = reasonOf(record, request, begun, status);
  const exit: ExitRecord = {
    version: 1,
    key: record.key,
    token: record.token,
    code: status.code,
    signal: status.signal,
    at: status.at,
    startedAt: record.startedAt,
    uptimeMs: Math.max(0, Date.parse(status.at) - Date.parse(record.startedAt)),
    restarts: record.restarts,
    reason,
    text: "",
    by: bySelf ? null : (stopping.stopping?.by ?? request.by),
    argv: record.argv,
    cwd: record.cwd,
    log: record.log,
    lastLines: readLastLines(record.log, LAST_LINES),
  };
  return { ...exit, text: describeEnd(exit, stopped.killed) };
}

function reasonOf(
  record: LaunchRecord,
  request: EndRequest,
  begun: LaunchRecord["stopping"],
  status: Status,
): ExitReason {
  if (begun !== null) return BEGUN[begun.by.by] ?? "stopped";
  if (request.how !== "sweep") return REASONS[request.how];
  if (!status.known) return "unknown";
  return isSuccess(record, status.code) ? "exited" : "failed";
}

/**
 * A port still open after the tree is gone, where the tree or a server as most are had it, belongs to something that got away unseen, or came in
 * between: named either way.
 */
function checkPortsFree({ table }: Ground, record: LaunchRecord, { ports, passedOver }: StopTreeResult): void {
  const numbers = new Set([...ports.map((one) => one.port), ...(record.port === null ? [] : [record.port])]);
  for (const port of numbers) {
    const addresses = ports.flatMap((one) => (one.port === port ? [one.address] : []));
    const spared = new Set(passedOver.map((one) => one.identity.pid));
    const survivors = survivorsOn(table, record, port, addresses).filter(({ pid }) => !spared.has(pid));
    if (survivors.length > 0) throw survivorError(record.key, survivors);
  }
}

function survivorsOn(table: ProcessTable, record: LaunchRecord, port: number, addresses: string[]): Survivor[] {
  const open = table.listenersOn(port).filter((one) => isInTheWay(one) || addresses.includes(one.address));
  const uid = process.geteuid?.() ?? null;
  const isHidden = uid !== null && open.some((one) => one.pids.length === 0 && one.uid === uid);
  const hiding = isHidden ? table.hidingProcessesOf(uid) : [];
  const isOlder = (entry: ProcessEntry) => record.leader !== null && startOf(entry) < startOf(record.leader);
  return [...new Set([...open.flatMap((one) => one.pids), ...hiding])].flatMap((pid): Survivor[] => {
    const entry = table.entry(pid);
    if (entry === null || isOlder(entry)) return [];
    // Another launch's.
    if (typeof table.environmentOf(pid, "DIALTONE_TOKEN") === "string" || typeof table.lineageOf(pid) === "bigint")
      return [];
    const why = hiding.includes(pid)
      ? `something listens on port ${port} of this launch, and may be this process, which hides what it has open`
      : `it listens on port ${port} of this launch, but nothing proves that it belongs to it`;
    return [{ pid, command: table.commandLineOf(pid), why }];
  });
}

export function survivorError(key: string, survivors: Survivor[]): DtError {
  return new DtError("survivors", `${key} was stopped, but not all of it is known to be gone:`, {
    lines: survivors.flatMap((one) => [`  pid ${one.pid}  ${one.command}`, `      ${one.why}`]),
    status: EXIT.survivors,
    hint: "Look at these processes; end them yourself if they are yours.",
    details: { key, survivors },
  });
}
