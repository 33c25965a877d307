/**
 * Writes a record again that was lost while its launch runs, and ends a launch whose place another launch has taken.
 */
import { existsSync } from "node:fs";
import type { LaunchRecord } from "../../state/types.ts";
import { type Presence, type ProcessIdentity, presenceOf, sameIdentity } from "../../sys/process/identity.ts";
import { noteSpec } from "../ground/spec.ts";
import { holdOn } from "../launch/holding.ts";
import { tryLock } from "../run/lock.ts";
import type { Host, HostedRun } from "../run/types.ts";
import { queryOf } from "../tree/query.ts";
import { stopTree } from "../tree/stoptree.ts";

/** How long a launch may be missing from the list after its run directory was removed, in milliseconds. */
const RECORD_EVERY_MS = 500;
/** Of the presences of a launch's processes, the one that comes first here counts. */
const PRESENCES: readonly Presence[] = ["alive", "unknown", "gone"];
/** How often a foreign record in its place is set aside. */
const MOST_FOREIGN = 3;

/**
 * A stop removes the record only when the tree is gone. So while the leader lives,
 *
 *   the record on disk                  means                                         then
 *   ---------------------------------   -------------------------------------------   ------------------------------
 *   is absent, does not parse, or       it was lost (the directory was removed)       it is written again
 *   is foreign
 *   is of another launch, of which      an older one came back (a backup, a branch,   it is written again
 *   nothing runs                        another machine's; also one of this very
 *                                       host, from before it restarted the launch)
 *   is of another launch, which runs    another start came first and found nothing    this launch is one too many,
 *                                       to replace                                    and ends
 *   is of one that cannot be judged     a container on this directory started it      both run on
 *   from here
 *
 * A root that is gone is not made again.
 */
export function watchRecord(host: Host, run: HostedRun): void {
  const { ground } = host;
  const { store, table } = ground;
  const { key, token, leader } = run.record;
  const another = (): Presence | null => {
    const there = store.record(key);
    if (there.is !== "there") return "gone";
    const { value } = there;
    if (value.token === token) return null;
    const seen = [value.leader, hostOf(value, run.record)].map((one) =>
      one === null ? "gone" : presenceOf(table, one),
    );
    return PRESENCES.find((presence) => seen.includes(presence)) ?? "gone";
  };
  const isLost = () => leader !== null && another() === "gone" && presenceOf(table, leader) === "alive";
  let busy = false;
  let foreign = 0;
  /** The record as it was when it was this launch's. */
  let own = "";
  const look = async () => {
    const stamp = store.recordStamp(key);
    if (run.over.signal.aborted || stamp === own || !existsSync(ground.root)) return;
    const there = store.record(key);
    if (there.is === "there" && there.value.token === token) {
      own = stamp;
      return;
    }
    if (isLost()) {
      // Another user's dt, in a container for example, may serve this key in the same directory. Two that overwrite
      // each other would never end.
      if (there.is === "unreadable" && there.foreign === true && ++foreign > MOST_FOREIGN) return;
      return restoreRecord(host, { run, isLost });
    }
    if (leader !== null && another() === "alive" && presenceOf(table, leader) === "alive")
      await endSuperseded(host, run);
  };
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    look()
      .catch(() => {}) // a full disk, or a directory that cannot be trusted: tried again
      .finally(() => {
        busy = false;
      });
  }, RECORD_EVERY_MS);
  run.over.signal.addEventListener("abort", () => clearInterval(timer));
}

/**
 * The host of another launch, if that launch runs as long as its host lives; else null. This host itself serves only
 * one launch of the key. A host of many lives for other launches too, so it counts only while the leader was never
 * recorded: then it may be starting the launch.
 */
function hostOf({ host, shared, leader }: LaunchRecord, own: LaunchRecord): ProcessIdentity | null {
  return sameIdentity(host, own.host) || (shared === true && leader !== null) ? null : host;
}

async function restoreRecord(
  { ground, report }: Host,
  { run, isLost }: { run: HostedRun; isLost: () => boolean },
): Promise<void> {
  const { store } = ground;
  const { key } = run.record;
  store.prepare();
  const lock = await tryLock(ground, { run, doing: "record again" });
  if (lock === null) return; // another process is changing the launch: checked again later
  try {
    if (run.over.signal.aborted || !isLost()) return;
    if (store.record(key).is === "unreadable") store.setAside(key, "record");
    // Before the record, which makes the launch visible: without its history it would be shown as starting.
    store.writeHistory(run.history);
    noteSpec(ground, { token: run.record.token, spec: run.spec });
    run.record = holdOn(ground, run.record);
    store.writeRecord(run.record);
    const want = store.want(key);
    // An older want came back with the record.
    const isOlder = want.is === "there" && want.value.want === "stopped" && want.value.at < run.record.startedAt;
    if (want.is === "unreadable") store.setAside(key, "want");
    if (want.is !== "there" || isOlder)
      store.writeWant({ version: 1, key, want: "run", at: run.record.startedAt, by: run.record.startedBy });
    report({ is: "note", text: `the record of ${key} was lost while it runs; it is written again` });
  } finally {
    lock.release();
  }
}

async function endSuperseded({ ground, report }: Host, run: HostedRun): Promise<void> {
  const { key, stop } = run.record;
  report({
    is: "note",
    text: `the record of ${key} was removed and another launch has taken its place: ending this one`,
  });
  await stopTree({
    table: ground.table,
    query: queryOf(ground, { record: run.record }),
    signal: stop.signal,
    timeoutMs: stop.timeoutMs,
    wholeTree: true,
  });
}
