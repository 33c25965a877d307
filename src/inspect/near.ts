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
 * They only *can* be: supervisor/tree/tree.ts judges. Known limit: a process that another program started with the
 * launch's token handed over is found by the launch's declared port alone (ports.ts).
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

/** `hosts`: those of every record. */
export function findNear(place: Place, hosts: readonly ProcessIdentity[]): Near {
  const { store, table } = place;
  const records = store.keys().flatMap((key) => {
    const read = store.record(key);
    return read.is === "there" && isAlive(place, read.value.leader) ? [read.value] : [];
  });
  const [kept, left] = [[] as LaunchRecord[], [] as LaunchRecord[]];
  for (const record of records) (isWithHost(place, record) ? kept : left).push(record);
  const clues = lazy(() => cluesOf(place, { records, left }));
  const roots = records.flatMap(({ leader }) => leader?.pid ?? []);
  if (left.length > 0) roots.push(...clues().byNote.keys(), ...orphansOf(place, { left, clues: clues() }));
  const forest = table.forestOf({ roots, hosts: new Set(kept.map(({ host }) => host.pid)) });
  const living = new Set(hosts.flatMap((host) => (isAlive(place, host) ? [host.pid] : [])));
  return { pids: (forest ?? table.pids()).filter((pid) => !living.has(pid)), clues };
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

/** What the leaders without a host have for a parent has their orphans too. */
function orphansOf(place: Place, { left, clues }: { left: readonly LaunchRecord[]; clues: Clues }): number[] {
  const { table } = place;
  const oldest = Math.min(...left.flatMap(({ leader }) => (leader === null ? [] : [startOf(leader)])));
  const parents = new Set(left.flatMap(({ leader }) => table.entry(leader?.pid ?? 0)?.ppid ?? []));
  return [...parents]
    .flatMap((parent) => table.childrenOf(parent))
    .filter((pid) => {
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
