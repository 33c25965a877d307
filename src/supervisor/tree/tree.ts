/**
 * The tree: every process of a launch, wherever it went. A signal goes only to what *must* be the launch's. Each of these proves it:
 *
 *   leader       the recorded identity
 *   descent      a parent in the tree, now or when the host saw it and noted it on disk (supervisor/watch/members.ts)
 *   session      the leader's session or group, while the leader's pid is still its own
 *   token        the launch's token in the initial environment
 *   lineage      the launch's number, inherited from the leader, or from a probe of it, by fork and exec (sys/process/lineage.ts)
 *   log          where the launch has no lineage: this run's log through an open file description that a member has too, for who opens the file
 *                has another
 *   orphan       the host is its parent now, and nobody but this launch can have left it there: the host serves this launch alone, is not PID 1,
 *                and had no children before it (`bystanders`)
 *
 * These prove nothing, and make a *candidate*, which is named and never signalled:
 *
 *   session      of a leader that is gone
 *   log          where the launch has no lineage: this run's log through a description of its own, or one that cannot be compared. Where it has one:
 *                through a member's description, which may have been handed over. Who else writes to the same file is nobody's business
 *
 * Left out, with all below them: hosts of other launches, processes with another launch's token or lineage, names in `spare`. What is below them
 * has inherited the evidence, so that counts for nothing there. The leader itself is never left out.
 * Only what began no earlier than the launch is looked at: nothing older can belong to it, whatever it looks like.
 */
import { isAbsolute } from "node:path";
import { runDirectoryOf } from "../../sys/places/paths.ts";
import {
  type FileIdentity,
  identify,
  isOver,
  type ProcessEntry,
  type ProcessIdentity,
  type ProcessTable,
  presenceOf,
  startOf,
} from "../../sys/process/identity.ts";
import { isLineageOf } from "../../sys/process/lineage.ts";
import { HOST_MARK } from "../launch/marks.ts";
import { isSpared } from "./spare.ts";

/** By which another launch's processes are told from a launch's own. */
export interface Launched {
  /** Null when it was lost with a record that does not parse: then key and root in the environment are the evidence. */
  token: string | null;
  /** Its processes have not this token in their environment, but maybe one of a launch around them: their lineage alone has it. Default false. */
  isUnnamed?: boolean;
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
  /** What is the host's child may be a stranger: the host serves other launches too, is PID 1, or had children before. Default false. */
  bystanders?: boolean;
  /** Its leader was given a lineage, so that all it started has it. Default: that is not known. */
  hasLineage?: boolean;
  adopted: readonly ProcessIdentity[];
  logFile: FileIdentity | null;
  spare: readonly string[];
}

export interface TreeMember {
  identity: ProcessIdentity;
  comm: string;
  state: string;
  pgid: number;
}

/** Looks like the launch's, and nothing proves it. */
export interface Candidate extends TreeMember {
  by: "session" | "log";
}

export interface Tree {
  members: TreeMember[];
  candidates: Candidate[];
  /** Left out by name or as another launch's, as far as met. */
  passedOver: TreeMember[];
}

export function findTree(from: ProcessTable, query: TreeQuery): Tree {
  const table = askingLineageOnce(from);
  const oldest = oldestStart(table, query);
  const entries = table
    .list()
    .filter((entry) => !isOver(entry) && (oldest === null || startOf(entry) >= oldest) && entry.pid !== process.pid);
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
    if (isAdopted(table, entry, query, hostHere) || isMarked(table, entry, query)) {
      reach(entry);
    } else if (query.leader !== null && (entry.sid === query.leader.pid || entry.pgid === query.leader.pid)) {
      if (leaderHere) reach(entry);
      else if (!reused) candidates.set(entry.pid, entry);
    }
  }
  const writers = findWriters(table, entries, query, reached);
  const heirs = writers.length === 0 ? [] : findHeirs(table, writers, query, reached);
  if (query.hasLineage !== true) for (const entry of heirs) reach(entry);
  const bySession = new Set(candidates.keys());
  // An open file can be handed over too (ssh's master gets its clients' output so): where there is a lineage, that alone proves nothing.
  for (const entry of query.hasLineage === true ? heirs : writers) candidates.set(entry.pid, entry);

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
    candidates: toMembers(candidates, (entry) => !reached.has(entry.pid) && !leftOut.has(entry.pid)).map((one) => ({
      ...one,
      by: bySession.has(one.identity.pid) ? "session" : "log",
    })),
    passedOver: toMembers(leftOut, (entry) => reached.has(entry.pid)),
  };
}

