/**
 * Gives a launch whose host is gone another one, and finishes a stop that was cut off. The records of a root are read
 * again only when its run directory changed; otherwise a look just asks the kernel whether the known hosts live.
 */
import type { Log } from "../jobs/types.ts";
import type { LaunchRecord } from "../state/types.ts";
import { askAdopting } from "../supervisor/callers/caller.ts";
import { groundOf, type World } from "../supervisor/ground/ground.ts";
import { isHostless } from "../supervisor/host/adopt.ts";
import { keyHolder } from "../supervisor/launch/lock.ts";
import type { Ground } from "../supervisor/launch/types.ts";
import { messageOf } from "../sys/base/error.ts";
import { statOf } from "../sys/base/stat.ts";
import { presenceOf } from "../sys/process/identity.ts";
import type { Dt } from "./dt.ts";

/**
 * A process that was asked to host, or to finish a stop, has this long before another one is asked: the first time,
 * and at most. It doubles each time.
 */
const AGAIN_MS = 1000;
const AGAIN_MOST_MS = 15_000;
const STOP_LIMIT_MS = 120_000;

interface Known {
  ground: Ground;
  mark: string;
  records: LaunchRecord[];
}

export interface Keeper {
  /** One look at all of these roots. */
  look(roots: readonly string[]): void;
}

export function makeKeeper(world: World, { dt, log }: { dt: Dt; log: Log }): Keeper {
  const known = new Map<string, Known>();
  const once = makeOnce();
  const said = new Set<string>();

  function look(roots: readonly string[]): void {
    for (const root of known.keys()) if (!roots.includes(root)) known.delete(root);
    for (const root of roots) {
      try {
        lookInto(root);
      } catch (error) {
        const text = `${root} is left out: ${messageOf(error)}`;
        if (!said.has(text)) log("warn", text);
        said.add(text);
      }
    }
  }

  function lookInto(root: string): void {
    const found = known.get(root) ?? { ground: groundOf(world, root), mark: "", records: [] };
    const stat = statOf(found.ground.store.directory);
    const mark = stat === undefined ? "-" : `${stat.ino} ${stat.mtimeMs}`;
    if (mark !== found.mark) found.records = readRecords(found.ground);
    known.set(root, { ...found, mark });
    const left: LaunchRecord[] = [];
    // One host serves many launches.
    const living = new Set<string>();
    for (const record of found.records) {
      const who = `${record.host.pid} ${record.host.startTime}`;
      if (!living.has(who) && presenceOf(found.ground.table, record.host) === "alive") living.add(who);
      if (living.has(who)) continue;
      if (isHostless(found.ground, record)) once(record, () => left.push(record));
      else if (isCutOff(found.ground, record)) once(record, () => finish(root, record));
    }
    if (left.length > 0) host(found.ground, left);
  }

  function host(ground: Ground, records: readonly LaunchRecord[]): void {
    const { root } = ground;
    for (const { key, host } of records)
      log("info", "a launch whose host is gone gets another one", { root, key, host: host.pid });
    askAdopting(ground, world.env).catch((error) =>
      log("error", `no host could be started: ${messageOf(error)}`, { root }),
    );
  }

  function finish(root: string, { key }: LaunchRecord): void {
    log("info", "a stop that was cut off is finished", { root, key });
    void dt
      .run(["stop", key], { root, limitMs: STOP_LIMIT_MS })
      .then(({ code, stderr }) => {
        if (code !== 0) log("warn", `the stop ended with ${code}: ${stderr.trim()}`, { root, key });
      })
      .catch((error) => log("error", messageOf(error), { root, key }));
  }

  return { look };
}

/** Acts once, and again later if the record stays as it is. */
function makeOnce() {
  const asked = new Map<string, { at: number; againMs: number }>();
  return ({ token, phase, host }: LaunchRecord, act: () => void): void => {
    const who = `${token} ${phase} ${host.pid} ${host.startTime}`;
    const now = performance.now();
    const before = asked.get(who);
    if (before !== undefined && now - before.at < before.againMs) return;
    const againMs = before === undefined ? AGAIN_MS : Math.min(2 * before.againMs, AGAIN_MOST_MS);
    asked.set(who, { at: now, againMs });
    for (const [one, { at }] of asked) if (now - at > 10 * AGAIN_MOST_MS) asked.delete(one);
    act();
  };
}

function readRecords({ store }: Ground): LaunchRecord[] {
  return store.keys().flatMap((key) => {
    const read = store.record(key);
    return read.is === "there" ? [read.value] : [];
  });
}

/**
 * The process that stopped it is gone, and so is its host: without the daemon it would stay like this until the next
 * start or stop.
 */
function isCutOff({ store, table }: Ground, { key, phase, host }: LaunchRecord): boolean {
  if (phase !== "stopping" || presenceOf(table, host) !== "gone") return false;
  const holder = keyHolder({ store }, key);
  return holder.is !== "there" || presenceOf(table, holder.value.holder) === "gone";
}
