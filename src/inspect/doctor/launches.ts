/** Records against the kernel: what runs without a host, what was cut off, what cannot be read. */
import type { Asker, LaunchRecord } from "../../state/types.ts";
import { endLaunch } from "../../supervisor/end/end.ts";
import { lockKey } from "../../supervisor/launch/lock.ts";
import type { Ground } from "../../supervisor/launch/types.ts";
import { queryOf, unrecordedQuery } from "../../supervisor/tree/query.ts";
import { findTree } from "../../supervisor/tree/tree.ts";
import { presenceOf } from "../../sys/process/identity.ts";
import { showWord } from "../../sys/text/shell.ts";
import { FIX, makeFinding } from "./finding.ts";
import type { Finding, Repaired } from "./types.ts";

/** A repair gives way to another dt that is changing the key. */
const LOCK_WAIT_MS = 2000;

export function checkLaunches(ground: Ground, by: Asker): Finding[] {
  const { store } = ground;
  const findings: Finding[] = [];
  let well = 0;
  for (const key of store.keys()) {
    const record = store.record(key);
    // An ended launch has no record, but its exit may be foreign, for instance one that an earlier dt wrote.
    const last = record.is === "absent" ? store.exit(key) : record;
    if (last.is === "unreadable" && last.foreign === true)
      findings.push(
        checkForeign(key, { path: store.path(key, last === record ? "record" : "exit"), reason: last.reason }),
      );
    else if (record.is === "unreadable") findings.push(checkUnreadable(ground, { key, reason: record.reason }));
    if (record.is !== "there") continue;
    const found = checkRecord(ground, { record: record.value, by });
    if (found === null) well++;
    else findings.push(found);
  }
  if (well === 0 && findings.length > 0) return findings;
  const summary = well === 0 ? "Nothing runs here." : `${well} of ${well + findings.length} launches are as recorded.`;
  return [makeFinding("launch", { level: "fine", text: summary }), ...findings];
}

/** Null when all is as recorded. */
function checkRecord(ground: Ground, { record, by }: { record: LaunchRecord; by: Asker }): Finding | null {
  const { table } = ground;
  const { key } = record;
  const host = presenceOf(table, record.host);
  const leader = record.leader === null ? "gone" : presenceOf(table, record.leader);
  if (host === "unknown" || leader === "unknown") {
    const text = `${key} was started in another pid namespace (a container that mounts this directory?): dt cannot judge it from here, and never signals it.`;
    return makeFinding("launch", { level: "note", text, key, hint: "Check it, and stop it, where it was started." });
  }
  if (host === "alive") return null;
  if (leader === "alive") {
    const text = `${key} is running (pid ${record.leader?.pid}), but its host (pid ${record.host.pid}) is gone: nothing will restart it, keep its log small or see how it ends.`;
    return makeFinding("launch", { level: "attention", text, key, hint: `dt restart ${key}` });
  }
  const members = findTree(table, queryOf(ground, { record })).members;
  if (members.length > 0) {
    const pids = members.map((one) => one.identity.pid);
    const text = `${key} has lost its leader and its host, but ${pids.length === 1 ? "one of its processes still runs" : "some of its processes still run"} (pid ${pids.join(", ")}).`;
    return makeFinding("record", { level: "attention", text, key, hint: `dt stop ${key}`, details: { pids } });
  }
  return makeFinding("record", {
    level: "attention",
    text: `${key} ${cutOff(record)}, and none of its processes is left.`,
    key,
    hint: FIX,
    details: { phase: record.phase, since: record.startedAt },
    repair: () => finish(ground, { record, by }),
  });
}

function cutOff(record: LaunchRecord): string {
  switch (record.phase) {
    case "starting":
      return "was being started when its host ended";
    case "stopping":
      return `was being stopped when the process that did so (pid ${record.stopping?.by.pid}) ended`;
    case "backoff":
      return "was waiting for its policy to restart it, but its host is gone";
    case "running":
      return "ended while its host was gone";
  }
}

/**
 * Does what the next start or stop would do: writes the exit and removes the record. Signals only what appeared
 * meanwhile.
 */
async function finish(ground: Ground, { record, by }: { record: LaunchRecord; by: Asker }): Promise<Repaired> {
  const { store } = ground;
  const { key } = record;
  const lock = await lockKey(ground, {
    key,
    doing: "doctor",
    command: by.command,
    timeoutMs: LOCK_WAIT_MS,
  });
  try {
    const now = store.record(key);
    if (now.is !== "there" || now.value.token !== record.token)
      return { done: true, text: `another dt has dealt with ${key} meanwhile` };
    await endLaunch(ground, { record: now.value, how: "sweep", by });
    return { done: true, text: `cleared what ${key} left` };
  } finally {
    lock.release();
  }
}

function checkForeign(key: string, { path, reason }: { path: string; reason: string }): Finding {
  return makeFinding("record", {
    level: "note",
    text: `${key} is foreign: ${path} ${reason.startsWith("not ") ? "was" : "is"} ${reason}; dt ignores it.`,
    key,
    details: { path },
    hint: `The next start sets the file aside. If you do not need it: rm ${showWord(path)}`,
  });
}

function checkUnreadable(ground: Ground, { key, reason }: { key: string; reason: string }): Finding {
  const path = ground.store.path(key, "record");
  const members = findTree(ground.table, unrecordedQuery(ground, { key })).members;
  const pids = members.map((one) => one.identity.pid);
  const found = pids.length === 0 ? "no process of it was found" : `its processes were found (pid ${pids.join(", ")})`;
  return makeFinding("record", {
    level: "attention",
    text: `${path} cannot be read (${reason}); ${found}.`,
    key,
    details: { path, pids },
    // Only the user decides to stop what runs.
    hint: `dt stop ${key}`,
  });
}
