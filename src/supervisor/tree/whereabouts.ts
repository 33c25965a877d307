/**
 * Where launches run whose root is no longer at its path: the root was moved, and a record in its new place describes
 * the launch; or it is gone. A moved root is found by a directory that a host of the root, a process of one of its
 * launches, or the process that started it is in or has open, and among the remembered roots. Each process and place is
 * looked at once.
 *
 *   the record of the key, in a place that was found   the launch
 *   ------------------------------------------------   -------------------------------------------------
 *   is the launch's                                    runs there
 *   cannot be read, in a place that a process holds    counts as running there: it may be another user's
 *   is another launch's, or there is none              is not there
 *
 * Known limits: on macOS, where other processes' directories cannot be seen, only the remembered roots tell. A run
 * directory that DIALTONE_RUN_DIR moved keeps the name of the old path, so what runs there counts as left over
 * (commands/context/leftbehind.ts reports it in the new place).
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { listRootsIn } from "../../state/roots.ts";
import { openStore, type Store } from "../../state/store.ts";
import type { LaunchRecord } from "../../state/types.ts";
import { lazy } from "../../sys/base/lazy.ts";
import { runDirectoryOf } from "../../sys/places/paths.ts";
import { type ProcessEntry, snapshotOf } from "../../sys/process/identity.ts";
import { HOST_MARK } from "../launch/marks.ts";
import type { Ground } from "../launch/types.ts";

/** Processes whose environment says that they belong to one launch. */
export interface Carriers {
  root: string;
  key: string;
  token: string;
  pids: number[];
}

export interface Whereabouts {
  carriers(): Carriers[];
  /** Hosts that were started in this root and are now in no root that exists. */
  idleHosts(root: string): ProcessEntry[];
  /** `isIt`: whether a record of the key is the launch's. */
  isMoved(launch: { root: string; key: string }, isIt: (record: LaunchRecord) => boolean): boolean;
}

export function makeWhereabouts({ table, home, env }: Pick<Ground, "table" | "home" | "env">): Whereabouts {
  const processes = snapshotOf(table);
  const carriers = lazy(() => carriersIn(processes));
  const hosts = lazy(() =>
    processes.list().flatMap((entry) => {
      const root = processes.environmentOf(entry.pid, HOST_MARK);
      return typeof root === "string" && processes.isOwn(entry.pid) ? [{ root, entry }] : [];
    }),
  );
  const remembered = lazy(() => (home === null ? [] : listRootsIn(join(home, "roots")).map(({ root }) => root)));
  const stores = new Map<string, Store | null>();
  const places = new Map<number, Set<string>>();

  function placesOf(pid: number): Set<string> {
    const known = places.get(pid);
    if (known !== undefined) return known;
    const found = new Set<string>();
    for (const directory of table.directoriesOf(pid))
      for (let at = directory; at !== dirname(at); at = dirname(at)) if (storeOf(at) !== null) found.add(at);
    places.set(pid, found);
    return found;
  }

  /** Null where nothing was ever started. */
  function storeOf(place: string): Store | null {
    const known = stores.get(place);
    if (known !== undefined) return known;
    const directory = runDirectoryOf(place, env);
    const store = existsSync(directory) ? openOrNull(directory) : null;
    stores.set(place, store);
    return store;
  }

  function openOrNull(directory: string): Store | null {
    try {
      return openStore({ directory, home, table });
    } catch {
      return null; // another user's
    }
  }

  return {
    carriers,
    idleHosts: (root) =>
      hosts()
        .filter((host) => host.root === root && placesOf(host.entry.pid).size === 0)
        .map(({ entry }) => entry),
    isMoved({ root, key }, isIt) {
      const pids = carriers().flatMap((one) => (one.root === root ? one.pids : []));
      const starters = pids.flatMap((pid) => processes.entry(pid)?.ppid ?? []);
      const owners = hosts().flatMap((host) => (host.root === root ? host.entry.pid : []));
      const held = new Set([...pids, ...starters, ...owners].flatMap((pid) => [...placesOf(pid)]));
      const isThere = (place: string, ifUnreadable: boolean) => {
        const record = storeOf(place)?.record(key);
        if (record?.is === "unreadable") return ifUnreadable;
        return record?.is === "there" && isIt(record.value);
      };
      return [...held].some((place) => isThere(place, true)) || remembered().some((place) => isThere(place, false));
    },
  };
}

/**
 * Only this user's processes, and none in a container: there, another folder may be at the same path. Root sees the
 * processes of all users, but only its own concern it.
 */
function carriersIn(processes: Ground["table"]): Carriers[] {
  const found = new Map<string, Carriers>();
  for (const { pid } of processes.list()) {
    const root = processes.environmentOf(pid, "DIALTONE_ROOT");
    const key = processes.environmentOf(pid, "DIALTONE_KEY");
    const token = processes.environmentOf(pid, "DIALTONE_TOKEN");
    if (typeof root !== "string" || typeof key !== "string" || typeof token !== "string") continue;
    if (!processes.isOwn(pid)) continue;
    const one = found.get(token) ?? { root, key, token, pids: [] };
    one.pids.push(pid);
    found.set(token, one);
  }
  return [...found.values()];
}
