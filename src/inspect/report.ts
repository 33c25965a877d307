/** A row of `dt ps --json`, from what is known about a key. */
import type { ExitRecord, LaunchHistory, LaunchRecord } from "../state/types.ts";
import { isSuccess } from "../state/view.ts";
import type { Site } from "../supervisor/launch/types.ts";
import type { FileRead } from "../sys/files/fileread.ts";
import { type Presence, presenceOf } from "../sys/process/identity.ts";
import { formatDuration } from "../values/duration.ts";
import { keyParts } from "../values/key.ts";
import { portsOf } from "./ports.ts";
import type { Seen, Unreadable } from "./seen.ts";
import type { KeyReport, Look } from "./types.ts";

export function launchReport(
  look: Look,
  { key, seen }: { key: string; seen: Extract<Seen, { is: "there" }> },
): KeyReport {
  const { store, table } = look.ground;
  const { record, history, leader, host, tree, isLost, state, pid } = seen;
  const ended =
    leader === "gone" && !isLost && tree.length === 0 && record.phase !== "backoff" && record.phase !== "starting";
  const { owner } = record;
  return {
    key,
    plugin: record.plugin,
    command: record.command,
    variant: record.variant,
    state,
    pid,
    pgid: pid === null ? null : (table.entry(pid)?.pgid ?? null),
    host: { pid: record.host.pid, alive: host === "alive" },
    startedAt: record.startedAt,
    uptimeMs: pid === null ? null : Math.max(0, Date.now() - Date.parse(record.startedAt)),
    restarts: record.restarts,
    ports: leader === "alive" || tree.length > 0 ? portsOf(look, { record, tree }) : [],
    url: record.url,
    log: record.log,
    cwd: record.cwd,
    argv: record.argv,
    drift: look.driftOf(record),
    exit:
      ended || record.phase === "backoff"
        ? exitOf(record, { noted: history?.exited ?? null, last: thereOrNull(store.exit(key)) })
        : null,
    startedBy: record.startedBy,
    owner:
      owner === undefined
        ? null
        : { pid: owner.pid, alive: presenceOf(table, owner) === "alive", command: owner.command },
    note: noteOf(seen) ?? noteOfLoop(leader, history),
  };
}

export function thereOrNull<T>(read: FileRead<T>): T | null {
  return read.is === "there" ? read.value : null;
}

function noteOf({ leader, host, history, record, tree }: Extract<Seen, { is: "there" }>): string | null {
  if (leader === "unknown" || host === "unknown") return "started in another pid namespace: unknown here";
  const ready = history?.ready;
  if (ready?.is === "unhealthy" && leader === "alive") return ready.why ?? null;
  if (host === "gone" && leader === "alive") return "its host is gone: nothing watches it, but stop and rerun work";
  if (record.phase === "running" && leader === "gone" && host === "gone" && tree.length > 0)
    return "it ended while its host was gone, and some of its processes still run: the next start or stop ends them";
  return record.phase === "stopping" && host === "gone"
    ? "a stop was cut off: the next start or stop finishes it"
    : null;
}

function noteOfLoop(leader: Presence, history: LaunchHistory | null): string | null {
  const loop = history?.watch?.held?.loop;
  return loop === undefined || leader !== "alive" ? null : `changes ${loop} with each start: not restarted for it`;
}

function exitOf(
  record: LaunchRecord,
  {
    noted,
    last,
  }: { noted: { code: number | null; signal: string | null; at: string } | null; last: ExitRecord | null },
): KeyReport["exit"] {
  if (noted !== null) return { ...noted, reason: isSuccess(record, noted.code) ? "exited" : "failed" };
  // The exit of an earlier launch says nothing about this one.
  if (last?.token !== record.token) return null;
  return { code: last.code, signal: last.signal, at: last.at, reason: last.reason };
}

export function endedReport(key: string, { exit, state }: Extract<Seen, { is: "ended" }>): KeyReport {
  const parts = keyParts(key);
  return {
    key,
    ...parts,
    state,
    pid: null,
    pgid: null,
    host: null,
    startedAt: exit.startedAt,
    uptimeMs: null,
    restarts: exit.restarts,
    ports: [],
    url: null,
    log: exit.log,
    cwd: exit.cwd,
    argv: exit.argv,
    drift: null,
    exit: { code: exit.code, signal: exit.signal, at: exit.at, reason: exit.reason },
    startedBy: exit.startedBy ?? null,
    owner: null,
    note: exit.reason === "start-failed" ? exit.text : gaveUpOf(exit),
  };
}

/** What `failed` means beyond the end itself: dt gave up restarting it. */
function gaveUpOf({ text, gaveUpAfter, gaveUpWithinMs }: ExitRecord): string | null {
  if (gaveUpAfter === undefined) return null;
  const within = gaveUpWithinMs === undefined ? "" : ` within ${formatDuration(gaveUpWithinMs)}`;
  return `${text}; given up after ${gaveUpAfter} restarts${within}`;
}

export function noteOfUnreadable(path: string, { foreign, reason }: Unreadable): string {
  return foreign ? `foreign: ${reason}` : `${path} cannot be read: ${reason}`;
}

export function blankReport({ store }: Site, key: string): Omit<KeyReport, "state"> {
  const parts = keyParts(key);
  return {
    key,
    ...parts,
    pid: null,
    pgid: null,
    host: null,
    startedAt: null,
    uptimeMs: null,
    restarts: 0,
    ports: [],
    url: null,
    log: store.path(key, "log"),
    cwd: null,
    argv: [],
    drift: null,
    exit: null,
    startedBy: null,
    owner: null,
    note: null,
  };
}
