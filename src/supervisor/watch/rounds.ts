/**
 * Tells a loop from a person who saves often. Pure: the time is passed in.
 *
 * A *round* is a change that comes within half a minute after the run began (or, before a run, after the work for the
 * last change began). It changes a file that the round before changed too, or a new file beside one of those. A command
 * that changes what restarts it does so at the same distance from each start. A person, or a script with its own clock,
 * does not know when the command was started. So the third restart comes a little later than usual, and only a change
 * that follows it at the same distance makes it a loop.
 *
 *   what comes                                          what is done
 *   -------------------------------------------------   ------------------------------------------------------------
 *   a change that is no round, or at another distance   work
 *   the second round at the same distance               work, a little later
 *   the third                                           held: not worked on, and reported
 *   held for the first time, then a silence             work, once: it may have been a person's last save
 *   held, and another file changes                      work; counting begins again
 *   held, and a change after a silence                  work; the next round is held at once, and needs a silence of
 *                                                       twice the length
 *   held, changes all the same, then a silence          the same: the changes did not follow a start
 *   a person restarts it                                counting begins again
 *   the sixth round in a row, at any distances          work, and reported as a possible loop: one whose pauses vary
 *                                                       cannot be told from a person
 */
import { dirname } from "node:path";

export interface Change {
  /** When the first change came, and when it was judged. */
  at: number;
  now: number;
  /** How each file is recognised: by its name, and a new one by its directory as well. */
  files: readonly (readonly string[])[];
}

export type Verdict =
  /** `mayLoop`: this many rounds came in a row, at different distances; set once. */
  | { is: "work"; afterMs: number; mayLoop?: number }
  /**
   * `isFirst`: it was not held before. After `silenceMs` without a change the next change counts again. `settles`: so
   * does this change, even if none follows: it may be a person's last save. A change that is held again right after
   * that comes from a loop, and waits for another change.
   */
  | { is: "held"; isFirst: boolean; silenceMs: number; settles: boolean };

export interface Rounds {
  judge(change: Change): Verdict;
  /** The work for the judged change begins. */
  working(at: number): void;
  /** A run began. */
  began(at: number): void;
  /** The held change was followed by that silence. */
  release(): void;
  /** A person restarted it: counting begins again. */
  forget(): void;
}

interface Round {
  files: Change["files"];
  distanceMs: number;
  /** From the run, or from the work before it. */
  from: "run" | "work";
}

const MOST = 3;
const MANY = 6;
const LONGEST_MS = 30_000;
/**
 * In milliseconds. Nobody saves this soon after a start; within it, the machine's load decides how far apart two equal
 * distances are.
 */
const SOON_MS = 1000;
const SAME_SOON_MS = 200;
/** Later, two equal distances are apart by at most this, or by this part of the distance. */
const SAME_MS = 100;
const SAME_PART = 0.06;
/** In milliseconds. How much later the third restart comes than what could pass for the same distance. */
const SHIFT_MS = 50;
const SILENCE_MS = 5000;
const LONGEST_SILENCE_MS = 600_000;

export function makeRounds(): Rounds {
  let run: number | null = null;
  let work: number | null = null;
  /** When the change before was judged; its work may begin a while later. */
  let judged: number | null = null;
  let rounds: Round[] = [];
  /** Rounds in a row, at any distances. */
  let inRow = 0;
  let isDoubtTold = false;
  let last: Round | null = null;
  let held: { signs: Set<string>; last: number } | null = null;
  let silenceMs = SILENCE_MS;

  function roundOf({ at, files }: Change): Round | null {
    const isOfRun = run !== null && at >= run && (work === null || run >= work);
    const since = isOfRun ? run : work;
    if (since === null || at < (isOfRun ? since : (judged ?? since)) || at - since > LONGEST_MS) return null;
    return { files, distanceMs: Math.max(0, at - since), from: isOfRun ? "run" : "work" };
  }

  function forget(): void {
    rounds = [];
    inRow = 0;
    held = null;
    silenceMs = SILENCE_MS;
  }

  function release(): void {
    held = null;
    silenceMs = Math.min(silenceMs * 2, LONGEST_SILENCE_MS);
    rounds = rounds.slice(0, MOST - 1);
  }

  return {
    judge(change) {
      const round = roundOf(change);
      judged = change.now;
      if (held !== null) {
        const { signs, last } = held;
        if (change.files.some((names) => !names.some((name) => signs.has(name)))) forget();
        else if (change.at - last >= silenceMs) {
          release();
          return { is: "work", afterMs: 0 };
        } else {
          held.last = change.at;
          return { is: "held", isFirst: false, silenceMs, settles: true };
        }
      }
      const before = rounds.at(-1);
      if (round !== null && before !== undefined && follows(round, before)) rounds.push(round);
      else {
        rounds = round === null ? [] : [round];
        silenceMs = SILENCE_MS;
      }
      inRow = round === null ? 0 : last !== null && isOfSame(round, last) ? inRow + 1 : 1;
      last = round;
      if (inRow < MANY) isDoubtTold = false;
      if (round === null || rounds.length < MOST - 1) {
        if (inRow < MANY || isDoubtTold) return { is: "work", afterMs: 0 };
        isDoubtTold = true;
        return { is: "work", afterMs: 0, mayLoop: inRow };
      }
      if (rounds.length < MOST) return { is: "work", afterMs: 2 * toleranceOf(round) + SHIFT_MS };
      held = { signs: signsOfMost(rounds), last: change.at };
      return { is: "held", isFirst: true, silenceMs, settles: silenceMs === SILENCE_MS };
    },
    working(at) {
      work = at;
    },
    began(at) {
      run = at;
    },
    release,
    forget,
  };
}

/** A new file is recognised by its directory as well. */
export function signsOf(path: string, isNew: boolean): string[] {
  return isNew ? [path, `${dirname(path)}/*`] : [path];
}

function follows(round: Round, before: Round): boolean {
  // A command that never stops writing is heard right before or right after the run that is to end it has begun: that
  // is one moment.
  const isOneMoment = Math.max(round.distanceMs, before.distanceMs) < SAME_SOON_MS;
  return (
    (round.from === before.from || isOneMoment) &&
    Math.abs(round.distanceMs - before.distanceMs) <= Math.max(toleranceOf(round), toleranceOf(before)) &&
    isOfSame(round, before)
  );
}

function isOfSame({ files }: Round, before: Round): boolean {
  return files.flat().some((sign) => before.files.flat().includes(sign));
}

/** What changed in more than one round. */
function signsOfMost(rounds: readonly Round[]): Set<string> {
  const once = new Set<string>();
  const more = new Set<string>();
  for (const { files } of rounds)
    for (const sign of new Set(files.flat())) {
      if (once.has(sign)) more.add(sign);
      once.add(sign);
    }
  return more;
}

function toleranceOf({ distanceMs }: Round): number {
  return distanceMs < SOON_MS ? SAME_SOON_MS : Math.max(SAME_MS, distanceMs * SAME_PART);
}
