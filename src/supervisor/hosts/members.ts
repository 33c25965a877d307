/**
 * What supervisor/watch/members.ts does for one launch, for a host of many: lineage, token and log tell which launch an
 * orphan belongs to. An orphan that shows none of them is reported once, since no stop ends it.
 */
import { identify, type ProcessEntry } from "../../sys/process/identity.ts";
import type { Ground } from "../launch/types.ts";
import { writeHistory } from "../run/notes.ts";
import type { HostControl, HostedRun } from "../run/types.ts";
import { isMarked } from "../tree/evidence.ts";
import { below, makeIsHidden } from "../watch/members.ts";
import { liveOrphans } from "../watch/orphans.ts";

const LOOK_EVERY_MS = 500;
/**
 * Every so many looks it is also looked for what hides below the leaders. With a lineage, which the launches of such a
 * host have, hardly anything can hide.
 */
const LOOKS_UNTIL_BELOW = 4;

interface Watched {
  ground: Ground;
  run: HostedRun;
  probes: ReadonlySet<number>;
  isHidden: ReturnType<typeof makeIsHidden>;
}

export function watchManyMembers(
  ground: Pick<Ground, "table" | "bystanders">,
  onStray: (text: string) => void,
): NonNullable<HostControl["watchMembers"]> {
  const watched = new Set<Watched>();
  const reported = new Set<string>();
  let timer: ReturnType<typeof setInterval> | null = null;

  let looks = 0;

  function look(): void {
    const isWhole = looks++ % LOOKS_UNTIL_BELOW === 0;
    const own = ownChildren(watched);
    const orphans = liveOrphans(ground, (pid) => own.has(pid));
    const byRun = Map.groupBy(orphans, (entry) => ownerOf(ground, { watched, entry }));
    for (const entry of ground.bystanders === true ? [] : (byRun.get(null) ?? [])) {
      const who = `${entry.pid}/${entry.startTime}`;
      if (!reported.has(who))
        onStray(
          `pid ${entry.pid} (${ground.table.commandLineOf(entry.pid)}) lost its parent, and nothing shows which launch it belongs to: stopping a launch does not end it`,
        );
      reported.add(who);
    }
    for (const one of watched) note({ ...one, orphans: byRun.get(one) ?? [], isWhole });
  }

  return (host, run) => {
    const one: Watched = {
      ground: host.ground,
      run,
      probes: host.control.children,
      isHidden: makeIsHidden(host.ground, run),
    };
    watched.add(one);
    timer ??= setInterval(look, LOOK_EVERY_MS);
    run.over.signal.addEventListener("abort", () => {
      watched.delete(one);
      if (watched.size > 0 || timer === null) return;
      clearInterval(timer);
      timer = null;
    });
  };
}

function note({
  ground,
  run,
  isHidden,
  orphans,
  isWhole,
}: Watched & { orphans: readonly ProcessEntry[]; isWhole: boolean }): void {
  if (orphans.length === 0 && !isWhole) return;
  const hidden = below(ground, { roots: [run.leader.pid, ...orphans.map((one) => one.pid)], judge: isHidden });
  const found = [...orphans, ...hidden].map((entry) => identify(ground.table, entry));
  const known = new Set(run.history.adopted.map((one) => `${one.pid}/${one.startTime}`));
  if (found.some((one) => !known.has(`${one.pid}/${one.startTime}`)))
    writeHistory(ground, { run, change: { adopted: found } });
}

function ownChildren(watched: ReadonlySet<Watched>): ReadonlySet<number> {
  const own = new Set<number>();
  for (const { run, probes } of watched) {
    own.add(run.leader.pid);
    for (const pid of probes) own.add(pid);
  }
  return own;
}

/**
 * `nobody`: it has the lineage of a one-shot that ran in this host. Null: it shows no evidence, and may belong to any
 * process.
 */
function ownerOf(
  { table }: Pick<Ground, "table">,
  { watched, entry }: { watched: ReadonlySet<Watched>; entry: ProcessEntry },
): Watched | "nobody" | null {
  for (const one of watched)
    if (isMarked(table, { entry, launch: one.run.record }) || isNoted(one.run, entry)) return one;
  if (typeof table.lineageOf(entry.pid) === "bigint") return "nobody";
  for (const one of watched) {
    const { logFile } = one.run.record;
    if (logFile !== null && table.shareDescription(logFile, [entry.pid, one.run.leader.pid]) === true) return one;
  }
  return null;
}

/** It was seen below the leader before it lost its parent. */
function isNoted({ history }: HostedRun, { pid, startTime }: ProcessEntry): boolean {
  return history.adopted.some((one) => one.pid === pid && one.startTime === startTime);
}
