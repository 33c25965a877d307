/**
 * Handles a project folder that was moved while something ran in it. Its files are still this user's, and paths below
 * the old place are read as paths below the new one.
 */
const RUN = "/.dialtone/run";

interface Placed {
  log: string;
  root?: string;
  cwd: string;
}

/** Where a path leads after `from` was moved to `to`; a path elsewhere is unchanged. */
export function movePath(path: string, { from, to }: { from: string; to: string }): string {
  return path === from || path.startsWith(`${from}/`) ? to + path.slice(from.length) : path;
}

/**
 * `movedFrom`: the run directory when this was written, null when it has not moved. A run directory outside its root
 * says nothing about where the root is.
 */
export function rebase<T extends Placed>(
  value: T,
  { movedFrom, directory }: { movedFrom: string | null; directory: string },
): T {
  if (movedFrom === null) return value;
  const ofRoot = movedFrom.endsWith(RUN) && directory.endsWith(RUN);
  const [from, to] = ofRoot
    ? [movedFrom.slice(0, -RUN.length), directory.slice(0, -RUN.length)]
    : [movedFrom, directory];
  const move = (path: string) => movePath(path, { from, to });
  return {
    ...value,
    log: move(value.log),
    cwd: move(value.cwd),
    ...(value.root === undefined ? {} : { root: move(value.root) }),
  };
}
