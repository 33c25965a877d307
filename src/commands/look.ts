/** What `ps`, `status` and `logs` read: every key's files and processes, judged. Never runs plugin code, never writes. */
import { join } from "node:path";
import { parseKey, type Selection } from "../state/key.ts";
import type { ExitRecord, KeyState, LaunchRecord } from "../state/types.ts";
import { judgeState } from "../state/view.ts";
import { queryOf, recordedHosts } from "../supervisor/end.ts";
import { findTree, unrecordedQuery } from "../supervisor/tree.ts";
import type { Ground } from "../supervisor/types.ts";
import { type Presence, type ProcessIdentity, presenceOf, snapshotOf } from "../sys/identity.ts";
import { readHolder } from "../sys/lock.ts";

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
  /** Why it is unhealthy, or what is wrong with its files; null when nothing is. */
  note: string | null;
}

/** What many looks in a row share: one pass over the process table and the records. */
export interface Look {
  ground: Ground;
  hosts: readonly ProcessIdentity[];
  driftOf: (record: LaunchRecord) => boolean | null;
}

export function beginLook(ground: Ground, driftOf: Look["driftOf"]): Look {
  return { ground: { ...ground, table: snapshotOf(ground.table) }, hosts: recordedHosts(ground.store), driftOf };
}

/** Null when nothing is known of the key. */
export function lookAt({ ground, hosts, driftOf }: Look, key: string): KeyReport | null {
  const { store, table } = ground;
  const read = store.record(key);
  const exit = store.exit(key);
  const lastExit = exit.is === "there" ? exit.value : null;
  if (read.is === "unreadable") return unreadableReport(ground, key, read.reason, lastExit);
  const record = read.is === "there" ? read.value : null;
  if (record === null) return lastExit === null ? null : endedReport(key, lastExit);

  const history = store.history(record.token);
  const presence = (identity: LaunchRecord["leader"]): Presence =>
    identity === null ? "gone" : presenceOf(table, identity);
  const leader = presence(record.leader);
  const host = presence(record.host);
  const lost = record.leader === null && host === "gone" && record.phase !== "backoff";
  const query = queryOf(ground, record, hosts);
  const needsTree = lost || leader === "alive";
  const tree = needsTree ? findTree(table, query).members : [];
  const state = judgeState({
    record,
    history: history.is === "there" ? history.value : null,
    exit: lastExit,
    leader,
    host,
    tokenFound: lost && tree.length > 0,
    locked: isLocked(ground, key),
  }) as KeyState;
  const shownPid = leader === "gone" ? (lost ? (tree[0]?.identity.pid ?? null) : null) : (record.leader?.pid ?? null);
  const ports = [...new Set(table.listeningPorts(tree.map((one) => one.identity.pid)).map((one) => one.port))].sort(
    (a, b) => a - b,
  );
  const ended = leader === "gone" && !lost && record.phase !== "backoff" && record.phase !== "starting";
  return {
    key,
    plugin: record.plugin,
    command: record.command,
    variant: record.variant,
    state,
    pid: shownPid,
    pgid: shownPid === null ? null : (table.entry(shownPid)?.pgid ?? null),
    host: { pid: record.host.pid, alive: host === "alive" },
    startedAt: record.startedAt,
    uptimeMs: shownPid === null ? null : Math.max(0, Date.now() - Date.parse(record.startedAt)),
    restarts: record.restarts,
    ports,
    url: record.url,
    log: record.log,
    cwd: record.cwd,
    argv: record.argv,
    drift: driftOf(record),
    exit:
      ended || record.phase === "backoff"
        ? exitOf(history.is === "there" ? history.value.exited : null, lastExit)
        : null,
    note: noteOf(leader, host, history.is === "there" ? history.value.ready : null, record),
  };
}

function noteOf(leader: Presence, host: Presence, ready: unknown, record: LaunchRecord): string | null {
  if (leader === "unknown" || host === "unknown") return "started in another pid namespace: unknown here";
  const unhealthy = ready as { is: string; why?: string } | null;
  if (unhealthy?.is === "unhealthy" && leader === "alive") return unhealthy.why ?? null;
  if (host === "gone" && leader === "alive") return "its host is gone: nobody watches it, stop and rerun work";
  return record.phase === "stopping" && host === "gone"
    ? "a stop was cut off: the next start or stop finishes it"
    : null;
}

function exitOf(
  noted: { code: number | null; signal: string | null; at: string } | null,
  last: ExitRecord | null,
): KeyReport["exit"] {
  if (noted !== null) return { ...noted, reason: noted.code === 0 ? "exited" : "failed" };
  return last === null ? null : { code: last.code, signal: last.signal, at: last.at, reason: last.reason };
}

function isLocked({ store, table }: Ground, key: string): boolean {
  const holder = readHolder(store.path(key, "lock"));
  return holder.is === "there" && presenceOf(table, holder.value.holder) === "alive";
}

function endedReport(key: string, exit: ExitRecord): KeyReport {
  const parts = parseKey(key) as NonNullable<ReturnType<typeof parseKey>>;
  return {
    key,
    ...parts,
    state: judgeState({
      record: null,
      history: null,
      exit,
      leader: "gone",
      host: "gone",
      tokenFound: false,
      locked: false,
    }) as KeyState,
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
    note: exit.reason === "start-failed" ? exit.text : null,
  };
}

/** A record that does not parse is never taken for "not running": its processes are looked for by key and root. */
function unreadableReport(ground: Ground, key: string, reason: string, exit: ExitRecord | null): KeyReport {
  const parts = parseKey(key) as NonNullable<ReturnType<typeof parseKey>>;
  const found = findTree(ground.table, unrecordedQuery(ground, key)).members;
  const pid = found[0]?.identity.pid ?? null;
  return {
    key,
    ...parts,
    state: pid === null ? "failed" : "running",
    pid,
    pgid: found[0]?.pgid ?? null,
    host: null,
    startedAt: null,
    uptimeMs: null,
    restarts: 0,
    ports: [],
    url: null,
    log: exit?.log ?? ground.store.path(key, "log"),
    cwd: null,
    argv: [],
    drift: null,
    exit: null,
    note: `${join(ground.store.directory, `${key}.meta.json`)} cannot be read: ${reason}`,
  };
}

/** The keys with files that a selection means. */
export function keysOf({ store }: Ground, selection: Selection): string[] {
  if (selection.is === "keys") return selection.keys;
  const keys = store.keys();
  return selection.is === "all" ? keys : keys.filter((key) => key.startsWith(`${selection.plugin}:`));
}
