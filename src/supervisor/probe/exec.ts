/**
 * One attempt at an `exec` probe. It is over when its program ends, its time is up or the launch ends, and nothing that
 * it started outlives it: otherwise a program that hangs would leave one more process at each attempt. So a probe runs
 * in a session of its own, with a lineage of its own (sys/process/lineage.ts) and a mark in its environment, and what
 * it leaves behind is killed: its descendants, its session and groups, and every process with its lineage or mark. To a
 * stop of the launch, with or without the host, the probe is part of the launch. Left alone are names in `stop.spare`
 * (a server that a probe merely woke) and hosts with their launches.
 *
 * Attempts come several times a second, and a machine may have thousands of processes. So an attempt looks only at pids
 * that appeared since it began.
 *
 * Known limits: a pid that another process had when the attempt began, and that is reused during it, is passed over.
 * Where there is no lineage, a process that daemonises and also clears its environment before the probe is over shows
 * no trace of its origin. The host inherits it, and it is ended with the launch.
 */
import type { ResolvedProbe } from "../../manifest/model/resolved.ts";
import type { LaunchRecord } from "../../state/types.ts";
import {
  identify,
  isOver,
  type ProcessEntry,
  type ProcessIdentity,
  type ProcessTable,
} from "../../sys/process/identity.ts";
import { lineageFor, MOST_GUESTS } from "../../sys/process/lineage.ts";
import { spawnProbe } from "../../sys/spawn/spawn.ts";
import { movedWith } from "../ground/moving.ts";
import { PROBE_MARK } from "../launch/marks.ts";
import { isOfAnotherLaunch } from "../tree/evidence.ts";
import { isSpared } from "../tree/spare.ts";
import { killTree } from "../tree/stoptree.ts";
import type { Tree } from "../tree/tree.ts";
import { sleepUnlessAborted } from "./pause.ts";
import type { Attempt, ProbeContext } from "./types.ts";

const SETTLE_MS = 200;
/** How long the end of a killed probe may take to be noticed. */
const END_MS = 500;

export function tryExec(request: ProbeContext, probe: Extract<ResolvedProbe, { type: "exec" }>): Attempt {
  const { record, openFiles, inherits, children, guests, signal, ground } = request;
  const argv = probe.argv as [string, ...string[]];
  return async (limitMs) => {
    const mark = crypto.randomUUID();
    const guest = freeGuest(guests);
    const lineage = guest === null ? undefined : lineageFor(record.token, guest);
    const { cwd, env } = placeOf(request);
    const execution = { argv, cwd, env: { ...env, [PROBE_MARK]: mark }, lineage };
    const before = new Set(ground.table.pids());
    const child = spawnProbe(execution, { openFiles, inherits, detached: true });
    if ("error" in child) return child.error;
    if (guest !== null) guests.add(guest);
    before.delete(child.pid);
    const started: Started = { pid: child.pid, identity: identityOf(ground.table, child.pid), mark, lineage, before };
    children.add(child.pid);
    const over = Promise.withResolvers<null>();
    const giveUp = () => over.resolve(null);
    const timer = setTimeout(giveUp, limitMs);
    signal.addEventListener("abort", giveUp);
    if (signal.aborted) giveUp();
    try {
      const code = await Promise.race([child.exited, over.promise]);
      await endProbe(ground.table, { record, started, settling: code === null ? null : signal });
      // A process that the kernel does not end at once (another user's, one on a dead disk) is not waited for.
      await Promise.race([child.exited, Bun.sleep(END_MS)]);
      if (code === 0) return null;
      return `\`${argv.join(" ")}\` ${code === null ? `did not end within ${Math.round(limitMs)}ms` : `ended with ${code}`}`;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
      children.delete(child.pid);
      if (guest !== null) guests.delete(guest);
    }
  };
}

