/** What `ps`, `status` and `logs` read: every key's files and processes, judged. Never runs plugin code, never writes. */

import type { Store } from "../state/store.ts";
import type { ExitRecord, KeyState, LaunchHistory, LaunchRecord } from "../state/types.ts";
import { isSuccess } from "../state/view.ts";
import type { Ground } from "../supervisor/launch/types.ts";
import { queryOf, recordedHosts } from "../supervisor/tree/query.ts";
import { findTree } from "../supervisor/tree/tree.ts";
import { lazy } from "../sys/base/lazy.ts";
import type { FileRead } from "../sys/files/files.ts";
import {
  type ListeningPort,
  type Presence,
  type ProcessEntry,
  type ProcessIdentity,
  type ProcessTable,
  presenceOf,
  snapshotOf,
} from "../sys/process/identity.ts";
import { formatDuration } from "../values/duration.ts";
import { parseKey, type Selection } from "../values/key.ts";
import { type Seen, seeKey, type Unreadable } from "./seen.ts";

/** One row of `dt ps --json`. */
export interface KeyReport {
  key: string;
  plugin: string;
  command: string;
  variant: string;
  state: KeyState;
  pid: number | null;
  pgid: number | null;
  host: { pid: number; alive: boolean } | null;
  startedAt: string | null;
  uptimeMs: number | null;
  restarts: number;
  ports: number[];
  url: string | null;
  log: string;
  cwd: string | null;
  argv: string[];
  /** Whether what runs differs from what the manifest now says; null when it cannot be told. */
  drift: boolean | null;
  exit: { code: number | null; signal: string | null; at: string; reason: string } | null;
  /** Who started it; null when nothing is there. */
  startedBy: { by: string; pid: number; command: string } | null;
  /** The process it is tied to. */
  owner: { pid: number; alive: boolean; command: string } | null;
  /** Of a stack of containers: what the engine says; null when it does not answer. Only `ps` and `status` ask it. */
  services?:
    | {
        service: string;
        number: string;
        container: string;
        state: string;
        health: "starting" | "healthy" | "unhealthy" | null;
        exitCode: number | null;
        ports: string[];
      }[]
    | null;
  /** Why it is unhealthy, or what is wrong with its files; null when nothing is. */
  note: string | null;
}

/** What many looks in a row share: each record read once, one pass over the process table. */
export interface Look {
  ground: Ground;
  /** Of every record, so read only when a tree is. */
  hosts: () => readonly ProcessIdentity[];
  listening: () => Listening;
  driftOf: (record: LaunchRecord) => boolean | null;
}

/** Who listens, and a table of those alone and of all they descend from: enough to tell in whose tree they are. */
interface Listening {
  ports: readonly ListeningPort[];
  table: ProcessTable;
}

export function beginLook(ground: Ground, driftOf: Look["driftOf"]): Look {
  const table = snapshotOf(ground.table);
  const store = readingOnce(ground.store);
  const hosts = lazy(() => recordedHosts(store));
  return { ground: { ...ground, table, store }, hosts, listening: lazy(() => findListening(table, hosts())), driftOf };
}

function readingOnce(store: Store): Store {
  const records = new Map<string, ReturnType<Store["record"]>>();
  const keys = lazy(store.keys);
  return {
    ...store,
    keys,
    record(key) {
      const known = records.get(key) ?? store.record(key);
      records.set(key, known);
      return known;
    },
  };
}

/** Most processes listen on nothing, and to look through the open files of each, for each launch, is what costs. */
function findListening(table: ProcessTable, hosts: readonly ProcessIdentity[]): Listening {
  const ofHosts = new Set(hosts.flatMap((host) => (presenceOf(table, host) === "alive" ? [host.pid] : [])));
  const candidates = table.list().flatMap(({ pid }) => (ofHosts.has(pid) ? [] : [pid]));
  const ports = table.listeningPorts(candidates);
  const kept = new Map<number, ProcessEntry>();
  for (const { pid } of ports) {
    for (let entry = table.entry(pid); entry !== null && !kept.has(entry.pid); entry = table.entry(entry.ppid))
      kept.set(entry.pid, entry);
  }
  return { ports, table: { ...table, list: () => [...kept.values()] } };
}

function portsOf(look: Look, record: LaunchRecord): number[] {
  const { ground, hosts, listening } = look;
  const { ports, table } = listening();
  if (ports.length === 0) return hiddenPorts(look, record);
  const members = new Set(findTree(table, queryOf(ground, record, hosts())).members.map((one) => one.identity.pid));
  const found = new Set(ports.flatMap(({ pid, port }) => (members.has(pid) ? [port] : [])));
  if (record.port !== null && !found.has(record.port)) for (const port of hiddenPorts(look, record)) found.add(port);
  return [...found].sort((a, b) => a - b);
}

