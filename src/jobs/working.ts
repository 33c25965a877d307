/**
 * From the queue to a job: what changed of a target is compared once more, judged for a loop, and worked on; what
 * changed meanwhile is looked at again afterwards.
 */
import { messageOf } from "../sys/base/error.ts";
import type { Judgement } from "./loops.ts";
import type { Work } from "./queue.ts";
import type { Changes } from "./snapshot.ts";
import { isFolderHere, type WatchState } from "./watchstate.ts";

/** A change is heard of at most this much later than it is made. */
const LATE_MS = 30;

/** False when the job failed. */
export async function workOn(state: WatchState, { target: name, paths, isLast }: Work): Promise<boolean> {
  const { absolute, away, known } = state;
  // Compared again now: what was written back meanwhile is no change.
  const files = paths.map((path) => absolute.get(path) ?? path);
  known.drop(files);
  if (!isFolderHere(state)) {
    for (const file of files) away.add(file);
    return true;
  }
  const changed = await known.changed(files);
  const now = paths.filter((_, at) => changed.has(files[at] as string));
  const isNew = (path: string) => !known.knows(absolute.get(path) ?? path);
  const judged = state.loops.judge(name, {
    paths,
    changed: now.map((path) => ({ path, isNew: isNew(path) })),
  });
  if (now.length === 0) return true;
  if (judged.is === "held") {
    hold(state, { name, paths: now, judged });
    return true;
  }
  if (judged.doubt !== undefined) state.options.log("warn", judged.doubt, { ...state.facts, target: name });
  if (judged.afterMs > 0) await Bun.sleep(judged.afterMs);
  return runJob(state, { target: name, paths: now, isLast, changed });
}

async function runJob(
  state: WatchState,
  { changed, target: name, paths, isLast }: { changed: Changes } & Work,
): Promise<boolean> {
  const { options, watch, facts, known, loops, inbox, saver } = state;
  const { root, jobs, log, source } = options;
  loops.began(name);
  try {
    known.begin(changed);
  } catch (error) {
    log("warn", messageOf(error), facts);
  }
  const job = await jobs.run({ root, key: watch.run, kind: "oneshot", target: name, source, paths });
  loops.ended(name);
  // What the job may have seen must be known before it is settled what it saw.
  await Bun.sleep(LATE_MS);
  await inbox.drain();
  saver.soon();
  // Until the next try it stays begun: files that are as this try had them are no change, and wait for the next.
  if (job.state !== "done" && !isLast) return false;
  known.settle(changed);
  // A change between the look and the job was compared with neither.
  for (const file of (await known.changed(changed.keys())).keys()) inbox.add(file);
  return job.state === "done";
}

/** No change is lost by it: after the silence, what all of these paths then are counts. */
function hold(
  state: WatchState,
  {
    name,
    paths,
    judged: { why, silenceMs },
  }: { name: string; paths: readonly string[]; judged: Extract<Judgement, { is: "held" }> },
): void {
  const { options, facts, held, loops, queue } = state;
  if (why !== undefined) options.log("warn", why, { ...facts, target: name });
  const before = held.get(name);
  clearTimeout(before?.timer);
  const all = new Set([...(before?.paths ?? []), ...paths]);
  const timer = setTimeout(() => {
    held.delete(name);
    loops.release(name);
    for (const path of all) queue.add(name, path);
  }, silenceMs);
  held.set(name, { timer, paths: all });
}
