/**
 * Tells jobs that change the files they run for from a user who saves often, by the rule of restarts
 * (supervisor/watch/rounds.ts), each target for itself. Only changes made while a job runs, or a moment after, can be
 * the job's. A target that was unknown, and that appeared while exactly one job ran, may be that job's work, and is
 * counted with it. Of more targets than are remembered the oldest are forgotten; their counting begins again.
 */
import { makeRounds, type Rounds, signsOf } from "../supervisor/watch/rounds.ts";
import { formatDuration } from "../values/duration.ts";

export type Judgement =
  /** `afterMs`: this much later than usual. `doubt`: why this may be a loop. */
  | { is: "work"; afterMs: number; doubt?: string }
  /** Worked on as it is after this long a silence. `why`: the first time. */
  | { is: "held"; silenceMs: number; why?: string };

export interface Loops {
  /** A change of this path was seen. */
  heard(path: string): void;
  /** `changed`: those of the paths that changed; a new one was not known before. */
  judge(target: string, seen: { paths: readonly string[]; changed: readonly ChangedPath[] }): Judgement;
  began(target: string): void;
  ended(target: string): void;
  /** Nothing changed a held target for as long as its silence. */
  release(target: string): void;
}

export interface ChangedPath {
  path: string;
  isNew: boolean;
}

interface Work {
  rounds: Rounds;
  /** When its last job began; null: there was none. */
  beganAt: number | null;
  /** When its last job ended; null: it runs, or none ran yet. */
  endedAt: number | null;
}

const MOST_TARGETS = 1000;
/** A change that a job made may be seen at most this much later than the job's end. */
const MOMENT_MS = 150;

export function makeLoops(now: () => number): Loops {
  const works = new Map<string, Work>();
  const heard = new Map<string, { first: number; last: number }>();
  const of = (target: string): Work => {
    const work = works.get(target) ?? { rounds: makeRounds(), beganAt: null, endedAt: null };
    works.delete(target);
    works.set(target, work);
    const [oldest] = works.keys();
    if (works.size > MOST_TARGETS) works.delete(oldest as string);
    return work;
  };
  /** The one job that ran at this time. */
  const jobAt = (at: number): Work | null => {
    const ran = ({ beganAt, endedAt }: Work) =>
      beganAt !== null && at >= beganAt && (endedAt === null || at <= endedAt + MOMENT_MS);
    const [only, ...others] = new Set([...works.values()].filter(ran));
    return only !== undefined && others.length === 0 ? only : null;
  };
  return {
    heard(path) {
      heard.set(path, { first: heard.get(path)?.first ?? now(), last: now() });
    },
    judge(target, { paths, changed }) {
      const times = changed.flatMap(({ path }) => heard.get(path) ?? []);
      const maker =
        works.has(target) || times.length === 0 ? null : jobAt(Math.min(...times.map(({ first }) => first)));
      if (maker !== null && changed.every(({ isNew }) => isNew)) works.set(target, maker);
      const { rounds, endedAt } = of(target);
      for (const path of paths) heard.delete(path);
      // Another try of a job that failed is no change.
      if (times.length === 0) return { is: "work", afterMs: 0 };
      if (endedAt !== null && times.some(({ last }) => last > endedAt + MOMENT_MS)) rounds.forget();
      const at = Math.min(...times.map(({ first }) => first));
      const verdict = rounds.judge({ at, now: now(), files: changed.map(({ path, isNew }) => signsOf(path, isNew)) });
      if (verdict.is === "work")
        return verdict.mayLoop === undefined ? verdict : { ...verdict, doubt: doubtOf(target, verdict.mayLoop) };
      const { silenceMs, isFirst } = verdict;
      return { is: "held", silenceMs, ...(isFirst ? { why: whyHeld(target, silenceMs) } : {}) };
    },
    began(target) {
      const work = of(target);
      work.beganAt = now();
      work.endedAt = null;
      work.rounds.working(now());
    },
    ended(target) {
      of(target).endedAt = now();
    },
    release: (target) => of(target).rounds.release(),
  };
}

function doubtOf(target: string, jobs: number): string {
  return `${target} changed during each of its last ${jobs} jobs: if the job writes it, leave it out with \`ignore\` or a \`!\` pattern`;
}

function whyHeld(target: string, silenceMs: number): string {
  return `${target} changed at the same moment of each of its last jobs, so it looks as if the job changes what it is run for: its next job waits until nothing has changed it for ${formatDuration(silenceMs)}, and each further one twice as long, unless something else changes it`;
}