/** The declared port, where it is not seen to be the launch's but must be, since nobody else can have it. */
function hiddenPorts({ ground, hosts }: Look, record: LaunchRecord): number[] {
  const { port } = record;
  if (port === null || record.stack !== undefined) return [];
  const unseen = ground.table.listenersOn(port).filter((one) => one.pids.length === 0);
  if (unseen.length === 0) return [];
  const { ownershipOf } =
    require("../supervisor/port/listening.ts") as typeof import("../supervisor/port/listening.ts");
  const { members } = findTree(ground.table, queryOf(ground, record, hosts()));
  const pids = new Set(members.map((one) => one.identity.pid));
  return unseen.some((one) => ownershipOf(ground.table, one, pids, record) === "own") ? [port] : [];
}

/** Null when nothing is known of the key. */
export function lookAt(look: Look, key: string): KeyReport | null {
  const { ground, hosts } = look;
  const seen = seeKey(ground, key, hosts);
  switch (seen.is) {
    case "nothing":
      return null;
    case "unreadable-record": {
      const { read, state, pid, pgid } = seen;
      const exit = thereOrNull(ground.store.exit(key));
      const log = exit?.log ?? ground.store.path(key, "log");
      const note = noteOfUnreadable(ground.store.path(key, "record"), read);
      return { ...blankReport(ground, key), state, pid, pgid, log, note };
    }
    case "unreadable-exit": {
      const note = noteOfUnreadable(ground.store.path(key, "exit"), seen.read);
      return { ...blankReport(ground, key), state: seen.state, note };
    }
    case "ended":
      return endedReport(key, seen);
    case "there":
      return launchReport(look, key, seen);
  }
}

function launchReport(look: Look, key: string, seen: Extract<Seen, { is: "there" }>): KeyReport {
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
    ports: leader === "alive" || tree.length > 0 ? portsOf(look, record) : [],
    url: record.url,
    log: record.log,
    cwd: record.cwd,
    argv: record.argv,
    drift: look.driftOf(record),
    exit:
      ended || record.phase === "backoff"
        ? exitOf(record, history?.exited ?? null, thereOrNull(store.exit(key)))
        : null,
    startedBy: record.startedBy,
    owner:
      owner === undefined
        ? null
        : { pid: owner.pid, alive: presenceOf(table, owner) === "alive", command: owner.command },
    note: noteOf(seen) ?? noteOfLoop(leader, history),
  };
}

function thereOrNull<T>(read: FileRead<T>): T | null {
  return read.is === "there" ? read.value : null;
}

function noteOf({ leader, host, history, record, tree }: Extract<Seen, { is: "there" }>): string | null {
  if (leader === "unknown" || host === "unknown") return "started in another pid namespace: unknown here";
  const ready = history?.ready;
  if (ready?.is === "unhealthy" && leader === "alive") return ready.why ?? null;
  if (host === "gone" && leader === "alive") return "its host is gone: nobody watches it, stop and rerun work";
  if (record.phase === "running" && leader === "gone" && host === "gone" && tree.length > 0)
    return "it ended while its host was gone, and some of it still runs: the next start or stop ends that";
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
  noted: { code: number | null; signal: string | null; at: string } | null,
  last: ExitRecord | null,
): KeyReport["exit"] {
  if (noted !== null) return { ...noted, reason: isSuccess(record, noted.code) ? "exited" : "failed" };
  // Of an earlier launch it would be a story about another one.
  if (last?.token !== record.token) return null;
  return { code: last.code, signal: last.signal, at: last.at, reason: last.reason };
}

function endedReport(key: string, { exit, state }: Extract<Seen, { is: "ended" }>): KeyReport {
  const parts = parseKey(key) as NonNullable<ReturnType<typeof parseKey>>;
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

/** What `failed` means beside its end: nobody starts it again by itself. */
function gaveUpOf({ text, gaveUpAfter, gaveUpWithinMs }: ExitRecord): string | null {
  if (gaveUpAfter === undefined) return null;
  const within = gaveUpWithinMs === undefined ? "" : ` within ${formatDuration(gaveUpWithinMs)}`;
  return `${text}; given up after ${gaveUpAfter} restarts${within}`;
}

function noteOfUnreadable(path: string, { foreign, reason }: Unreadable): string {
  return foreign ? `foreign: ${reason}` : `${path} cannot be read: ${reason}`;
}

function blankReport({ store }: Ground, key: string): Omit<KeyReport, "state"> {
  const parts = parseKey(key) as NonNullable<ReturnType<typeof parseKey>>;
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

/** The processes of a launch, its leader first. */
export function processesOf({ ground, hosts }: Look, key: string): { pid: number; command: string }[] {
  const record = ground.store.record(key);
  if (record.is !== "there") return [];
  const { members } = findTree(ground.table, queryOf(ground, record.value, hosts()));
  const leader = record.value.leader?.pid;
  return members
    .map(({ identity: { pid } }) => ({ pid, command: ground.table.commandLineOf(pid) }))
    .sort((a, b) => Number(b.pid === leader) - Number(a.pid === leader) || a.pid - b.pid);
}

/** The keys with files that a selection means. */
export function keysOf({ store }: Ground, selection: Selection): string[] {
  if (selection.is === "keys") return selection.keys;
  const keys = store.keys();
  return selection.is === "all" ? keys : keys.filter((key) => key.startsWith(`${selection.plugin}:`));
}