/** Within one look: most processes are strangers, and each is asked more than once. */
function askingLineageOnce(table: ProcessTable): ProcessTable {
  const lineages = new Map<number, ReturnType<ProcessTable["lineageOf"]>>();
  return {
    ...table,
    lineageOf(pid) {
      if (!lineages.has(pid)) lineages.set(pid, table.lineageOf(pid));
      return lineages.get(pid);
    },
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
  return bounds[0] === undefined ? null : startOf(bounds[0]);
}

function isReused(table: ProcessTable, leader: ProcessIdentity): boolean {
  if (!isHere(table, leader)) return true; // of an earlier boot or another namespace: its number says nothing here
  const entry = table.entry(leader.pid);
  return entry !== null && entry.startTime !== leader.startTime;
}

function isAdopted(table: ProcessTable, entry: ProcessEntry, query: TreeQuery, hostHere: boolean): boolean {
  if (query.leader !== null && isEntryOf(table, entry, query.leader)) return true;
  if (hostHere && query.bystanders !== true && entry.ppid === query.host?.pid) return true;
  return query.adopted.some((one) => isEntryOf(table, entry, one));
}

function isHere(table: ProcessTable, identity: ProcessIdentity): boolean {
  return identity.bootId === table.bootId() && identity.pidNamespace === table.pidNamespace();
}

/** Whether it carries what only a descendant of the leader can have inherited. */
export function isMarked(
  table: ProcessTable,
  { pid }: Pick<ProcessEntry, "pid">,
  query: Pick<TreeQuery, "token" | "key" | "root" | "runDirectory">,
): boolean {
  if (query.token === null) return claimsKey(table, pid, query);
  if (isLineageOf(table.lineageOf(pid), query.token)) return true;
  return table.environmentOf(pid, "DIALTONE_TOKEN") === query.token;
}

function claimsKey(
  table: ProcessTable,
  pid: number,
  { key, root, runDirectory }: Pick<TreeQuery, "key" | "root" | "runDirectory">,
): boolean {
  return (
    table.environmentOf(pid, "DIALTONE_KEY") === key &&
    table.environmentOf(pid, "DIALTONE_ROOT") === root &&
    typeof table.environmentOf(pid, "DIALTONE_TOKEN") === "string" &&
    (runDirectory === undefined || isOfRunDirectory(table, pid, root, runDirectory))
  );
}

/** Whether a launch of this root was started with this run directory; one that was given relative to somewhere may have been. */
export function isOfRunDirectory(table: ProcessTable, pid: number, root: string, runDirectory: string): boolean {
  const given = table.environmentOf(pid, "DIALTONE_RUN_DIR");
  if (given === undefined || (given !== null && given !== "" && !isAbsolute(given))) return true;
  return runDirectoryOf(root, given === null ? {} : { DIALTONE_RUN_DIR: given }) === runDirectory;
}

/** Who writes the log and is not known to be the launch's by anything else. */
function findWriters(
  table: ProcessTable,
  entries: readonly ProcessEntry[],
  { logFile, token, host }: TreeQuery,
  reached: ReadonlyMap<number, ProcessEntry>,
): ProcessEntry[] {
  if (logFile === null) return [];
  return entries.filter(
    (entry) =>
      !reached.has(entry.pid) &&
      entry.pid !== host?.pid &&
      !isOfAnotherLineage(table, entry.pid, token) &&
      table.isWriting(entry.pid, logFile) === true,
  );
}

/** Those of the writers that have the description of one who is known: as often as that makes another known. */
function findHeirs(
  table: ProcessTable,
  writers: readonly ProcessEntry[],
  { logFile }: TreeQuery,
  reached: ReadonlyMap<number, ProcessEntry>,
): ProcessEntry[] {
  if (logFile === null) return [];
  const known = [...reached.keys()];
  const heirs = new Set<ProcessEntry>();
  for (let at = 0; at < known.length; at++) {
    const pid = known[at] as number;
    if (table.isWriting(pid, logFile) !== true) continue;
    for (const entry of writers) {
      if (heirs.has(entry) || table.shareDescription(pid, entry.pid, logFile) !== true) continue;
      heirs.add(entry);
      known.push(entry.pid);
    }
  }
  return [...heirs];
}

function isOfAnotherLineage(table: ProcessTable, pid: number, token: string | null): boolean {
  if (token === null) return false;
  const lineage = table.lineageOf(pid);
  return typeof lineage === "bigint" && !isLineageOf(lineage, token);
}

/** A host, or a process that says it belongs to another launch. The host of this very launch is no part of it either. */
export function isForeign(table: ProcessTable, entry: ProcessEntry, query: Launched): boolean {
  if (query.host !== null && isEntryOf(table, entry, query.host)) return true;
  if (query.otherHosts.some((one) => isEntryOf(table, entry, one))) return true;
  if (typeof table.environmentOf(entry.pid, HOST_MARK) === "string") return true;
  if (query.token === null) return false;
  // What it says of itself counts before what it inherited.
  const token = query.isUnnamed === true ? null : table.environmentOf(entry.pid, "DIALTONE_TOKEN");
  if (typeof token === "string" && TOKEN.test(token)) return token !== query.token;
  return isOfAnotherLineage(table, entry.pid, query.token);
}

/** What dt writes; a program that overwrites its environment with something else says nothing by it. */
const TOKEN = /^[0-9a-f]{32}$/;
