/**
 * The daemon's looks around. Every second: which launches lost their host. Every few seconds: which roots there are,
 * which root can be watched now, and whether the daemon can still be reached. A look that fails is logged, and the next
 * one comes.
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
  lookAtLaunches(roots: readonly string[]): void;
  /** Looks at what waits to be watched. */
  lookAtRoots(): void;
  stayReachable(): Promise<void>;
}

export interface Looks {
  /** Looks now. Throws what the timer would log. */
  look(): void;
  close(): void;
}

const LAUNCHES_EVERY_MS = 1000;
/** Every so many looks at launches it looks at the roots, too. */
const LAUNCHES_A_LOOK = 3;
/** Every so many looks everything is read again, even where nothing seems to have changed. */
const LOOKS_UNTIL_ALL = 10;

export function beginLooks({ paths, log, refresh, lookAtLaunches, lookAtRoots, stayReachable }: LooksOptions): Looks {
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
    lookAtLaunches(roots);
    lookAtRoots();
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

  let tick = 0;
  const timer = setInterval(() => {
    try {
      if (++tick % LAUNCHES_A_LOOK === 0) look();
      else lookAtLaunches(roots);
    } catch (error) {
      log("error", messageOf(error));
    }
  }, LAUNCHES_EVERY_MS);
  return { look, close: () => clearInterval(timer) };
}
