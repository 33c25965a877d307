/**
 * What is known about a key: its files, whether its processes live, and the state that follows. The one judge for `ps`,
 * `status`, `wait`, `gc`, `port` and the daemon, so none of them can disagree. It reads the tree of a launch only where
 * the state depends on it.
 */
import type { ExitRecord, KeyState, LaunchHistory, LaunchRecord } from "../state/types.ts";
import { judgeState } from "../state/view.ts";
import { isKeyLocked } from "../supervisor/launch/lock.ts";
import type { Site } from "../supervisor/launch/types.ts";
import { queryOf, recordedHosts, unrecordedQuery } from "../supervisor/tree/query.ts";
import { findTree, type TreeMember } from "../supervisor/tree/tree.ts";
import type { FileRead } from "../sys/files/fileread.ts";
import { type Presence, type ProcessIdentity, presenceOf } from "../sys/process/identity.ts";

export type Unreadable = Extract<FileRead<unknown>, { is: "unreadable" }>;

export type Seen =
  /** Nothing is known about the key. */
  | { is: "nothing"; state: null; pid: null }
  /** A record that does not parse never counts as "not running": its processes are searched for by key and root. */
  | { is: "unreadable-record"; read: Unreadable; state: KeyState; pid: number | null; pgid: number | null }
  /** It ended, but how is unknown, so it counts as failed and is shown. */
  | { is: "unreadable-exit"; read: Unreadable; state: KeyState; pid: null }
  | { is: "ended"; exit: ExitRecord; state: KeyState; pid: null }
  | {
      is: "there";
      record: LaunchRecord;
      /** Null also where the state does not depend on it. */
      history: LaunchHistory | null;
      leader: Presence;
      host: Presence;
      /** Its processes, where the leader is gone or was never recorded. */
      tree: readonly TreeMember[];
      /** Its leader was never recorded, and its host is gone. */
      isLost: boolean;
      state: KeyState;
      pid: number | null;
    };

/** `hosts`: those of every record, read only when a tree is. Default: read from the store. */
export function seeKey(
  ground: Pick<Site, "store" | "table" | "root">,
  {
    key,
    hosts = () => recordedHosts(ground.store),
  }: { key: string; hosts?: (() => readonly ProcessIdentity[]) | undefined },
): Seen {
  const { store } = ground;
  const read = store.record(key);
  if (read.is === "there") return seeLaunch(ground, { record: read.value, hosts });
  if (read.is === "unreadable") return seeUnrecorded(ground, { key, read });
  const exit = store.exit(key);
  if (exit.is === "unreadable")
    return { is: "unreadable-exit", read: exit, state: exit.foreign ? "foreign" : "failed", pid: null };
  if (exit.is !== "there") return { is: "nothing", state: null, pid: null };
  const locked = exit.value.reason === "replaced" && isKeyLocked(ground, key);
  // Between the two looks the launch that replaced it may have been recorded.
  if (exit.value.reason === "replaced" && !locked && store.record(key).is !== "absent")
    return seeKey(ground, { key, hosts });
  const gone = { record: null, history: null, leader: "gone", host: "gone", treeFound: false } as const;
  const state = judgeState({ ...gone, exit: exit.value, locked }) as KeyState;
  return { is: "ended", exit: exit.value, state, pid: null };
}

function seeLaunch(
  ground: Pick<Site, "store" | "table" | "root">,
  { record, hosts }: { record: LaunchRecord; hosts: () => readonly ProcessIdentity[] },
): Seen {
  const { store, table } = ground;
  const presence = (identity: LaunchRecord["leader"]): Presence =>
    identity === null ? "gone" : presenceOf(table, identity);
  const leader = presence(record.leader);
  const host = presence(record.host);
  const isLost = record.leader === null && host === "gone" && record.phase !== "backoff";
  const locked = leader === "gone" && isKeyLocked(ground, record.key);
  // A reboot of the machine leaves nothing.
  const isLeft =
    leader === "gone" &&
    record.host.bootId === table.bootId() &&
    (record.phase === "stopping" || record.phase === "running");
  const tree = isLost || isLeft ? findTree(table, queryOf(ground, { record, hosts })).members : [];
  const isNoted = record.probed || record.alive === true || record.watches === true || leader !== "alive";
  const noted = isNoted ? store.history(record.token) : null;
  const history = noted?.is === "there" ? noted.value : null;
  const observed = { record, history, exit: null, leader, host, treeFound: tree.length > 0, locked };
  const pid = leader === "gone" ? (tree[0]?.identity.pid ?? null) : (record.leader?.pid ?? null);
  return { is: "there", record, history, leader, host, tree, isLost, state: judgeState(observed) as KeyState, pid };
}

function seeUnrecorded(
  ground: Pick<Site, "store" | "table" | "root">,
  { key, read }: { key: string; read: Unreadable },
): Seen {
  const found = findTree(ground.table, unrecordedQuery(ground, { key })).members[0];
  return {
    is: "unreadable-record",
    read,
    state: read.foreign ? "foreign" : found === undefined ? "failed" : "running",
    pid: found?.identity.pid ?? null,
    pgid: found?.pgid ?? null,
  };
}
