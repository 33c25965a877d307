/**
 * The daemon's look around every second: which roots there are, which launches lost their host, which root can be
 * watched now, and whether the daemon can still be reached. A look that fails is logged, and the next one comes.
 */
import type { Log } from "../jobs/types.ts";
import { messageOf } from "../sys/base/error.ts";
import { knownRoots, rootsMark } from "./roots/roots.ts";
import type { DaemonPaths } from "./socket/paths.ts";

export interface LooksOptions {
  paths: DaemonPaths;
  log: Log;
  /** Serves the roots that are registered now. */
  refresh(): Promise<void>;
  /** Looks at launches in these roots, and at what waits to be watched. */
  lookAtRoots(roots: readonly string[]): void;
  stayReachable(): Promise<void>;
}

export interface Looks {
  /** Looks now. Throws what the timer would log. */
  look(): void;
  close(): void;
}

const LOOK_EVERY_MS = 1000;
/** Every so many looks everything is read again, even where nothing seems to have changed. */
const LOOKS_UNTIL_ALL = 30;

export function beginLooks({ paths, log, refresh, lookAtRoots, stayReachable }: LooksOptions): Looks {
  let looks = 0;
  let mark = "";
  let roots: string[] = [];
  let isListeningAgain = false;

  function look(): void {
    const now = rootsMark(paths);
    if (now !== mark || looks++ % LOOKS_UNTIL_ALL === 0) {
      mark = now;
      roots = knownRoots(paths);
      void refresh();
    }
    lookAtRoots(roots);
    if (!isListeningAgain) listenAgain();
  }

  function listenAgain(): void {
    isListeningAgain = true;
    void stayReachable()
      .catch((error) => log("error", messageOf(error)))
      .finally(() => {
        isListeningAgain = false;
      });
  }

  const timer = setInterval(() => {
    try {
      look();
    } catch (error) {
      log("error", messageOf(error));
    }
  }, LOOK_EVERY_MS);
  return { look, close: () => clearInterval(timer) };
}
