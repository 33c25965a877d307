/**
 * How a tree is searched for: by its record, or, without one, by key, root and run directory. Every `TreeQuery` is made
 * here.
 */
import type { LaunchRecord } from "../../state/types.ts";
import { type ProcessIdentity, sameIdentity } from "../../sys/process/identity.ts";
import type { Ground } from "../launch/types.ts";
import type { TreeQuery } from "./tree.ts";

/** A field that is not given is unknown, and then no evidence. */
export function makeTreeQuery(known: Pick<TreeQuery, "key" | "root" | "token"> & Partial<TreeQuery>): TreeQuery {
  return { leader: null, host: null, adopted: [], logFile: null, spare: [], otherHosts: [], ...known };
}

/** The query for a recorded launch. */
export function queryOf(
  { store, table }: Pick<Ground, "store" | "table">,
  record: LaunchRecord,
  hosts: readonly ProcessIdentity[] = recordedHosts(store),
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
    otherHosts: hosts.filter((host) => !sameIdentity(host, record.host)),
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
  key: string,
  spare: readonly string[] = [],
): TreeQuery {
  return makeTreeQuery({ key, root, token: null, runDirectory: store.directory, spare });
}
