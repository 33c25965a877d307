/**
 * Opens one watch of the files that restart a launch, from the patterns of its settings to batches of changes. Loaded
 * only where files are declared.
 */
import type { ResolvedRestartOn } from "../../manifest/model/resolved.ts";
import { LONGEST, makeBatches, TIMERS } from "../../sys/watch/batch.ts";
import { makeContents } from "../../sys/watch/contents.ts";
import { describeUnmatched, watchTrees } from "../../sys/watch/trees.ts";
import { declaredLogs } from "../prepare/declaredlogs.ts";
import { makeChanges } from "./changes.ts";
import { beginRounds, type FileState, type FileWatch, noteFiles } from "./filestate.ts";
import { makeRounds } from "./rounds.ts";

/** `onMoved`: called when the project's folder was moved as a whole, so that this watch no longer sees its files. */
export async function openFiles(
  state: FileState,
  { on, log, onMoved }: { on: ResolvedRestartOn; log: string; onMoved: () => void },
): Promise<FileWatch> {
  const { ground } = state.host;
  const { root } = ground;
  const { moved } = state;
  state.moved = null;
  const leaveOut = leftOut(state, log);
  const rounds = makeRounds();
  const contents = moved?.contents ?? makeContents(Date.now);
  const changes = makeChanges(state, { on, contents, rounds });
  const batches = makeBatches({
    quietMs: on.debounceMs,
    longestMs: on.debounceMs * LONGEST,
    async work(paths, since) {
      if (ground.root === root) return changes.work(paths, since);
      state.moved = { contents, paths: contents.moved(root, ground.root) };
      onMoved();
    },
    now: () => performance.now(),
    timers: TIMERS,
  });
  state.note = { paths: on.paths, since: new Date().toISOString() };
  const trees = await watchTrees({
    root,
    patterns: on.paths,
    ignore: on.ignore,
    leaveOut: [...leaveOut, ...(await declaredLogs(ground)), ...(ground.home === null ? [] : [ground.home])],
    env: state.run?.spec.env ?? ground.env,
    onChange: batches.add,
    onTrouble: (trouble) => noteFiles(state, { change: { trouble }, text: trouble }),
    onUnmatched: (unmatched) =>
      noteFiles(state, {
        change: { unmatched: [...unmatched] },
        text: unmatched.length === 0 ? undefined : describeUnmatched(unmatched),
      }),
  });
  if (moved === null) void contents.learn(trees.initial);
  const watch = {
    rounds,
    close() {
      for (const one of [trees, batches, contents, changes]) one.close();
    },
  };
  state.current = watch;
  if (state.over.aborted) watch.close();
  if (state.run !== null) beginRounds(rounds, state.run);
  noteFiles(state, { change: { since: new Date().toISOString() } });
  // Through the batches: an edit that comes now must not be compared beside these.
  if (moved !== null) {
    batches.addAll(moved.paths);
    batches.addAll(trees.initial);
  }
  return watch;
}

/** What the launch itself writes: the run directory, its log and the logs of earlier runs. */
function leftOut({ host, run }: FileState, log: string): string[] {
  const earlier = Array.from({ length: run?.spec.settings.logs.keep ?? 0 }, (_, index) => `${log}.${index + 1}`);
  return [host.ground.store.directory, log, ...earlier];
}
