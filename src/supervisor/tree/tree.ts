/**
 * The tree: every process of a launch, wherever it went. A signal goes only to what *must* be the launch's. Each of
 * these proves it:
 *
 *   evidence   what it is
 *   --------   --------------------------------------------------------------------------------------------------------
 *   leader     the recorded identity
 *   descent    a parent in the tree, now or when the host saw it and noted it on disk (supervisor/watch/members.ts)
 *   session    the leader's session or group, while the leader's pid is still its own
 *   token      the launch's token in the initial environment
 *   lineage    the launch's number, inherited by fork and exec from the leader or from a probe of the launch
 *              (sys/process/lineage.ts)
 *   log        where the launch has no lineage: this run's log, through an open file description that a member shares.
 *              A process that opens the file itself has another description
 *   orphan     the host is its parent now, and only this launch can have left it there: the host serves this launch
 *              alone, is not PID 1, and had no children before it (`bystanders`)
 *
 * These prove nothing. They make a *candidate*, which is named and never signalled:
 *
 *   evidence   what it is
 *   --------   --------------------------------------------------------------------------------------------------------
 *   session    the session or group of a leader that is gone
 *   log        where the launch has no lineage: this run's log, through a description of its own or one that cannot be
 *              compared. Where it has one: through a member's description, which may have been handed over. Other
 *              writers of the same file do not count
 *
 * Left out, with all below them: hosts of other launches, processes with another launch's token or lineage, names in
 * `spare`. Processes below them inherited the evidence, so it does not count there. The leader itself is never left
 * out. Only processes that began no earlier than the launch are considered: nothing older can belong to it, whatever it
 * looks like.
 */
import {
  identify,
  isOver,
  type ProcessEntry,
  type ProcessIdentity,
  type ProcessTable,
  presenceOf,
  startOf,
} from "../../sys/process/identity.ts";
import { isEntryOf, isHere, isMarked, isOfAnotherLaunch, isOfAnotherLineage } from "./evidence.ts";
import type { TreeQuery } from "./query.ts";
import { rememberedIn } from "./remembered.ts";
import { isSpared } from "./spare.ts";

export interface TreeMember {
  identity: ProcessIdentity;
  comm: string;
  state: string;
  pgid: number;
}

/** Looks like the launch's, but nothing proves it. */
export interface Candidate extends TreeMember {
  by: "session" | "log";
}

export interface Tree {
  members: TreeMember[];
  candidates: Candidate[];
  /** Left out by name or as another launch's, as far as the search came across them. */
  passedOver: TreeMember[];
}

