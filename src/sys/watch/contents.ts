/**
 * What watched files hold, kept in memory: so that a save without a change is none. What is there at the beginning is read little by little; until a
 * file has been read, and where it is too large for that, each change of it counts.
 */
import { type Mark, markOf, markUntouched } from "./content.ts";

export interface Contents {
  /** Reads what is there now. Resolves when all is read. */
  learn(files: Iterable<string>): Promise<void>;
  /** Of these paths what differs from what is known; it is known from then on. `isNew`: there was no such file. */
  changed(paths: Iterable<string>): Promise<{ path: string; isNew: boolean }[]>;
  /** The directory has another path now: what is known of what is below it goes on there. Gives all that is known. */
  moved(from: string, to: string): string[];
  close(): void;
}

/** A larger file is not read before it changes. */
const MOST_AHEAD_BYTES = 4 * 1024 * 1024;
/** Of a larger file size and time decide: it would be read again each time a database writes to it. */
const MOST_BYTES = 64 * 1024 * 1024;
/** So long is read at a time, and so long something else goes on. */
const SLICE_MS = 4;
const PAUSE_MS = 8;
/** The clock of a file system is behind by as much as a tick; a change of so long before the beginning may be one after it. */
const TICK_MS = 50;

export function makeContents(now: () => number): Contents {
  /** Null: there, and not read. */
  const known = new Map<string, Mark | null>();
  let closed = false;
  return {
    async learn(files) {
      const before = now() - TICK_MS;
      const waiting = [...files];
      for (const file of waiting) known.set(file, null);
      while (waiting.length > 0 && !closed) {
        const until = performance.now() + SLICE_MS;
        for (let file = waiting.pop(); file !== undefined; file = performance.now() < until ? waiting.pop() : undefined)
          if (known.get(file) === null) known.set(file, markUntouched(file, before, MOST_AHEAD_BYTES));
        if (waiting.length > 0) await Bun.sleep(PAUSE_MS);
      }
    },
    async changed(paths) {
      const found: { path: string; isNew: boolean }[] = [];
      for (const path of paths) {
        const before = known.get(path);
        // Read in any case: a save may keep size and time.
        const mark = await markOf(path, undefined, MOST_BYTES);
        if (mark === null) known.delete(path);
        else known.set(path, mark);
        const isSame = mark === null ? before === undefined : before?.[2] === mark[2];
        if (!isSame) found.push({ path, isNew: before === undefined });
      }
      return found;
    },
    moved(from, to) {
      for (const [path, mark] of [...known]) {
        if (!path.startsWith(`${from}/`)) continue;
        known.delete(path);
        known.set(to + path.slice(from.length), mark);
      }
      return [...known.keys()];
    },
    close() {
      closed = true;
    },
  };
}
