/**
 * From paths that were seen to change to the queue: each is compared with what is known of it, named after its
 * target, and queued under that name. No path is lost: what cannot be looked at or named now is looked at again.
 */
import { relative } from "node:path";
import { refuseChangedIn } from "../supervisor/ground/ground.ts";
import { messageOf } from "../sys/base/error.ts";
import type { Changes } from "./snapshot.ts";
import { nameTargets } from "./target.ts";
import { isFolderHere, type WatchState } from "./watchstate.ts";

const AGAIN_MS = 5000;

export async function queueChanges(state: WatchState, files: readonly string[]): Promise<void> {
  const { away, known, saver } = state;
  for (const file of files) away.add(file);
  if (!isFolderHere(state)) return;
  const all = [...away];
  away.clear();
  const changed = await known.changed(all);
  if (changed.size === 0) return saver.soon();
  try {
    await queueNamed(state, changed);
  } catch (error) {
    nameAgain(state, { changed, why: messageOf(error) });
  }
}

async function queueNamed(state: WatchState, changed: Changes): Promise<void> {
  const { options, target, known, loops, queue, absolute } = state;
  const { world, root } = options;
  const paths = [...changed.keys()].map((file) => {
    const path = namedPath(root, file);
    absolute.set(path, file);
    return path;
  });
  const asking = { root, env: world.env, check: (file: string) => refuseChangedIn(world, { root, file }) };
  for (const { path, target: name } of await nameTargets(target, { paths, ...asking })) {
    const file = absolute.get(path) as string;
    // It belongs to no target: known as it is now, so that it is not asked about again.
    if (name === null) known.settle(new Map([[file, changed.get(file) ?? null]]));
    else {
      loops.heard(path);
      queue.add(name, path);
    }
  }
}

function namedPath(root: string, file: string): string {
  const local = relative(root, file);
  return local.startsWith("..") ? file : local;
}

/** The manifest that names targets may be in the middle of an edit. The same fault is said once. */
function nameAgain(state: WatchState, { changed, why }: { changed: Changes; why: string }): void {
  const { options, facts, inbox } = state;
  if (why !== state.refused) options.log("error", why, facts);
  state.refused = why;
  state.again = setTimeout(() => {
    for (const file of changed.keys()) inbox.add(file);
  }, AGAIN_MS);
}
