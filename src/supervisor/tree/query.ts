/** What a tree is looked for by: from a record, or, without one, by key, root and run directory. Every `TreeQuery` is made here. */
import type { LaunchRecord } from "../../state/types.ts";
import { type ProcessIdentity, sameIdentity } from "../../sys/process/identity.ts";
import type { Ground } from "../launch/types.ts";
import type { TreeQuery } from "./tree.ts";

/** What is not given is not known, and then no evidence. */
export function makeTreeQuery(known: Pick<TreeQuery, "key" | "root" | "token"> & Partial<TreeQuery>): TreeQuery {
  return { leader: null, host: null, adopted: [], logFile: null, spare: [], otherHosts: [], ...known };
}

/** What the tree of a recorded launch is looked for by. */
export function queryOf(
  { store, table }: Pick<Ground, "store" | "table">,
  record: LaunchRecord,
  hosts: readonly ProcessIdentity[] = recordedHosts(store),
): TreeQuery {
  const history = store.history(record.token);
  // What was written in another boot of the machine names nothing that lives: pids and inodes mean something else by now.
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

/** For a launch whose record is lost or cannot be read: key, root and run directory in the environment are all the evidence there is. */
export function unrecordedQuery(
  { root, store }: { root: string; store: { directory: string } },
  key: string,
  spare: readonly string[] = [],
): TreeQuery {
  return makeTreeQuery({ key, root, token: null, runDirectory: store.directory, spare });
}
