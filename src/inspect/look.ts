/** Every key's files and processes, judged, for `ps`, `status` and `logs`. Never runs plugin code, never writes. */
import type { Store } from "../state/store.ts";
import type { Site } from "../supervisor/launch/types.ts";
import { queryOf, recordedHosts } from "../supervisor/tree/query.ts";
import { findTree } from "../supervisor/tree/tree.ts";
import { lazy } from "../sys/base/lazy.ts";
import { snapshotOf } from "../sys/process/identity.ts";
import { isOfPlugin, type Selection } from "../values/key.ts";
import { findListening } from "./ports.ts";
import { blankReport, endedReport, launchReport, noteOfUnreadable, thereOrNull } from "./report.ts";
import { seeKey } from "./seen.ts";
import type { KeyReport, Listening, Look } from "./types.ts";

export function beginLook(ground: Site, driftOf: Look["driftOf"]): Look {
  const table = snapshotOf(ground.table);
  const store = readingOnce(ground.store);
  const hosts = lazy(() => [
    ...new Map(recordedHosts(store).map((host) => [`${host.pid}/${host.startTime}`, host])).values(),
  ]);
  const listeningOfAll = lazy(() => {
    const records = store.keys().flatMap((key) => thereOrNull(store.record(key)) ?? []);
    return findListening({ store, table }, { records, isAll: true });
  });
  return {
    ground: { ...ground, table, store },
    hosts,
    listening: aloneAtFirst({ store, table }, listeningOfAll),
    listeningOfAll,
    driftOf,
  };
}

/** How many launches are looked at one by one. Beyond that, a look at all of them takes less. */
const ALONE = 3;

function aloneAtFirst(place: Pick<Site, "store" | "table">, ofAll: () => Listening): Look["listening"] {
  const asked = new Set<string>();
  return (record) => {
    asked.add(record.key);
    return asked.size > ALONE ? ofAll() : findListening(place, { records: [record], isAll: false });
  };
}

function readingOnce(store: Store): Store {
  return { ...store, keys: lazy(store.keys), record: once(store.record), history: once(store.history) };
}

function once<T>(read: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    if (!known.has(name)) known.set(name, read(name));
    return known.get(name) as T;
  };
}

/** The keys of which something is known. */
export function lookAtAll(look: Look, keys: readonly string[]): KeyReport[] {
  const listening = keys.length > ALONE ? look.listeningOfAll : look.listening;
  return look.ground.store.seal.holding(() => keys.flatMap((key) => lookAt({ ...look, listening }, key) ?? []));
}

/** Null when nothing is known about the key. */
export function lookAt(look: Look, key: string): KeyReport | null {
  const { ground, hosts } = look;
  const seen = seeKey(ground, { key, hosts });
  switch (seen.is) {
    case "nothing":
      return null;
    case "unreadable-record": {
      const { read, state, pid, pgid } = seen;
      const exit = thereOrNull(ground.store.exit(key));
      const log = exit?.log ?? ground.store.path(key, "log");
      const note = noteOfUnreadable(ground.store.path(key, "record"), read);
      return { ...blankReport(ground, key), state, pid, pgid, log, note };
    }
    case "unreadable-exit": {
      const note = noteOfUnreadable(ground.store.path(key, "exit"), seen.read);
      return { ...blankReport(ground, key), state: seen.state, note };
    }
    case "ended":
      return endedReport(key, seen);
    case "there":
      return launchReport(look, { key, seen });
  }
}

/** The processes of a launch, its leader first. */
export function processesOf({ ground, hosts }: Look, key: string): { pid: number; command: string }[] {
  const record = ground.store.record(key);
  if (record.is !== "there") return [];
  const { members } = findTree(ground.table, queryOf(ground, { record: record.value, hosts: hosts() }));
  const leader = record.value.leader?.pid;
  return members
    .map(({ identity: { pid } }) => ({ pid, command: ground.table.commandLineOf(pid) }))
    .sort((a, b) => Number(b.pid === leader) - Number(a.pid === leader) || a.pid - b.pid);
}

/** The keys with files that a selection stands for. */
export function keysOf({ store }: Site, selection: Selection): string[] {
  if (selection.is === "keys") return selection.keys;
  const keys = store.keys();
  return selection.is === "all" ? keys : keys.filter((key) => isOfPlugin(key, selection.plugin));
}