export function findTree(from: ProcessTable, query: TreeQuery): Tree {
  const oldest = oldestStart(from, query);
  const mayBeOne = (entry: ProcessEntry) =>
    !isOver(entry) && (oldest === null || startOf(entry) >= oldest) && entry.pid !== process.pid;
  const entries = (query.list?.() ?? from.list(oldest ?? undefined)).filter(mayBeOne);
  const table = rememberedIn(from, entries);
  const children = Map.groupBy(entries, (entry) => entry.ppid);
  const leaderHere = query.leader !== null && presenceOf(table, query.leader) === "alive";
  // With another start time, the leader's pid was given to another process, and its session is another one.
  const reused = query.leader !== null && !leaderHere && isReused(table, query.leader);

  const isLeader = (entry: ProcessEntry) => isEntryOf(table, { entry, identity: query.leader });
  const isOwnHost = (entry: ProcessEntry) => isEntryOf(table, { entry, identity: query.host });
  const isNamed = (entry: ProcessEntry) => isSpared(table, { entry, names: query.spare });
  const isOthers = (entry: ProcessEntry) => isOfAnotherLaunch(table, { entry, launch: query });
  const isLeftOut = (entry: ProcessEntry) => !isLeader(entry) && (isNamed(entry) || isOthers(entry));

  const reached = new Map<number, ProcessEntry>();
  const candidates = new Map<number, ProcessEntry>();
  const reach = (entry: ProcessEntry): void => addWithAllBelow(entry, { children, found: reached, goesOn: () => true });
  const hostHere = query.host !== null && presenceOf(table, query.host) === "alive";
  for (const entry of entries) {
    if (isAdopted(table, { entry, query, hostHere }) || isMarked(table, { entry, launch: query })) {
      reach(entry);
    } else if (query.leader !== null && (entry.sid === query.leader.pid || entry.pgid === query.leader.pid)) {
      if (leaderHere) reach(entry);
      else if (!reused) candidates.set(entry.pid, entry);
    }
  }
  const writers = findWriters(table, { entries, query, reached });
  const heirs = writers.length === 0 ? [] : findHeirs(table, { writers, query, reached });
  if (query.hasLineage !== true) for (const entry of heirs) reach(entry);
  const bySession = new Set(candidates.keys());
  // An open file can be handed over (ssh clients do, to ssh's master): beside a lineage, it proves nothing.
  for (const entry of query.hasLineage === true ? heirs : writers) candidates.set(entry.pid, entry);

  const leftOut = new Map<number, ProcessEntry>();
  for (const entry of [...reached.values(), ...candidates.values()]) {
    if (!isLeftOut(entry)) continue;
    // The launch itself is below its own host.
    if (isOwnHost(entry)) leftOut.set(entry.pid, entry);
    else addWithAllBelow(entry, { children, found: leftOut, goesOn: (below) => !isLeader(below) && !isOwnHost(below) });
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

interface Descent {
  children: Map<number, ProcessEntry[]>;
  found: Map<number, ProcessEntry>;
  goesOn: (entry: ProcessEntry) => boolean;
}

function addWithAllBelow(entry: ProcessEntry, { children, found, goesOn }: Descent): void {
  const waiting = [entry];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (found.has(next.pid) || !goesOn(next)) continue;
    found.set(next.pid, next);
    waiting.push(...(children.get(next.pid) ?? []));
  }
}

/** No process of the launch is older; null: not known. */
export function oldestStart(table: ProcessTable, { leader, host }: TreeQuery): number | null {
  const bounds = [leader, host].flatMap((identity) =>
    identity !== null && identity.bootId === table.bootId() ? [identity] : [],
  );
  // A leader that a later host took over is older than that host, so the leader's own start wins.
  return bounds[0] === undefined ? null : startOf(bounds[0]);
}

function isReused(table: ProcessTable, leader: ProcessIdentity): boolean {
  if (!isHere(table, leader)) return true; // from an earlier boot or another namespace: its pid means nothing here
  const entry = table.entry(leader.pid);
  return entry !== null && entry.startTime !== leader.startTime;
}

function isAdopted(
  table: ProcessTable,
  { entry, query, hostHere }: { entry: ProcessEntry; query: TreeQuery; hostHere: boolean },
): boolean {
  if (isEntryOf(table, { entry, identity: query.leader })) return true;
  if (hostHere && query.bystanders !== true && entry.ppid === query.host?.pid) return true;
  return query.adopted.some((one) => isEntryOf(table, { entry, identity: one }));
}

/** Processes that write the log and are not yet known to be the launch's. */
function findWriters(
  table: ProcessTable,
  {
    entries,
    query: { logFile, token, host },
    reached,
  }: { entries: readonly ProcessEntry[]; query: TreeQuery; reached: ReadonlyMap<number, ProcessEntry> },
): ProcessEntry[] {
  if (logFile === null) return [];
  return entries.filter(
    (entry) =>
      !reached.has(entry.pid) &&
      entry.pid !== host?.pid &&
      !isOfAnotherLineage(table, { pid: entry.pid, token }) &&
      table.isWriting(entry.pid, logFile) === true,
  );
}

/** The writers that share a description with a known process, repeated as long as that makes another one known. */
function findHeirs(
  table: ProcessTable,
  {
    writers,
    query: { logFile },
    reached,
  }: { writers: readonly ProcessEntry[]; query: TreeQuery; reached: ReadonlyMap<number, ProcessEntry> },
): ProcessEntry[] {
  if (logFile === null) return [];
  const known = [...reached.keys()];
  const heirs = new Set<ProcessEntry>();
  for (let at = 0; at < known.length; at++) {
    const pid = known[at] as number;
    if (table.isWriting(pid, logFile) !== true) continue;
    for (const entry of writers) {
      if (heirs.has(entry) || table.shareDescription(logFile, [pid, entry.pid]) !== true) continue;
      heirs.add(entry);
      known.push(entry.pid);
    }
  }
  return [...heirs];
}
