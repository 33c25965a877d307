/**
 * Which processes can be a launch's, without a look at the whole machine. Orphans of a launch fall to its host, a
 * subreaper, so everything that came from the leader is below the host while that lives.
 *
 *   the leader's parent now                  its processes are
 *   --------------------------------------   --------------------------------------------------------------------------
 *   the recorded host                        below that host
 *   another process: the host was killed,    below the leader, or below an orphan that fell to the same process and has
 *   or another one serves the launch since   the launch's lineage, token, session or group; or were noted by a host
 *
 * A host of many launches has children of all of them: those that are asked about are known as if it were gone. They
 * only *can* be the launch's: supervisor/tree/tree.ts judges. Known limit: a process that another program started with
 * the launch's token handed over is found by the launch's declared port alone (ports.ts).
 */
import type { LaunchRecord } from "../state/types.ts";
import type { Site } from "../supervisor/launch/types.ts";
import { lazy } from "../sys/base/lazy.ts";
import { type ProcessIdentity, presenceOf, startOf } from "../sys/process/identity.ts";
import { lineageFor } from "../sys/process/lineage.ts";

type Place = Pick<Site, "store" | "table">;

/** Launches by what shows that a process is theirs. */
export interface Clues {
  /** Those whose leader lives. */
  byLeader: ReadonlyMap<number, LaunchRecord>;
  /** Launches that have their host to themselves. */
  byHost: ReadonlyMap<number, LaunchRecord>;
  byToken: ReadonlyMap<string, LaunchRecord>;
  byLineage: ReadonlyMap<bigint, LaunchRecord>;
  /** Processes that a host noted as a launch's, of launches whose leader has left its host. */
  byNote: ReadonlyMap<number, LaunchRecord>;
}

export interface Near {
  pids: readonly number[];
  /** Needed only where a process listens. */
  clues: () => Clues;
}

/** `records`: all of the root's, or those few that are asked about. */
export function findNear(place: Place, { records, isAll }: { records: readonly LaunchRecord[]; isAll: boolean }): Near {
  const { table } = place;
  const living = records.filter(({ leader }) => isAlive(place, leader));
  const [kept, left] = [[] as LaunchRecord[], [] as LaunchRecord[]];
  for (const record of living) (isWithHost(place, record) ? kept : left).push(record);
  const clues = lazy(() => cluesOf(place, { records: living, left }));
  const roots = living.flatMap(({ leader }) => leader?.pid ?? []);
  if (left.length > 0) roots.push(...clues().byNote.keys(), ...orphansOf(place, { of: left, clues: clues() }));
  // What is below a host belongs to few of its launches where few are asked about.
  const alone = isAll ? kept : kept.filter((one) => one.shared !== true);
  const among = kept.filter((one) => !alone.includes(one));
  if (among.length > 0) roots.push(...orphansOf(place, { of: among, clues: clues() }));
  const forest = table.forestOf({ roots, hosts: new Set(alone.map(({ host }) => host.pid)) });
  const hosts = new Set(records.flatMap(({ host }) => (isAlive(place, host) ? [host.pid] : [])));
  return { pids: (forest ?? table.pids()).filter((pid) => !hosts.has(pid)), clues };
}

function isAlive({ table }: Place, identity: ProcessIdentity | null): boolean {
  return identity !== null && presenceOf(table, identity) === "alive";
}

/** Only the host that started the leader can be its parent. */
function isWithHost(place: Place, { leader, host }: LaunchRecord): boolean {
  return isAlive(place, host) && place.table.entry(leader?.pid ?? 0)?.ppid === host.pid;
}

function cluesOf(
  place: Place,
  { records, left }: { records: readonly LaunchRecord[]; left: readonly LaunchRecord[] },
): Clues {
  const notes = left.flatMap((record) => {
    const history = place.store.history(record.token);
    const adopted = history.is === "there" ? history.value.adopted : [];
    return adopted.flatMap((one) => (isAlive(place, one) ? [[one.pid, record] as const] : []));
  });
  return {
    byLeader: new Map(records.flatMap((one) => (one.leader === null ? [] : [[one.leader.pid, one] as const]))),
    byHost: new Map(records.flatMap((one) => (one.shared === true ? [] : [[one.host.pid, one] as const]))),
    byToken: new Map(records.map((one) => [one.token, one])),
    byLineage: new Map(records.flatMap((one) => launchPart(lineageFor(one.token)).map((part) => [part, one] as const))),
    byNote: new Map(notes),
  };
}

/** A lineage without the number of a guest. */
function launchPart(lineage: bigint | null | undefined): bigint[] {
  return typeof lineage === "bigint" ? [lineage & ~0xffn] : [];
}

/** What has the leaders for its children has the launches' orphans too. */
function orphansOf(place: Place, { of, clues }: { of: readonly LaunchRecord[]; clues: Clues }): number[] {
  const { table } = place;
  const oldest = Math.min(...of.flatMap(({ leader }) => (leader === null ? [] : [startOf(leader)])));
  const parents = new Set(of.flatMap(({ leader }) => table.entry(leader?.pid ?? 0)?.ppid ?? []));
  return [...parents]
    .flatMap((parent) => table.childrenOf(parent))
    .filter((pid) => {
      // Most are another launch's, and their lineage is the cheapest to see.
      const [inherited] = launchPart(table.lineageOf(pid));
      if (inherited !== undefined) return clues.byLineage.has(inherited);
      const entry = table.entry(pid);
      return entry !== null && startOf(entry) >= oldest && launchesOf(place, { pid, clues }).length > 0;
    });
}

/** The launches that a process may belong to by what it carries itself. */
export function launchesOf({ table }: Pick<Place, "table">, { pid, clues }: { pid: number; clues: Clues }) {
  const entry = table.entry(pid);
  if (entry === null) return [];
  const { byLeader, byHost, byNote, byToken, byLineage } = clues;
  const token = table.environmentOf(pid, "DIALTONE_TOKEN");
  const found = [
    ...[entry.pid, entry.sid, entry.pgid].map((one) => byLeader.get(one)),
    byHost.get(pid),
    byNote.get(pid),
    typeof token === "string" ? byToken.get(token) : undefined,
    ...launchPart(table.lineageOf(pid)).map((part) => byLineage.get(part)),
  ];
  return found.flatMap((one) => one ?? []);
}
