/**
 * Gives another host to a launch whose own is gone, under the key's lock. What it finds, and what then happens:
 *
 *   record      leader    then
 *   ---------   -------   ------------------------------------------------------------------------------------
 *   starting    none      nothing is done: the next start or stop of the key looks for its process
 *   running     alive     this process becomes its host; it runs on, and how it ends is reported as unknown
 *   running     gone      the same; this host finds it ended, sweeps, and the policy decides
 *   stopping    any       nothing is done: the next stop finishes it
 *   backoff     none      this host waits for what is left of the policy's delay
 *   any         terminal  nothing is done: it ended with its host
 *   of another boot       nothing is done: the machine ended it, and what should run again is marked `boot`
 *
 * The restarts of the policy so far are in the record, and still count. Where this host cannot start a run as the
 * launch's asker would (another namespace, say), it serves the run that it finds, and no other.
 *
 * If this host is killed between the new record and anything after it, the launch again has a host that is gone.
 */
import type { LaunchHistory, LaunchRecord } from "../../state/types.ts";
import type { EndStatus } from "../../sys/base/status.ts";
import { ownInheritance, unlikeness } from "../../sys/inherit/inheritance.ts";
import { identifySelf, presenceOf } from "../../sys/process/identity.ts";
import { noteSpec } from "../ground/spec.ts";
import { makeTakenExit } from "../launch/exit.ts";
import { holdOn } from "../launch/holding.ts";
import { lockKey } from "../launch/lock.ts";
import { streakOf } from "../launch/streak.ts";
import type { Ground, LaunchSpec } from "../launch/types.ts";
import { tryClaim } from "../port/claim.ts";
import { prepareCommand } from "../prepare/command.ts";
import { resolveIn } from "../prepare/environment.ts";
import type { PreparedLaunch } from "../prepare/launch.ts";
import { withStack } from "../prepare/stack.ts";
import type { Host, HostedRun } from "../run/types.ts";
import { beginRun } from "./begin.ts";
import type { Finished } from "./onexit.ts";

/** How late the end of a leader that is not this host's child is noticed, in milliseconds. */
const LOOK_EVERY_MS = 200;
const LOCK_TIMEOUT_MS = 10_000;

export interface Adopted {
  run: HostedRun;
  /** Of a launch that waits for its next run; else null. */
  waiting: Extract<Finished, { is: "restart" }> | null;
}

/** Whether there is something to take over. Only looks. */
export function isHostless({ table }: Pick<Ground, "table">, record: LaunchRecord): boolean {
  if (presenceOf(table, record.host) !== "gone" || record.tty === true) return false;
  if (record.host.bootId !== table.bootId()) return false;
  return record.phase === "backoff" || (record.phase === "running" && record.leader !== null);
}

export async function adopt(host: Host, key: string): Promise<Adopted | null> {
  const { ground } = host;
  const { store, table } = ground;
  const lock = await lockKey(ground, {
    key,
    doing: "host again",
    command: `dt (a host for ${key})`,
    timeoutMs: LOCK_TIMEOUT_MS,
  });
  try {
    const read = store.record(key);
    if (read.is !== "there" || !isHostless(ground, read.value)) return null;
    const { shared: _shared, ...before } = read.value;
    const kept = store.readSpec(before.token);
    if (kept.is !== "there") return null; // the dt that started it kept no spec, or the disk was full
    const spec = withUnlike(kept.value as LaunchSpec);
    // The process that asked for another host (the daemon, for example) does not make the root a trusted one.
    if (spec.isStrange === true) ground.isStrange = true;
    const record = holdOn(ground, {
      ...before,
      host: identifySelf(table),
      ...(ground.shared === true ? { shared: true as const } : {}),
    });
    const prepared = preparedOf(ground, { spec, record });
    // First, so that the next host finds it where this one found it, or here: the folder may have been moved.
    noteSpec(ground, { token: record.token, spec });
    store.writeRecord(record);
    const history = store.history(record.token);
    const exited = leaderEnd(ground, record);
    const run = beginRun(host, {
      spec,
      record,
      leader: { pid: record.leader?.pid ?? 0, exited },
      prepared,
      known: history.is === "there" ? history.value : emptyHistory(record),
    });
    const claim = record.port === null ? null : tryClaim(ground, { key, port: record.port });
    if (claim !== null) exited.then(() => claim.release());
    return { run, waiting: record.phase === "backoff" ? waitingOf(ground, { spec, record }) : null };
  } finally {
    lock.release();
  }
}

/** Another host may not be able to start its next run as its asker would. */
function withUnlike({ unlike: _, ...spec }: LaunchSpec): LaunchSpec {
  const own = ownInheritance();
  const unlike = spec.inherits === undefined || own === null ? null : unlikeness(spec.inherits, own);
  return unlike === null ? spec : { ...spec, unlike };
}

/** The leader is not this host's child. So its end is looked for, and how it ended stays unknown. */
function leaderEnd({ table }: Ground, { leader }: LaunchRecord): Promise<EndStatus> {
  const unseen: EndStatus = { code: null, signal: null };
  if (leader === null) return Promise.resolve(unseen);
  return new Promise((resolve) => {
    const look = () => {
      if (presenceOf(table, leader) === "alive") return;
      clearInterval(timer);
      resolve(unseen);
    };
    const timer = setInterval(look, LOOK_EVERY_MS);
    look();
  });
}

function emptyHistory({ token, probed }: LaunchRecord): LaunchHistory {
  return { version: 1, token, ready: probed ? { is: "waiting" } : null, exited: null, adopted: [] };
}

/** The launch as it was prepared then, for its probes and for the runs that follow. Nothing is chosen again. */
function preparedOf(ground: Ground, { spec, record }: { spec: LaunchSpec; record: LaunchRecord }): PreparedLaunch {
  const { settings, key } = spec;
  const { compose } = settings;
  const { token, port } = record;
  const { environment } = prepareCommand({
    ground,
    settings: compose === null ? settings : withStack(ground.root, { key, settings, compose }),
    run: settings.run,
    args: spec.args,
    inherited: spec.env,
    launch: { key, token, port, tty: settings.tty },
    needs: settings.needs,
    isStrange: spec.isStrange,
  });
  return {
    argv: record.argv as [string, ...string[]],
    cwd: resolveIn(ground.root, record.cwd),
    environment,
    token,
    stack:
      record.stack === undefined
        ? null
        : { up: record.argv as [string, ...string[]], record: record.stack, kept: null, given: null, shown: null },
    port,
    claim: null,
    url: record.url,
    log: record.log,
    ownLog: settings.log === null,
    specHash: record.specHash,
  };
}

function waitingOf(
  { store }: Ground,
  { spec, record }: { spec: LaunchSpec; record: LaunchRecord },
): NonNullable<Adopted["waiting"]> {
  const last = store.exit(record.key);
  const { because = "", nextAt = "", inRow = 1 } = record.backoff ?? {};
  const unseen = {
    ...makeTakenExit(record, { by: record.startedBy, status: { code: null, signal: null } }),
    text: because,
  };
  return {
    is: "restart",
    afterMs: Math.max(0, (Date.parse(nextAt) || 0) - Date.now()),
    streak: record.tries === undefined ? { inRow, at: [] } : streakOf(record),
    asker: {
      by: "policy",
      pid: record.host.pid,
      command: `restart: "${spec.settings.restart.policy}" in the manifest`,
      because: `it ${because}`,
    },
    exit: last.is === "there" ? last.value : { ...unseen, reason: "unknown" },
  };
}
