/** Who listens on a port: a launch of dt, in this root or another, or another process. */
import { openStore } from "../../state/store.ts";
import type { LaunchRecord } from "../../state/types.ts";
import { branchOf } from "../../sys/places/branch.ts";
import { runDirectoryOf } from "../../sys/places/paths.ts";
import type { PortListener } from "../../sys/process/identity.ts";
import { startedAt } from "../../sys/process/startedat.ts";
import { formatDuration } from "../../values/duration.ts";
import type { Ground } from "../launch/types.ts";
import { queryOf } from "../tree/query.ts";
import { findTree } from "../tree/tree.ts";

export interface Holder {
  pid: number;
  /** The addresses it listens on; `0.0.0.0` and `::` are all addresses of the machine. */
  addresses: string[];
  command: string;
  /** When the launch, or a process that is not dt's, was started; null when unknown. */
  since: string | null;
  /** A key in its environment that no record confirms; null when there is none, or it is confirmed. */
  claims: string | null;
  launch: { key: string; root: string; branch: string | null; runDirectory: string } | null;
}

/** A listener whose process the system hides. */
export interface Unseen {
  address: string;
  uid: number | null;
}

export interface Held {
  holders: Holder[];
  unseen: Unseen[];
}

export function holdersOf(ground: Ground, listeners: readonly PortListener[]): Held {
  const addresses = new Map<number, string[]>();
  for (const { address, pids } of listeners)
    for (const pid of pids) addresses.set(pid, [...(addresses.get(pid) ?? []), address]);
  return {
    holders: [...addresses].map(([pid, own]) => describe(ground, { pid, addresses: [...new Set(own)] })),
    unseen: listeners.flatMap(({ address, uid, pids }) => (pids.length > 0 ? [] : [{ address, uid }])),
  };
}

function describe(ground: Ground, { pid, addresses }: { pid: number; addresses: string[] }): Holder {
  const command = ground.table.commandLineOf(pid);
  const found = launchOf(ground, pid);
  if (found === null) {
    const claims = ground.table.environmentOf(pid, "DIALTONE_KEY") ?? null;
    const entry = ground.table.entry(pid);
    const began = entry === null ? null : startedAt(entry);
    const since = began === null ? null : new Date(began).toISOString();
    return { pid, addresses, command, since, claims, launch: null };
  }
  const { record, runDirectory } = found;
  const launch = { key: record.key, root: record.root, branch: branchOf(record.root), runDirectory };
  return { pid, addresses, command, since: record.startedAt, claims: null, launch };
}

/** The environment says where to look. Only a record whose tree contains the process is proof. */
function launchOf(ground: Ground, pid: number): { record: LaunchRecord; runDirectory: string } | null {
  const { table } = ground;
  const of = (name: string) => table.environmentOf(pid, name) ?? undefined;
  const root = of("DIALTONE_ROOT") ?? ground.root;
  const moved = of("DIALTONE_RUN_DIR");
  const directories = [
    ...(root === ground.root ? [ground.store.directory] : []),
    runDirectoryOf(root, moved === undefined ? {} : { DIALTONE_RUN_DIR: moved }),
  ];
  for (const directory of new Set(directories)) {
    const found = inRunDirectory({ ...ground, root }, { directory, key: of("DIALTONE_KEY"), pid });
    if (found !== null) return { record: found, runDirectory: directory };
  }
  return null;
}

function inRunDirectory(
  ground: Ground,
  { directory, key, pid }: { directory: string; key: string | undefined; pid: number },
): LaunchRecord | null {
  try {
    const store = directory === ground.store.directory ? ground.store : openStore({ ...ground, directory });
    const keys = store.keys().sort((a, b) => Number(b === key) - Number(a === key));
    for (const one of keys) {
      const record = store.record(one);
      if (record.is !== "there") continue;
      const { members } = findTree(ground.table, queryOf({ ...ground, store }, { record: record.value }));
      if (members.some((member) => member.identity.pid === pid)) return record.value;
    }
  } catch {
    // an untrusted directory proves nothing
  }
  return null;
}

export function describeHolder(ground: Pick<Ground, "root">, { pid, command, since, claims, launch }: Holder): string {
  const age = since === null ? null : formatDuration(Math.max(0, Date.now() - Date.parse(since)));
  if (launch === null) {
    const started = age === null ? "" : `, started ${age} ago`;
    return `pid ${pid}${claims === null ? "" : `, ${claims}`} (${command}${started})`;
  }
  const where =
    launch.root === ground.root ? "" : ` of ${launch.root}${launch.branch === null ? "" : `, branch ${launch.branch}`}`;
  return `${launch.key}${where} (pid ${pid}${age === null ? "" : `, for ${age}`})`;
}
