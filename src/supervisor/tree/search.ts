/**
 * Searches that are asked for at once share one look at the processes, which is made after all of them were asked for:
 * a stop of many launches searches hundreds of times.
 */
import { lazy } from "../../sys/base/lazy.ts";
import type { ProcessTable } from "../../sys/process/identity.ts";
import type { TreeQuery } from "./query.ts";
import { findTree, oldestStart, type Tree } from "./tree.ts";

interface Asked {
  query: TreeQuery;
  found: PromiseWithResolvers<Tree>;
}

const waiting = lazy(() => new WeakMap<ProcessTable, Asked[]>());

/** The tree as it is at the next turn of the event loop. */
export function searchTree(table: ProcessTable, query: TreeQuery): Promise<Tree> {
  const found = Promise.withResolvers<Tree>();
  const others = waiting().get(table);
  if (others !== undefined) others.push({ query, found });
  else {
    waiting().set(table, [{ query, found }]);
    setImmediate(() => searchAll(table));
  }
  return found.promise;
}

/** So many searches share a look at most: what they find is to be as it was a moment ago when they act on it. */
const MOST_AT_ONCE = 50;

function searchAll(table: ProcessTable): void {
  const all = waiting().get(table) ?? [];
  const now = all.splice(0, MOST_AT_ONCE);
  if (all.length === 0) waiting().delete(table);
  else setImmediate(() => searchAll(table));
  const list = lazy(() => table.list(sinceOf(table, now)));
  for (const { query, found } of now) {
    try {
      found.resolve(findTree(table, { ...query, list }));
    } catch (error) {
      found.reject(error);
    }
  }
}

function sinceOf(table: ProcessTable, asked: readonly Asked[]): number | undefined {
  const starts = asked.map(({ query }) => oldestStart(table, query));
  return starts.some((start) => start === null) ? undefined : Math.min(...(starts as number[]));
}

/** The tree as it is after this was called. */
export type TreeLook = () => Promise<Tree>;

/**
 * A process that was found once stays in the tree: when the leader ends, nothing else would identify a child with a
 * session and an environment of its own.
 */
export function makeLook(table: ProcessTable, query: TreeQuery): TreeLook {
  const known = new Map(query.adopted.map((one) => [`${one.pid}/${one.startTime}`, one]));
  return async () => {
    const tree = await searchTree(table, { ...query, adopted: [...known.values()] });
    for (const { identity } of tree.members) known.set(`${identity.pid}/${identity.startTime}`, identity);
    return tree;
  };
}
