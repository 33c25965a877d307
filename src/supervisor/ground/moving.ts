/**
 * The ground of a host, which lives as long as its launch. When the project's folder is moved meanwhile, the host
 * continues in the new place.
 */
import { movePath } from "../../state/moved.ts";
import { openStore } from "../../state/store.ts";
import { type Followed, followDirectory } from "../../sys/files/follow.ts";
import type { Ground } from "../launch/types.ts";

/** Where a path of the project is now, for a launch that was started with `env`, in case the folder was moved since. */
export function movedWith({ root }: Ground, env: Record<string, string>): (path: string) => string {
  return (path) => movePath(path, { from: env.DIALTONE_ROOT ?? root, to: root });
}

/** `followed`: the root's folder, where this process follows it already. */
export function makeMoving(ground: Ground, followed: Followed = followDirectory(ground.root)): Ground {
  const { root, cache, store, home, table } = ground;
  const { now } = followed;
  const moved = (path: string) => movePath(path, { from: root, to: now() });
  const { directory } = store;
  const movedStore = openStore({ home, table, directory: () => moved(directory) });
  return {
    ...ground,
    store: movedStore,
    get root() {
      return now();
    },
    get cache() {
      return moved(cache);
    },
  };
}
