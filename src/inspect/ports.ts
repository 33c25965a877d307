/** The ports a launch listens on: those of its own tree, and the declared one where the listener cannot be seen. */
import type { LaunchRecord } from "../state/types.ts";
import { queryOf } from "../supervisor/tree/query.ts";
import { findTree } from "../supervisor/tree/tree.ts";
import { type ProcessEntry, type ProcessIdentity, type ProcessTable, presenceOf } from "../sys/process/identity.ts";
import type { Listening, Look } from "./types.ts";

/** Finds all listeners at once: most processes listen on nothing, and reading their open files per launch is slow. */
export function findListening(table: ProcessTable, hosts: readonly ProcessIdentity[]): Listening {
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

export function portsOf(look: Look, record: LaunchRecord): number[] {
  const { ground, hosts, listening } = look;
  const { ports, table } = listening();
  if (ports.length === 0) return hiddenPorts(look, record);
  const members = new Set(
    findTree(table, queryOf(ground, { record, hosts: hosts() })).members.map((one) => one.identity.pid),
  );
  const found = new Set(ports.flatMap(({ pid, port }) => (members.has(pid) ? [port] : [])));
  if (record.port !== null && !found.has(record.port)) for (const port of hiddenPorts(look, record)) found.add(port);
  return [...found].sort((a, b) => a - b);
}

/** The declared port, where its listener is hidden but must be the launch's, since no other process can have it. */
function hiddenPorts({ ground, hosts }: Look, record: LaunchRecord): number[] {
  const { port } = record;
  if (port === null || record.stack !== undefined) return [];
  const unseen = ground.table.listenersOn(port).filter((one) => one.pids.length === 0);
  if (unseen.length === 0) return [];
  const { ownershipOf } =
    require("../supervisor/port/listening.ts") as typeof import("../supervisor/port/listening.ts");
  const { members } = findTree(ground.table, queryOf(ground, { record, hosts: hosts() }));
  const pids = new Set(members.map((one) => one.identity.pid));
  return unseen.some((one) => ownershipOf(ground.table, { listener: one, members: pids, record }) === "own")
    ? [port]
    : [];
}
