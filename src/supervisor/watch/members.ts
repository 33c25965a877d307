/**
 * Notes on disk those processes of a launch that could not be recognised without its host: those that lost their parent
 * and fell to the host (a subreaper), and those below the leader with neither the launch's token nor its lineage. So
 * they are found even if the host was killed and the leader has ended. An ordinary launch has no such processes, and
 * nothing is written.
 *
 * Known limit: without lineage, a process that clears its environment and leaves its parent after the host was killed
 * is not noted.
 */
import { identify, isOver, type ProcessEntry, presenceOf } from "../../sys/process/identity.ts";
import type { Ground } from "../launch/types.ts";
import { writeHistory } from "../run/notes.ts";
import type { Host, HostedRun } from "../run/types.ts";
import { isMarked, isOfAnotherLaunch } from "../tree/evidence.ts";
import type { Launched } from "../tree/query.ts";
import { liveOrphans } from "./orphans.ts";

/** In milliseconds. A process that lives shorter than this may be missed; one that matters to a stop lives longer. */
const LOOK_EVERY_MS = 500;

export function watchMembers({ ground, control }: Host, run: HostedRun): void {
  const isHidden = makeIsHidden(ground, run);
  // A process that fell to an earlier host does not fall to this one.
  const earlier = run.history.adopted;
  const look = () => {
    const noted = new Set(run.history.adopted.map(nameOf));
    // A process that was seen below the leader before belongs to the launch, even where an orphan may be a stranger.
    const orphans = liveOrphans(ground, (pid) => pid === run.leader.pid || control.children.has(pid)).filter(
      (entry) =>
        ground.bystanders !== true || noted.has(nameOf(entry)) || isMarked(ground.table, { entry, launch: run.record }),
    );
    const hidden = below(ground, { roots: [run.leader.pid, ...orphans.map((one) => one.pid)], judge: isHidden });
    const found = [
      ...[...orphans, ...hidden].map((entry) => identify(ground.table, entry)),
      ...earlier.filter((one) => presenceOf(ground.table, one) === "alive"),
    ];
    if (found.some((one) => !noted.has(nameOf(one)))) writeHistory(ground, { run, change: { adopted: found } });
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  run.over.signal.addEventListener("abort", () => clearInterval(timer));
}

function nameOf({ pid, startTime }: { pid: number; startTime: string }): string {
  return `${pid}/${startTime}`;
}

type Verdict = "hidden" | "plain" | "foreign";

/** The hidden descendants of `roots`. Processes below one of another launch are not looked at. */
export function below(
  { table }: Ground,
  { roots, judge }: { roots: number[]; judge: (entry: ProcessEntry) => Verdict },
): ProcessEntry[] {
  const hidden: ProcessEntry[] = [];
  const waiting = roots.flatMap((pid) => table.childrenOf(pid));
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    const entry = table.entry(pid);
    if (entry === null || isOver(entry)) continue;
    const verdict = judge(entry);
    if (verdict === "foreign") continue;
    if (verdict === "hidden") hidden.push(entry);
    waiting.push(...table.childrenOf(pid));
  }
  return hidden;
}

/** Judges each program once: an environment is read again only when a process has become another program (`exec`). */
export function makeIsHidden({ table }: Ground, { record }: HostedRun): (entry: ProcessEntry) => Verdict {
  const launched: Launched = { token: record.token, host: record.host, otherHosts: () => [] };
  const judged = new Map<string, Verdict>();
  return (entry) => {
    const who = `${entry.pid}/${entry.startTime}/${entry.comm}`;
    const before = judged.get(who);
    if (before !== undefined) return before;
    const verdict = isOfAnotherLaunch(table, { entry, launch: launched })
      ? "foreign"
      : isMarked(table, { entry, launch: record })
        ? "plain"
        : "hidden";
    if (judged.size > MOST_JUDGED) judged.clear();
    judged.set(who, verdict);
    return verdict;
  };
}

/** A build that starts programs by the thousand must not grow its host. */
const MOST_JUDGED = 1000;
