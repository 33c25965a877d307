/**
 * The tree: every process of a launch, wherever it went. Evidence, each enough by itself:
 *
 *   leader       the recorded identity
 *   descent      a parent in the tree
 *   session      the leader's session or group, while the leader's pid is still its own
 *   token        the launch's token in the initial environment
 *   log          this run's log file open for writing
 *   adopted      fell to the host as an orphan (its parent now; not of a host of many), or was noted by it on disk (see watchmembers.ts)
 *
 * Left out, with all below them: hosts of other launches, processes with another launch's token, names in `spare`. What is below them has
 * inherited the evidence, so that counts for nothing there. The leader itself is never left out.
 * Only what began no earlier than the launch is looked at: nothing older can belong to it, whatever it looks like.
 * A process that only has the session or group of a leader that is gone is a *candidate*: named, never signalled.
 */
import { isAbsolute } from "node:path";
import {
  identify,
  isOver,
  type ProcessEntry,
  type ProcessIdentity,
  type ProcessTable,
  presenceOf,
} from "../sys/identity.ts";
import { runDirectoryOf } from "../sys/paths.ts";
import { HOST_MARK } from "./marks.ts";
import { isSpared } from "./spare.ts";

/** By which another launch's processes are told from a launch's own. */
export interface Launched {
  /** Null when it was lost with a record that does not parse: then key and root in the environment are the evidence. */
  token: string | null;
  host: ProcessIdentity | null;
  /** Hosts of other launches, as their records name them. */
  otherHosts: readonly ProcessIdentity[];
}

export interface TreeQuery extends Launched {
  key: string;
  root: string;
  /** With `token` null: what was started with another run directory is another's launch. */
  runDirectory?: string;
  leader: ProcessIdentity | null;
  /** The host serves other launches too: what is its child says nothing. */
  sharedHost?: boolean;
  adopted: readonly ProcessIdentity[];
  logFile: { dev: number; ino: number } | null;
  spare: readonly string[];
}

/** For a launch whose record is lost or cannot be read: key, root and run directory in the environment are all the evidence there is. */
export function unrecordedQuery(
  { root, store }: { root: string; store: { directory: string } },
  key: string,
  spare: readonly string[] = [],
): TreeQuery {
  return {
    key,
    root,
    runDirectory: store.directory,
    token: null,
    leader: null,
    host: null,
    adopted: [],
    logFile: null,
    spare,
    otherHosts: [],
  };
}

export interface TreeMember {
  identity: ProcessIdentity;
  comm: string;
  state: string;
  pgid: number;
}

export interface Tree {
  members: TreeMember[];
  candidates: TreeMember[];
  /** Left out by name or as another launch's, as far as met. */
  passedOver: TreeMember[];
}

export function findTree(table: ProcessTable, query: TreeQuery): Tree {
  const oldest = oldestStart(table, query);
  const entries = table
    .list()
    .filter(
      (entry) => !isOver(entry) && (oldest === null || Number(entry.startTime) >= oldest) && entry.pid !== process.pid,
    );
  const children = Map.groupBy(entries, (entry) => entry.ppid);
  const leaderHere = query.leader !== null && presenceOf(table, query.leader) === "alive";
  // While a process has the leader's pid but not its start time, the kernel has reused the number: its session is another.
  const reused = query.leader !== null && !leaderHere && isReused(table, query.leader);

  const isLeader = (entry: ProcessEntry) => query.leader !== null && isEntryOf(table, entry, query.leader);
  const isOwnHost = (entry: ProcessEntry) => query.host !== null && isEntryOf(table, entry, query.host);
  const isLeftOut = (entry: ProcessEntry) =>
    !isLeader(entry) && (isSpared(table, entry, query.spare) || isForeign(table, entry, query));

  const reached = new Map<number, ProcessEntry>();
  const candidates = new Map<number, ProcessEntry>();
  const reach = (entry: ProcessEntry): void => addWithAllBelow(entry, children, reached, () => true);
  const hostHere = query.host !== null && presenceOf(table, query.host) === "alive";
  for (const entry of entries) {
    if (
      isAdopted(table, entry, query, hostHere) ||
      carriesToken(table, entry, query) ||
      writesLog(table, entry, query)
    ) {
      reach(entry);
    } else if (query.leader !== null && (entry.sid === query.leader.pid || entry.pgid === query.leader.pid)) {
      if (leaderHere) reach(entry);
      else if (!reused) candidates.set(entry.pid, entry);
    }
  }

  const leftOut = new Map<number, ProcessEntry>();
  for (const entry of [...reached.values(), ...candidates.values()]) {
    if (!isLeftOut(entry)) continue;
    // The launch's own host has the launch itself below it.
    if (isOwnHost(entry)) leftOut.set(entry.pid, entry);
    else addWithAllBelow(entry, children, leftOut, (below) => !isLeader(below) && !isOwnHost(below));
  }

  const toMembers = (found: Map<number, ProcessEntry>, isOne: (entry: ProcessEntry) => boolean): TreeMember[] =>
    [...found.values()].filter(isOne).map((entry) => ({
      identity: identify(table, entry),
      comm: entry.comm,
      state: entry.state,
      pgid: entry.pgid,
    }));
  return {
    members: toMembers(reached, (entry) => !leftOut.has(entry.pid)),
    candidates: toMembers(candidates, (entry) => !reached.has(entry.pid) && !leftOut.has(entry.pid)),
    passedOver: toMembers(leftOut, (entry) => reached.has(entry.pid)),
  };
}

