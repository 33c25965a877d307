/**
 * When a run wrote what: a sparse index beside the logs, one file per run, kept by the host. Its head names the run and
 * its log file; each further line pairs a size of the log with a time (milliseconds since 1970). Where the index is
 * missing or cut off, times are unknown and everything else works.
 *
 * The user or a program may cut the log (`: > file`, logrotate's copytruncate). A line `cut N` records this: earlier
 * points beyond offset N describe bytes that are gone. The host recognises a cut by a shorter log, or by different
 * bytes before the last noted end.
 *
 * Known limit: a log that was cut and has outgrown its old size within one look is not recognised
 * as cut where it repeats itself.
 */
import { appendLine, writeOwn } from "../sys/files/filewrite.ts";
import { readOwnText } from "../sys/seal/sealed.ts";
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
  /** Ascending in offset and time. */
  points: readonly [offset: number, ms: number][];
}

const HEAD = /^dt-times 1 ([0-9a-f]+) (\d+) (\d+) (\d+)$/;
/** Beyond this, every other point is dropped: a run of months needs no more points than one of hours. */
const MOST_POINTS = 4096;

function formatHead({ token, dev, ino, startedAt }: RunMark): string {
  return `dt-times 1 ${token} ${dev} ${ino} ${startedAt}\n`;
}

/**
 * Moves the indexes of earlier runs on along with their logs, and begins this run's. If that fails, the run has none.
 */
export function beginTimes(path: string, { mark, keep, inRow }: { mark: RunMark; keep: number; inRow: number }): void {
  try {
    shiftRuns(path, { keep, inRow });
    writeOwn(path, { text: formatHead(mark), durable: false });
  } catch {
    // a full disk: this run's times stay unknown
  }
}

/** Null when the file is missing or is not an index. */
export function readTimes(path: string): RunTimes | null {
  const text = readOwnText(path);
  if (text.is !== "there") return null;
  const [head = "", ...lines] = text.value.split("\n");
  const match = HEAD.exec(head);
  if (match === null) return null;
  const [, token, dev, ino, startedAt] = match as unknown as [string, string, string, string, string];
  const points: [number, number][] = [];
  // The last line may be half written: text after the last line end is not a point.
  for (const line of lines.slice(0, -1)) {
    const [first, second] = line.split(" ");
    const cut = first === "cut";
    const [offset, ms] = [Number(cut ? second : first), Number(second)];
    if (!Number.isFinite(offset) || !Number.isFinite(ms)) continue;
    if (cut) while (points.length > 0 && (points.at(-1) as [number, number])[0] > offset) points.pop();
    else points.push([offset, ms]);
  }
  return { token, dev: Number(dev), ino: Number(ino), startedAt: Number(startedAt), points };
}

export interface TimesWriter {
  /** Notes that the log has this size now; written when the log has grown or was cut. */
  note(size: number, ms: number): void;
}

/** Reads at most `length` bytes of the log that end at an offset; null when they are unreadable or were released. */
export type ReadBefore = (offset: number, length: number) => Uint8Array | null;

/** For the host of the run that began the index. An index that belongs to another run by now is not rewritten. */
export function openTimes(
  path: string,
  { token, readBefore = () => null }: { token: string; readBefore?: ReadBefore | undefined },
): TimesWriter {
  let last = 0;
  let count = 0;
  let every = 1;
  let skipped = 0;
  let looked: number | null = null;
  const marks = makeMarks(readBefore);
  /** The remaining bytes keep their times; bytes after them were written since the last look. */
  const noteCut = (size: number, ms: number) => {
    const kept = marks.cut(size);
    appendLine(path, `cut ${kept}\n${kept} ${looked ?? ms}\n`);
    last = kept;
    count++;
    skipped = every;
  };
  return {
    note(size, ms) {
      try {
        if (size < last || !marks.isThere()) noteCut(size, ms);
      } catch {
        return; // a full disk
      } finally {
        looked = ms;
      }
      if (size === last) return;
      if (++skipped < every) return;
      skipped = 0;
      try {
        if (count >= MOST_POINTS) {
          const there = readTimes(path);
          if (there?.token !== token) return;
          const kept = there.points.filter((_, at) => at % 2 === 1);
          writeOwn(path, {
            text: formatHead(there) + kept.map(([offset, at]) => `${offset} ${at}\n`).join(""),
            durable: false,
          });
          count = kept.length;
          every *= 2;
        }
        appendLine(path, `${size} ${ms}\n`);
        last = size;
        count++;
        marks.add(size);
      } catch {
        // a full disk: the bytes written now get no time
      }
    },
  };
}

interface Mark {
  offset: number;
  hash: number | bigint;
  /** False for bytes that repeat themselves: such output looks the same after a cut. */
  isTelling: boolean;
}

const MARK_BYTES = 256;
const MOST_MARKS = 512;

/** Hashes of the bytes before noted sizes, as many as it takes to tell how much was cut. */
function makeMarks(readBefore: ReadBefore) {
  let marks: Mark[] = [];
  const read = (offset: number): Omit<Mark, "offset"> | null => {
    const bytes = readBefore(offset, Math.min(MARK_BYTES, offset));
    return bytes === null || bytes.length === 0 ? null : { hash: Bun.hash(bytes), isTelling: !isPeriodic(bytes) };
  };
  return {
    add(offset: number): void {
      const mark = read(offset);
      if (mark !== null) marks.push({ offset, ...mark });
      if (marks.length > MOST_MARKS) marks = marks.filter((_, at) => at % 2 === 1);
    },
    /** Whether the bytes before the last mark are unchanged, as far as that is known. */
    isThere(): boolean {
      const mark = marks.at(-1);
      const now = mark === undefined ? null : read(mark.offset);
      return now === null || now.hash === mark?.hash;
    },
    /** For a log that was cut to this size: returns the offset up to which it is surely unchanged. */
    cut(size: number): number {
      while (marks.length > 0) {
        const mark = marks.at(-1) as Mark;
        if (mark.offset <= size && mark.isTelling && read(mark.offset)?.hash === mark.hash) return mark.offset;
        marks.pop();
      }
      return 0;
    },
  };
}

function isPeriodic(bytes: Uint8Array): boolean {
  for (let period = 1; period <= bytes.length / 2; period++) {
    let at = period;
    while (at < bytes.length && bytes[at] === bytes[at - period]) at++;
    if (at === bytes.length) return true;
  }
  return false;
}
