/**
 * A project folder that was moved while something ran in it: its files are this user's still, and what they say of paths below the old place
 * is said of the new one.
 */
const RUN = "/.dialtone/run";

interface Placed {
  log: string;
  root?: string;
  cwd: string;
}

/** Where a path is when what is at `from` was moved `to`; a path elsewhere is where it was. */
export function movePath(path: string, from: string, to: string): string {
  return path === from || path.startsWith(`${from}/`) ? to + path.slice(from.length) : path;
}

/** `movedFrom`: the run directory when this was written, null when it is where it was. A run directory elsewhere than in its root says nothing of the root. */
export function rebase<T extends Placed>(value: T, movedFrom: string | null, directory: string): T {
  if (movedFrom === null) return value;
  const ofRoot = movedFrom.endsWith(RUN) && directory.endsWith(RUN);
  const [from, to] = ofRoot
    ? [movedFrom.slice(0, -RUN.length), directory.slice(0, -RUN.length)]
    : [movedFrom, directory];
  const move = (path: string) => movePath(path, from, to);
  return {
    ...value,
    log: move(value.log),
    cwd: move(value.cwd),
    ...(value.root === undefined ? {} : { root: move(value.root) }),
  };
}