function addWithAllBelow(
  entry: ProcessEntry,
  children: Map<number, ProcessEntry[]>,
  found: Map<number, ProcessEntry>,
  goesOn: (entry: ProcessEntry) => boolean,
): void {
  const waiting = [entry];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (found.has(next.pid) || !goesOn(next)) continue;
    found.set(next.pid, next);
    waiting.push(...(children.get(next.pid) ?? []));
  }
}

/** Whether this is the very process that was recorded. */
function isEntryOf(table: ProcessTable, entry: ProcessEntry, identity: ProcessIdentity): boolean {
  return entry.pid === identity.pid && entry.startTime === identity.startTime && isHere(table, identity);
}

function oldestStart(table: ProcessTable, { leader, host }: TreeQuery): number | null {
  const bounds = [leader, host].flatMap((identity) =>
    identity !== null && identity.bootId === table.bootId() ? [identity] : [],
  );
  // A leader handed on to a later host is older than that host, so the leader's own start wins.
  return bounds[0] === undefined ? null : Number(bounds[0].startTime);
}

function isReused(table: ProcessTable, leader: ProcessIdentity): boolean {
  if (!isHere(table, leader)) return true; // of an earlier boot or another namespace: its number says nothing here
  const entry = table.entry(leader.pid);
  return entry !== null && entry.startTime !== leader.startTime;
}

function isAdopted(table: ProcessTable, entry: ProcessEntry, query: TreeQuery, hostHere: boolean): boolean {
  if (query.leader !== null && isEntryOf(table, entry, query.leader)) return true;
  if (hostHere && query.sharedHost !== true && entry.ppid === query.host?.pid) return true;
  return query.adopted.some((one) => isEntryOf(table, entry, one));
}

function isHere(table: ProcessTable, identity: ProcessIdentity): boolean {
  return identity.bootId === table.bootId() && identity.pidNamespace === table.pidNamespace();
}

function carriesToken(table: ProcessTable, entry: ProcessEntry, query: TreeQuery): boolean {
  if (query.token !== null) return table.environmentOf(entry.pid, "DIALTONE_TOKEN") === query.token;
  return (
    table.environmentOf(entry.pid, "DIALTONE_KEY") === query.key &&
    table.environmentOf(entry.pid, "DIALTONE_ROOT") === query.root &&
    typeof table.environmentOf(entry.pid, "DIALTONE_TOKEN") === "string" &&
    (query.runDirectory === undefined || isOfRunDirectory(table, entry.pid, query.root, query.runDirectory))
  );
}

/** Whether a launch of this root was started with this run directory; one that was given relative to somewhere may have been. */
export function isOfRunDirectory(table: ProcessTable, pid: number, root: string, runDirectory: string): boolean {
  const given = table.environmentOf(pid, "DIALTONE_RUN_DIR");
  if (given === undefined || (given !== null && given !== "" && !isAbsolute(given))) return true;
  return runDirectoryOf(root, given === null ? {} : { DIALTONE_RUN_DIR: given }) === runDirectory;
}

function writesLog(table: ProcessTable, entry: ProcessEntry, query: TreeQuery): boolean {
  return query.logFile !== null && table.isWriting(entry.pid, query.logFile) === true;
}

/** A host, or a process that says it belongs to another launch. The host of this very launch is no part of it either. */
export function isForeign(table: ProcessTable, entry: ProcessEntry, query: Launched): boolean {
  if (query.host !== null && isEntryOf(table, entry, query.host)) return true;
  if (query.otherHosts.some((one) => isEntryOf(table, entry, one))) return true;
  if (typeof table.environmentOf(entry.pid, HOST_MARK) === "string") return true;
  const token = table.environmentOf(entry.pid, "DIALTONE_TOKEN");
  return typeof token === "string" && TOKEN.test(token) && query.token !== null && token !== query.token;
}

/** What dt writes; a program that overwrites its environment with something else says nothing by it. */
const TOKEN = /^[0-9a-f]{32}$/;
