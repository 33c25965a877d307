/**
 * Starts of one key that were asked for at once come in one after another, for as long as the machine takes to begin
 * their programs. The first is done at once. The others wait until no more come in, so that one launch will do for all
 * of them (join.ts).
 *
 *   asked for                                   a launch was begun since   then
 *   -----------------------------------------   ------------------------   -------------------------------------------
 *   before the last start of the key was over   no                         it waits until none has come in for 100 ms,
 *                                                                          at most for a second
 *                                               yes                        it goes on at once
 *   after that, or it is the first              any                        the same
 *
 * Each host knows the starts that it does itself.
 */
import { lazy } from "../../sys/base/lazy.ts";
import { bootClock } from "../../sys/kernel/bootclock.ts";
import { sleepUnlessAborted } from "../probe/pause.ts";

const QUIET_MS = 100;
const MOST_MS = 1000;
const MOST_KEYS = 1000;

interface Crowd {
  /** Starts that are not over. */
  starts: number;
  /** When the last start came in. */
  cameAt: number;
  /** When the last one was over. */
  overAt: number;
}

const crowds = lazy(() => new Map<string, Crowd>());

export interface CrowdMember {
  /** Whether others were asked for at the same time, and came in before it. */
  isFollower: boolean;
  /** Resolves when no more come in. Throws the signal's reason. */
  quiet(signal: AbortSignal): Promise<void>;
  over(): void;
}

interface Came {
  runDirectory: string;
  key: string;
  /** On the clock of `bootClock`. */
  askedAt: number;
}

export function joinCrowd({ runDirectory, key, askedAt }: Came): CrowdMember {
  if (crowds().size > MOST_KEYS) for (const [name, { starts }] of crowds()) if (starts === 0) crowds().delete(name);
  const name = `${runDirectory}/${key}`;
  const crowd = crowds().get(name) ?? { starts: 0, cameAt: 0, overAt: 0 };
  crowds().set(name, crowd);
  const isFollower = crowd.starts > 0 || askedAt < crowd.overAt;
  const now = bootClock();
  crowd.starts++;
  crowd.cameAt = now;
  return {
    isFollower,
    async quiet(signal) {
      for (;;) {
        signal.throwIfAborted();
        const until = Math.min(crowd.cameAt + QUIET_MS, now + MOST_MS);
        const left = until - bootClock();
        if (left <= 0) return;
        await sleepUnlessAborted(left, signal);
      }
    },
    over() {
      crowd.starts--;
      crowd.overAt = bootClock();
    },
  };
}
