/** The ports a launch listens on: those of its tree, and the declared one where its listener is not near (near.ts). */
import type { LaunchRecord } from "../state/types.ts";
import { queryOf } from "../supervisor/tree/query.ts";
import { findTree, type TreeMember } from "../supervisor/tree/tree.ts";
import type { ListeningPort, ProcessEntry, ProcessTable } from "../sys/process/identity.ts";
import { type Clues, findNear, launchesOf } from "./near.ts";
import type { Listening, Look } from "./types.ts";

type Place = Pick<Look["ground"], "store" | "table">;

/** Finds the listeners of many launches at once: most processes listen on nothing, and judging them is slow. */
export function findListening(place: Place, asked: { records: readonly LaunchRecord[]; isAll: boolean }): Listening {
  const { pids, clues } = findNear(place, asked);
  const ports = place.table.listeningPorts(pids);
  const byLaunch = new Map<string, ListeningPort[]>();
  const unclaimed: ListeningPort[] = [];
  for (const [pid, own] of Map.groupBy(ports, (one) => one.pid)) {
    const launches = claimantsOf(place, { pid, clues: clues() });
    for (const { token } of launches) byLaunch.set(token, [...(byLaunch.get(token) ?? []), ...own]);
    if (launches.size === 0) unclaimed.push(...own);
  }
  return { ports, byLaunch, unclaimed };
}

/** The launches whose tree may have the process in it, by what it or a process above it carries. */
function claimantsOf({ table }: Place, { pid, clues }: { pid: number; clues: Clues }): Set<LaunchRecord> {
  const found = new Set<LaunchRecord>();
  for (const entry of lineOf(table, pid)) {
    const leader = clues.byLeader.get(entry.pid);
    if (leader !== undefined) return found.add(leader);
    for (const launch of launchesOf({ table }, { pid: entry.pid, clues })) found.add(launch);
  }
  return found;
}

/** The process and those above it. */
function lineOf(table: ProcessTable, pid: number): ProcessEntry[] {
  const line: ProcessEntry[] = [];
  for (let entry = table.entry(pid); entry !== null && !line.includes(entry); entry = table.entry(entry.ppid))
    line.push(entry);
  return line;
}

/** `tree`: its processes, where the leader is gone. */
export function portsOf(look: Look, { record, tree }: { record: LaunchRecord; tree: readonly TreeMember[] }): number[] {
  const { table } = look.ground;
  const own = tree.length > 0 ? table.listeningPorts(tree.map((one) => one.identity.pid)) : ownListeners(look, record);
  const found = new Set(own.map((one) => one.port));
  if (record.port !== null && !found.has(record.port) && isOnDeclared(look, record)) found.add(record.port);
  return [...found].sort((a, b) => a - b);
}

function ownListeners({ ground, hosts, listening }: Look, record: LaunchRecord): readonly ListeningPort[] {
  const { ports, byLaunch, unclaimed } = listening(record);
  // Without a lineage, a process may be the launch's by what only a search compares.
  const possible = record.lineage === true ? [...(byLaunch.get(record.token) ?? []), ...unclaimed] : ports;
  if (possible.every(({ pid }) => pid === record.leader?.pid)) return possible;
  const lines = new Map(possible.flatMap(({ pid }) => lineOf(ground.table, pid)).map((entry) => [entry.pid, entry]));
  const table = { ...ground.table, list: () => [...lines.values()] };
  const near = hosts().filter((host) => lines.has(host.pid));
  const members = pidsOf(findTree(table, queryOf(ground, { record, hosts: near })).members);
  return possible.filter(({ pid }) => members.has(pid));
}

/** Whether a listener on the declared port is the launch's, wherever it is, or hidden and must be the launch's. */
function isOnDeclared({ ground, hosts }: Look, record: LaunchRecord): boolean {
  if (record.port === null || record.stack !== undefined) return false;
  const listeners = ground.table.listenersOn(record.port);
  if (listeners.length === 0) return false;
  const { ownershipOf } =
    require("../supervisor/port/listening.ts") as typeof import("../supervisor/port/listening.ts");
  const members = pidsOf(findTree(ground.table, queryOf(ground, { record, hosts: hosts() })).members);
  return listeners.some((listener) => ownershipOf(ground.table, { listener, members, record }) === "own");
}

function pidsOf(members: readonly TreeMember[]): Set<number> {
  return new Set(members.map((one) => one.identity.pid));
}
