/**
 * When a run wrote what: a sparse index beside the logs, kept by the host, one file a run. Its head names the run and its log file, then
 * each line says which size the log had at which time (milliseconds since 1970). Where it is missing or cut off, times are
 * not known and everything else works.
 */
import { appendLine, writeOwn } from "../sys/files.ts";
import { readOwnText } from "../sys/sealed.ts";
import { shiftRuns } from "./shift.ts";

export interface RunMark {
  /** The launch's token. */
  token: string;
  dev: number;
  ino: number;
  /** Milliseconds since 1970. */
  startedAt: number;
}

export interface RunTimes extends RunMark {
  /** Ascending in both. */
  points: readonly [offset: number, ms: number][];
}

const HEAD = /^dt-times 1 ([0-9a-f]+) (\d+) (\d+) (\d+)$/;
/** Beyond this every other point goes: a run of months needs no more than one of hours. */
const MOST_POINTS = 4096;

function formatHead({ token, dev, ino, startedAt }: RunMark): string {
  return `dt-times 1 ${token} ${dev} ${ino} ${startedAt}\n`;
}

/** Moves the indexes of earlier runs on as their logs are moved, and begins this run's. Done without where it cannot be written. */
export function beginTimes(path: string, mark: RunMark, keep: number, inRow: number): void {
  try {
    shiftRuns(path, keep, inRow);
    writeOwn(path, formatHead(mark), { durable: false });
  } catch {
    // a full disk: this run's times are not known
  }
}

/** Null when there is none, or it is none. */
export function readTimes(path: string): RunTimes | null {
  const text = readOwnText(path);
  if (text.is !== "there") return null;
  const [head = "", ...lines] = text.value.split("\n");
  const match = HEAD.exec(head);
  if (match === null) return null;
  const [, token, dev, ino, startedAt] = match as unknown as [string, string, string, string, string];
  // The last line may be half written: what follows the last line's end is no point.
  const points = lines.slice(0, -1).flatMap((line): [number, number][] => {
    const [offset, ms] = line.split(" ").map(Number);
    return Number.isFinite(offset) && Number.isFinite(ms) ? [[offset as number, ms as number]] : [];
  });
  return { token, dev: Number(dev), ino: Number(ino), startedAt: Number(startedAt), points };
}

export interface TimesWriter {
  /** That the log has this size now; written when it has grown. */
  note(size: number, ms: number): void;
}

/** For the host of the run that began the index. An index that is another run's by now is not written to. */
export function openTimes(path: string, token: string): TimesWriter {
  let last = 0;
  let count = 0;
  let every = 1;
  let skipped = 0;
  return {
    note(size, ms) {
      if (size === last) return;
      if (++skipped < every) return;
      skipped = 0;
      try {
        if (count >= MOST_POINTS) {
          const there = readTimes(path);
          if (there?.token !== token) return;
          const kept = there.points.filter((_, at) => at % 2 === 1);
          writeOwn(path, formatHead(there) + kept.map(([offset, at]) => `${offset} ${at}\n`).join(""), {
            durable: false,
          });
          count = kept.length;
          every *= 2;
        }
        appendLine(path, `${size} ${ms}\n`);
        last = size;
        count++;
      } catch {
        // a full disk: what is written there now has no time
      }
    },
  };
}
