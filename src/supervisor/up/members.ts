/**
 * What watchmembers.ts is for one launch, for a host of many: what fell to it is told apart by token and by log. Of what shows neither it
 * is said once that it belongs to one of them, and nobody stops it.
 */
import { identify, isOver, type ProcessEntry } from "../../sys/identity.ts";
import { libc } from "../../sys/libc.ts";
import { writeHistory } from "../notes.ts";
import type { Ground, Run } from "../types.ts";
import { below, makeIsHidden } from "../watchmembers.ts";

const LOOK_EVERY_MS = 500;
const WNOHANG = 1;

interface Watched {
  run: Run;
  probes: ReadonlySet<number>;
  isHidden: ReturnType<typeof makeIsHidden>;
}

/** `tasks`: pids of one-shots that run within this host. */
export function watchManyMembers(
  ground: Ground,
  tasks: ReadonlySet<number>,
  onStray: (text: string) => void,
): NonNullable<Ground["many"]> {
  const watched = new Set<Watched>();
  const told = new Set<string>();
  let timer: ReturnType<typeof setInterval> | null = null;

  function look(): void {
    const orphans = liveOrphans(ground, watched, tasks);
    const byRun = Map.groupBy(orphans, (entry) => ownerOf(ground, watched, entry));
    for (const entry of byRun.get(null) ?? []) {
      const who = `${entry.pid}/${entry.startTime}`;
      if (!told.has(who))
        onStray(
          `pid ${entry.pid} (${ground.table.commandLineOf(entry.pid)}) lost its parent and says not of which launch it is: no stop of one of them ends it`,
        );
      told.add(who);
    }
    for (const one of watched) note(ground, one, byRun.get(one) ?? []);
  }

  return {
    watchMembers(run, probes) {
      const one: Watched = { run, probes, isHidden: makeIsHidden(ground, run) };
      watched.add(one);
      timer ??= setInterval(look, LOOK_EVERY_MS);
      run.over.signal.addEventListener("abort", () => {
        watched.delete(one);
        if (watched.size > 0 || timer === null) return;
        clearInterval(timer);
        timer = null;
      });
    },
  };
}

function note(ground: Ground, { run, isHidden }: Watched, orphans: readonly ProcessEntry[]): void {
  const hidden = below(ground, [run.leader.pid, ...orphans.map((one) => one.pid)], isHidden);
  const found = [...orphans, ...hidden].map((entry) => identify(ground.table, entry));
  const known = new Set(run.history.adopted.map((one) => `${one.pid}/${one.startTime}`));
  if (found.some((one) => !known.has(`${one.pid}/${one.startTime}`))) writeHistory(ground, run, { adopted: found });
}

/** What has ended is reaped here, since Bun reaps only what Bun spawned. */
function liveOrphans({ table }: Ground, watched: ReadonlySet<Watched>, tasks: ReadonlySet<number>): ProcessEntry[] {
  const own = new Set(tasks);
  for (const { run, probes } of watched) {
    own.add(run.leader.pid);
    for (const pid of probes) own.add(pid);
  }
  return table.childrenOf(process.pid).flatMap((pid) => {
    const entry = own.has(pid) ? null : table.entry(pid);
    if (entry === null) return [];
    if (isOver(entry)) libc().waitpid(pid, null, WNOHANG);
    return isOver(entry) ? [] : [entry];
  });
}

function ownerOf({ table }: Ground, watched: ReadonlySet<Watched>, { pid }: ProcessEntry): Watched | null {
  const token = table.environmentOf(pid, "DIALTONE_TOKEN");
  for (const one of watched) if (one.run.record.token === token) return one;
  for (const one of watched) {
    const { logFile } = one.run.record;
    if (logFile !== null && table.isWriting(pid, logFile) === true) return one;
  }
  return null;
}
