/**
 * What watched files hold, kept in memory, so that saving a file unchanged is not a change. Files that exist at the
 * beginning are read little by little. Until a file has been read, or if it is too large for that, every change of it
 * counts.
 */
import { type ContentMark, contentMarkOf, markUntouched } from "./content.ts";

export interface Contents {
  /** Reads these files as they are now. Resolves when all are read. */
  learn(files: Iterable<string>): Promise<void>;
  /**
   * Which of these paths differ from what is known; what they hold now is known from then on. `isNew`: there was no
   * such file.
   */
  changed(paths: Iterable<string>): Promise<{ path: string; isNew: boolean }[]>;
  /** The directory was moved: what is known of files below it is kept under the new path. Returns every known path. */
  moved(from: string, to: string): string[];
  close(): void;
}

/** A larger file is not read before it changes. */
const MOST_AHEAD_BYTES = 4 * 1024 * 1024;
/** For a larger file only size and time count: otherwise it would be read again each time a database writes to it. */
const MOST_BYTES = 64 * 1024 * 1024;
/** Reading goes on for this long, then pauses so that other work can go on. */
const SLICE_MS = 4;
const PAUSE_MS = 8;
/**
 * A file system's clock is behind by up to one tick, so a change dated this long before the beginning may have come
 * after it.
 */
const TICK_MS = 50;

export function makeContents(now: () => number): Contents {
  /** Null: there, but not read. */
  const known = new Map<string, ContentMark | null>();
  let closed = false;
  return {
    async learn(files) {
      const before = now() - TICK_MS;
      const waiting = [...files];
      for (const file of waiting) known.set(file, null);
      while (waiting.length > 0 && !closed) {
        const until = performance.now() + SLICE_MS;
        for (let file = waiting.pop(); file !== undefined; file = performance.now() < until ? waiting.pop() : undefined)
          if (known.get(file) === null) known.set(file, markUntouched(file, { before, mostBytes: MOST_AHEAD_BYTES }));
        if (waiting.length > 0) await Bun.sleep(PAUSE_MS);
      }
    },
    async changed(paths) {
      const found: { path: string; isNew: boolean }[] = [];
      for (const path of paths) {
        const before = known.get(path);
        // Always read: a save may keep size and time.
        const mark = await contentMarkOf(path, { mostBytes: MOST_BYTES });
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
