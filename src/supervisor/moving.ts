/** The ground of a host, which lives as long as its launch: when the project's folder is moved meanwhile, the host goes on in the new place. */
import { openStore } from "../state/store.ts";
import { followDirectory } from "../sys/follow.ts";
import type { Ground } from "./types.ts";

/** Where a path of the project is by now, for a launch that was started with `env`, in case that the folder was moved under it. */
export function movedWith({ root }: Ground, env: Record<string, string>): (path: string) => string {
  const from = env.DIALTONE_ROOT ?? root;
  if (from === root) return (path) => path;
  return (path) => (path === from || path.startsWith(`${from}/`) ? root + path.slice(from.length) : path);
}

export function makeMoving(ground: Ground): Ground {
  const { root, cache, store, home, table } = ground;
  const now = followDirectory(root);
  const moved = (path: string) => (path.startsWith(`${root}/`) ? now() + path.slice(root.length) : path);
  const { directory } = store;
  const followed = openStore({ home, table, directory: () => moved(directory) });
  return {
    ...ground,
    store: followed,
    get root() {
      return now();
    },
    get cache() {
      return moved(cache);
    },
  };
}
