/**
 * Watches a directory tree by the state of each directory, not by the kernel's events. An event only says where to look
 * again, so a rename, a directory removed and made again, or one moved in with its files is seen as what it then is. A
 * directory for which the kernel has no watch left is looked at every second; the others are not. After a storm, in
 * which the kernel drops events, everything is looked at once more.
 *
 *   a link to     on the way to what is named        below what is named
 *   -----------   --------------------------------   ----------------------------------------------
 *   a directory   is that directory                  is only a name, so links cannot form a loop
 *   a file        is that file                       is that file: its target is watched as well
 *   nothing       a name, until it leads somewhere   a name, until it leads somewhere
 *
 * When a link leads elsewhere, everything that is named through it has changed.
 */
import { type DirectoriesRequest, type Directory, filesOf, makeDirectory, type TreeState } from "./directory.ts";
import { watchLinks } from "./links.ts";
import { forget, lookInto } from "./look.ts";
import { makePoller } from "./poller.ts";

export interface Directories {
  /** The files that are there. */
  files(): Iterable<string>;
  close(): void;
}

/** At the beginning it looks for this long at a time, so that other work of this process goes on. */
const SLICE_MS = 8;

/** Resolves when every change from then on will be seen. */
export async function watchDirectories(request: DirectoriesRequest): Promise<Directories> {
  const look = (directory: Directory, atAll: boolean) => lookInto(state, { directory, atAll });
  const state: TreeState = {
    request,
    top: makeDirectory(request.from, { identity: "", isFirst: true }),
    first: [],
    links: watchLinks(),
    poller: makePoller((directory) => look(directory, true)),
    told: new Set(),
    spent: request.polls,
    events: 0,
    storm: null,
    closed: false,
    look,
  };
  look(state.top, true);
  await lookFirst(state);
  return {
    files: () => filesOf(state.top),
    close() {
      state.closed = true;
      state.poller.close();
      if (state.storm !== null) clearTimeout(state.storm);
      state.links.close();
      forget(state, { directory: state.top, tell: () => {} });
    },
  };
}

async function lookFirst({ first, look }: TreeState): Promise<void> {
  while (first.length > 0) {
    const until = performance.now() + SLICE_MS;
    for (let one = first.pop(); one !== undefined; one = performance.now() < until ? first.pop() : undefined)
      look(one, true);
    if (first.length > 0) await Bun.sleep(0);
  }
}
