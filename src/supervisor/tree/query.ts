/**
 * How a tree is searched for: by its record, or, without one, by key, root and run directory. Every `TreeQuery` is made
 * here.
 */
import type { LaunchRecord } from "../../state/types.ts";
import { lazy } from "../../sys/base/lazy.ts";
import {
  type FileIdentity,
  type ProcessEntry,
  type ProcessIdentity,
  sameIdentity,
} from "../../sys/process/identity.ts";
import type { Ground } from "../launch/types.ts";

/** What tells a launch's own processes from another launch's. */
export interface Launched {
  /**
   * Null when the record that had it is lost or does not parse: then key and root in the environment are the evidence.
   */
  token: string | null;
  /**
   * Its processes do not have this token in their environment; they may have that of a launch around them. Only their
   * lineage identifies them. Default: false.
   */
  isUnnamed?: boolean;
  host: ProcessIdentity | null;
  /** Hosts of other launches, from their records, which are read only when this is called. */
  otherHosts(): readonly ProcessIdentity[];
}

export interface TreeQuery extends Launched {
  key: string;
  root: string;
  /** With `token` null: a process started with another run directory belongs to another launch. */
  runDirectory?: string;
  leader: ProcessIdentity | null;
  /**
   * A child of the host may be a stranger: the host serves other launches too, is PID 1, or had children before.
   * Default: false.
   */
  bystanders?: boolean;
  /** Its leader was given a lineage, so everything it started has that too. Default: unknown. */
  hasLineage?: boolean;
  adopted: readonly ProcessIdentity[];
  logFile: FileIdentity | null;
  spare: readonly string[];
  /** The processes as they are now, for searches that share a look at them. Default: the search looks itself. */
  list?: () => readonly ProcessEntry[];
}

/** A field that is not given is unknown, and then no evidence. */
export function makeTreeQuery(known: Pick<TreeQuery, "key" | "root" | "token"> & Partial<TreeQuery>): TreeQuery {
  return { leader: null, host: null, adopted: [], logFile: null, spare: [], otherHosts: () => [], ...known };
}

/** The query for a recorded launch. */
export function queryOf(
  { store, table }: Pick<Ground, "store" | "table">,
  {
    record,
    hosts = () => recordedHosts(store),
  }: { record: LaunchRecord; hosts?: (() => readonly ProcessIdentity[]) | undefined },
): TreeQuery {
  const history = store.history(record.token);
  // Pids and inodes written during another boot of the machine identify nothing that is alive now.
  const thisBoot = record.host.bootId === table.bootId();
  return makeTreeQuery({
    key: record.key,
    root: record.root,
    token: record.token,
    leader: record.leader,
    host: thisBoot ? record.host : null,
    adopted: history.is === "there" ? history.value.adopted : [],
    logFile: thisBoot ? record.logFile : null,
    bystanders: record.shared === true || record.bystanders === true,
    hasLineage: record.lineage === true,
    spare: record.stop.spare,
    otherHosts: lazy(() => hosts().filter((host) => !sameIdentity(host, record.host))),
  });
}

/** The hosts that the root's records name. */
export function recordedHosts(store: Ground["store"]): ProcessIdentity[] {
  return store.keys().flatMap((key) => {
    const record = store.record(key);
    return record.is === "there" ? [record.value.host] : [];
  });
}

/**
 * For a launch whose record is lost or unreadable: key, root and run directory in the environment are the only
 * evidence.
 */
export function unrecordedQuery(
  { root, store }: { root: string; store: { directory: string } },
  { key, spare = [] }: { key: string; spare?: readonly string[] | undefined },
): TreeQuery {
  return makeTreeQuery({ key, root, token: null, runDirectory: store.directory, spare });
}