/** The launch's own directory and environment, adjusted to where the project is now. */
function placeOf({ ground, record, env }: ProbeContext): { cwd: string; env: Record<string, string> } {
  const moved = movedWith(ground, env);
  const cwd = moved(record.cwd);
  if (cwd === record.cwd) return { cwd, env };
  const { PATH = "" } = env;
  return { cwd, env: { ...env, DIALTONE_ROOT: ground.root, PWD: cwd, PATH: PATH.split(":").map(moved).join(":") } };
}

interface Started {
  pid: number;
  /** Null when it ended before its identity could be read. */
  identity: ProcessIdentity | null;
  mark: string;
  /** Undefined: the lineage of the launch itself. */
  lineage: bigint | null | undefined;
  /** The pids that existed before it. */
  before: ReadonlySet<number>;
}

function freeGuest(guests: ReadonlySet<number>): number | null {
  for (let guest = 1; guest <= MOST_GUESTS; guest++) if (!guests.has(guest)) return guest;
  return null;
}

function identityOf(table: ProcessTable, pid: number): ProcessIdentity | null {
  const entry = table.entry(pid);
  return entry === null ? null : identify(table, entry);
}

/**
 * `settling`: the program ended by itself, so what it left gets a moment to end too, or to become the program that it
 * is named after.
 */
async function endProbe(
  table: ProcessTable,
  { record, started, settling }: { record: LaunchRecord; started: Started; settling: AbortSignal | null },
): Promise<void> {
  const known = new Set<string>();
  const look = (): Tree => {
    const found = findLeft(table, { record, started, known });
    // Once its parent is killed, nothing else may identify a child.
    for (const entry of found) known.add(nameOf(entry));
    const members = found.map((entry) => ({ ...entry, identity: identify(table, entry) }));
    return { members, candidates: [], passedOver: [] };
  };
  if (look().members.length === 0) {
    // If one process ends while its child begins, a single look sees neither.
    await Bun.sleep(1);
    if (look().members.length === 0) return;
  }
  if (settling !== null) await sleepUnlessAborted(SETTLE_MS, settling);
  if (look().members.length > 0) await killTree(table, async () => look());
}

function nameOf({ pid, startTime }: ProcessEntry): string {
  return `${pid}/${startTime}`;
}

function findLeft(
  table: ProcessTable,
  {
    record,
    started: { pid, identity, mark, lineage, before },
    known,
  }: { record: LaunchRecord; started: Started; known: ReadonlySet<string> },
): ProcessEntry[] {
  const oldest = Number(identity?.startTime ?? 0);
  const entries = table
    .pids()
    .flatMap((one) => (before.has(one) || one === process.pid ? [] : (table.entry(one) ?? [])))
    .filter((entry) => !isOver(entry) && Number(entry.startTime) >= oldest);
  const now = table.entry(pid);
  // The pid may be another process's by now; its session is then another one too.
  const isReused = now !== null && now.startTime !== identity?.startTime;
  const isOfLineage = (entry: ProcessEntry) => typeof lineage === "bigint" && table.lineageOf(entry.pid) === lineage;
  const isLeftOut = (entry: ProcessEntry) =>
    isOfAnotherLaunch(table, { entry, launch: { token: record.token, host: record.host, otherHosts: () => [] } }) ||
    isSpared(table, { entry, names: record.stop.spare });
  const isOf = (entry: ProcessEntry) =>
    known.has(nameOf(entry)) ||
    (!isReused && (entry.pid === pid || entry.sid === pid || entry.pgid === pid)) ||
    isOfLineage(entry) ||
    table.environmentOf(entry.pid, PROBE_MARK) === mark;

  const children = Map.groupBy(entries, (entry) => entry.ppid);
  const found = withAllBelow(entries.filter(isOf), children);
  const leftOut = withAllBelow([...found].filter(isLeftOut), children);
  return [...found].filter((entry) => !leftOut.has(entry));
}

function withAllBelow(entries: ProcessEntry[], children: Map<number, ProcessEntry[]>): Set<ProcessEntry> {
  const found = new Set(entries);
  // Entries added during the iteration are visited too.
  for (const { pid } of found) for (const child of children.get(pid) ?? []) found.add(child);
  return found;
}
