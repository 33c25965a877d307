/** Runs, their times, and which pieces of them are asked for; lines, filters and cursors. */
import { describe, expect, test } from "bun:test";
import { closeSync, openSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { formatCursor, parseCursors } from "../../src/logs/cursor.ts";
import { readLines } from "../../src/logs/lines.ts";
import { makeFilter } from "../../src/logs/match.ts";
import { makeReadBefore } from "../../src/logs/reopen.ts";
import { type LogRun, listRuns, makeTimeOf, offsetSince, offsetUntil } from "../../src/logs/runs.ts";
import { shiftRuns } from "../../src/logs/shift.ts";
import { beginTimes, openTimes, readTimes } from "../../src/logs/times.ts";
import { viewRuns } from "../../src/logs/view.ts";
import { releaseHead } from "../../src/sys/files/holes.ts";
import { makeScratch } from "../kit/scratch.ts";

const scratch = makeScratch();
const NOTHING = { previous: null, since: null, until: null, after: null };

/** Runs written one after the other, each with the times given as [text, ms]. */
function makeRuns(writes: [text: string, ms: number][][], keep = 5): { log: string; times: string } {
  const directory = scratch();
  const [log, times] = [join(directory, "t.log"), join(directory, "t.times")];
  for (const [at, run] of writes.entries()) {
    shiftRuns(log, { keep, inRow: 0 });
    writeFileSync(log, "");
    const { dev, ino } = statSync(log);
    const startedAt = (run[0]?.[1] ?? 0) - 1;
    beginTimes(times, { mark: { token: `${at}`.repeat(32), dev, ino, startedAt }, keep, inRow: 0 });
    const writer = openTimes(times, { token: `${at}`.repeat(32) });
    let text = "";
    for (const [more, ms] of run) {
      text += more;
      writer.note(text.length, ms);
    }
    writeFileSync(log, text);
    utimesSync(log, new Date(), new Date(run.at(-1)?.[1] ?? 0));
  }
  return { log, times };
}

function linesOf(path: string, from: number, to: number) {
  const fd = openSync(path, "r");
  const lines: { offset: number; end: number; text: string }[] = [];
  for (const { offset, end, bytes } of readLines(fd, { from, to }))
    lines.push({ offset, end, text: Buffer.from(bytes).toString() });
  closeSync(fd);
  return lines;
}

const textOf = (run: LogRun, from: number, to: number) =>
  linesOf(run.path, from, to)
    .map((line) => line.text)
    .join("");

describe("runs", () => {
  test("runs are listed latest first, each with its own index wherever it lies", () => {
    const { log, times } = makeRuns([[["a\n", 1000]], [["b\n", 2000]], [["c\n", 3000]]]);
    expect(listRuns(log, times).map(({ age, id, startedAt }) => [age, id, startedAt])).toEqual([
      [0, "222222222222", 2999],
      [1, "111111111111", 1999],
      [2, "000000000000", 999],
    ]);
  });

  test("without an index, a run is named by its file, and has no times", () => {
    const log = join(scratch(), "x.log");
    writeFileSync(log, "a\n");
    const [run] = listRuns(log, `${log}.times`) as [LogRun];
    expect([run.id, run.startedAt, makeTimeOf(run)(2)]).toEqual([`i${statSync(log).ino}`, null, null]);
  });

  test("an index that belongs to another file is ignored", () => {
    const { log, times } = makeRuns([[["a\n", 1000]]]);
    writeFileSync(`${log}.new`, "b\n");
    expect(listRuns(`${log}.new`, times)[0]?.startedAt).toBeNull();
  });

  test("a half-written last line of an index is ignored, and a file with another head is no index", () => {
    const { times } = makeRuns([[["a\n", 1000]]]);
    writeFileSync(times, "12 34", { flag: "a" });
    expect(readTimes(times)?.points).toEqual([[2, 1000]]);
    writeFileSync(times, "something else\n1 2\n");
    expect(readTimes(times)).toBeNull();
  });

  test("an index stays small, and its points spread over all of the run", () => {
    const path = join(scratch(), "t.times");
    beginTimes(path, { mark: { token: "a".repeat(32), dev: 1, ino: 2, startedAt: 0 }, keep: 0, inRow: 0 });
    const writer = openTimes(path, { token: "a".repeat(32) });
    for (let second = 1; second <= 40_000; second++) writer.note(second * 10, second * 1000);
    const points = readTimes(path)?.points ?? [];
    expect(points.length).toBeLessThan(4200);
    expect(points.length).toBeGreaterThan(1500);
    expect(points[0]?.[1]).toBeLessThan(60_000);
    expect(points.at(-1)?.[1]).toBeGreaterThan(39_900_000);
    expect([...points].sort((a, b) => a[0] - b[0])).toEqual([...points]);
  });
});

describe("the first crash of a row is kept", () => {
  for (const keep of [1, 2, 5]) {
    test(`the first crash of a row is kept with keep: ${keep}`, () => {
      const log = join(scratch(), "log");
      for (let inRow = 0; inRow < 12; inRow++) {
        shiftRuns(log, { keep, inRow });
        writeFileSync(log, `crash ${inRow}`);
      }
      const kept = Array.from({ length: keep + 1 }, (_, age) => (age === 0 ? log : `${log}.${age}`));
      const texts = kept.map((path) => require("node:fs").readFileSync(path, "utf8"));
      expect(texts[0]).toBe("crash 11");
      expect(texts.at(-1)).toBe("crash 0");
      // A new row begins: the old first crash is a run like any other.
      for (let more = 0; more <= keep; more++) {
        shiftRuns(log, { keep, inRow: 0 });
        writeFileSync(log, `calm ${more}`);
      }
      expect(kept.map((path) => require("node:fs").readFileSync(path, "utf8")).some((text) => text === "crash 0")).toBe(
        false,
      );
    });
  }
});

describe("parts", () => {
  const runs: [string, number][][] = [
    [
      ["one\n", 1000],
      ["two\n", 2000],
    ],
    [
      ["three\n", 5000],
      ["four\n", 6000],
      ["five\n", 7000],
    ],
  ];
  const shown = (part: Partial<typeof NOTHING> & object) => {
    const { log, times } = makeRuns(runs);
    const view = viewRuns("t:x:default", { runs: listRuns(log, times), part: { ...NOTHING, ...part } as never });
    return { text: view.pieces.map(({ run, from, to }) => textOf(run, from, to)).join("|"), notes: view.notes };
  };
  test("a view shows the latest run by default", () => expect(shown({}).text).toBe("three\nfour\nfive\n"));
  test("a view can show an earlier run", () => expect(shown({ previous: 1 } as never).text).toBe("one\ntwo\n"));
  test("a view can start at a time, across runs", () => {
    expect(shown({ since: 1500 } as never).text).toBe("two\n|three\nfour\nfive\n");
    expect(shown({ since: 6000 } as never).text).toBe("five\n");
    expect(shown({ since: 6500 } as never).text).toBe("five\n");
    expect(shown({ since: 9000 } as never).text).toBe("");
    expect(shown({ since: 0 } as never).text).toBe("one\ntwo\n|three\nfour\nfive\n");
  });
  test("a view can end at a time, across runs", () => {
    expect(shown({ until: 1000 } as never).text).toBe("one\n");
    expect(shown({ until: 5500 } as never).text).toBe("one\ntwo\n|three\nfour\n");
    expect(shown({ since: 2000, until: 5000 } as never).text).toBe("three\n");
  });
  test("a view after a cursor shows the rest of its run and all later ones", () => {
    const after = (run: string, offset: number) => ({ after: { key: "t:x:default", run, offset } }) as never;
    expect(shown(after("000000000000", 4)).text).toBe("two\n|three\nfour\nfive\n");
    expect(shown(after("111111111111", 11)).text).toBe("five\n");
    expect(shown(after("111111111111", 16)).text).toBe("");
    expect(shown(after("gone", 1))).toEqual({
      text: "one\ntwo\n|three\nfour\nfive\n",
      notes: [expect.stringContaining("is no longer kept")],
    });
    expect(shown(after("111111111111", 999)).notes).toEqual([expect.stringContaining("was cut")]);
  });
});

test("a cursor into released bytes continues at the next whole line and reports how much was skipped", () => {
  const log = join(scratch(), "big.log");
  const line = `${"x".repeat(99)}\n`;
  writeFileSync(log, line.repeat(200));
  const fd = openSync(log, "r+");
  const released = releaseHead(fd, 9000);
  closeSync(fd);
  if (released === null) return console.warn("skipped: no holes on this file system");
  const [run] = listRuns(log, `${log}.times`) as [LogRun];
  const view = viewRuns("t:x:default", {
    runs: [run],
    part: { ...NOTHING, after: { key: "t:x:default", run: run.id, offset: 100 } },
  });
  expect(view.pieces[0]?.from).toBe(8200);
  expect(view.notes).toEqual([
    "t:x:default: 8100 bytes after the cursor were released by logs.maxSize, and are skipped",
  ]);
});

test("property: lines are the file, cut after each newline, however long", () => {
  const path = join(scratch(), "lines");
  const part = fc.oneof(fc.string(), fc.constant("\n"), fc.constant("(long)"));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const text = parts.join("").replaceAll("(long)", "y".repeat(300_000));
      writeFileSync(path, text);
      const lines = linesOf(path, 0, statSync(path).size);
      expect(lines.map((one) => one.text).join("") === text).toBe(true);
      for (const [at, { offset, text: line }] of lines.entries()) {
        const isEnded = at < lines.length - 1 || text.endsWith("\n");
        expect([offset, line.indexOf("\n")]).toEqual([
          at === 0 ? 0 : (lines[at - 1]?.end as number),
          isEnded ? line.length - 1 : -1,
        ]);
      }
    }),
    { numRuns: 60 },
  );
});

describe("filters", () => {
  const run = (lines: string, pattern: RegExp, context: number) => {
    const filter = makeFilter<string>((text) => pattern.test(text), context);
    return lines
      .split("")
      .flatMap((one) => filter(one, one).map(({ item, gap }) => (gap ? `-${item}` : item)))
      .join("");
  };
  test("a filter shows matches alone", () => expect(run("abcabc", /b/, 0)).toBe("b-b"));
  test("neighbouring matches have no gap between them", () => expect(run("abbc", /b/, 0)).toBe("bb"));
  test("a match's context before and after repeats no line", () => {
    expect(run("123b456b789", /b/, 1)).toBe("3b4-6b7");
    expect(run("123b4b567", /b/, 2)).toBe("23b4b56");
  });
  test("no gap is reported before the first match", () => expect(run("123b", /b/, 1)).toBe("3b"));
});

test("property: a cursor comes back as it was", () => {
  fc.assert(
    fc.property(fc.nat(), fc.stringMatching(/^[0-9a-f]{12}$/), (offset, run) => {
      const cursor = { key: "a:b:c", run, offset };
      expect(parseCursors(`${formatCursor(cursor)},${formatCursor(cursor)}`)).toEqual([cursor, cursor]);
    }),
  );
  expect(parseCursors("nonsense")).toBeNull();
  expect(parseCursors("a:b:c/abc/-1")).toBeNull();
});

test("offsets of times", () => {
  const run = {
    points: [
      [10, 1000],
      [20, 2000],
    ],
    startedAt: 500,
    changedAt: 2500,
    size: 25,
  } as unknown as LogRun;
  expect([400, 500, 999, 1000, 1500, 2000, 9999].map((ms) => offsetSince(run, ms))).toEqual([0, 0, 0, 10, 10, 20, 20]);
  expect([500, 1000, 1500, 2000, 2400, 2500].map((ms) => offsetUntil(run, ms))).toEqual([10, 10, 20, 20, 25, 25]);
  const timeOf = makeTimeOf(run);
  expect([5, 10, 11, 20, 21].map(timeOf)).toEqual([1000, 1000, 2000, 2000, 2500]);
});

describe("a log that was cut", () => {
  /** A log that is written to, cut and looked at, each step with its time. */
  function makeCut() {
    const directory = scratch();
    const [log, times] = [join(directory, "t.log"), join(directory, "t.times")];
    writeFileSync(log, "");
    const { dev, ino } = statSync(log);
    const token = "c".repeat(32);
    beginTimes(times, { mark: { token, dev, ino, startedAt: 1000 }, keep: 0, inRow: 0 });
    const { readBefore } = makeReadBefore(log, { dev, ino });
    const writer = openTimes(times, { token, readBefore });
    return {
      write: (text: string) => writeFileSync(log, text, { flag: "a" }),
      cut: (size: number) => truncateSync(log, size),
      look: (ms: number) => {
        writer.note(statSync(log).size, ms);
        utimesSync(log, new Date(), new Date(ms));
      },
      points: () => readTimes(times)?.points,
      run: () => listRuns(log, times)[0] as LogRun,
    };
  }
  const line = (name: string) => `${name}\n`;

  test("after a log is cut to nothing, new lines have their own times, after the old ones", () => {
    const { write, cut, look, points, run } = makeCut();
    write(line("one"));
    look(2000);
    write(line("two"));
    look(9000);
    cut(0);
    write(line("3"));
    look(10_000);
    expect(points()).toEqual([
      [0, 9000],
      [2, 10_000],
    ]);
    expect(makeTimeOf(run())(2)).toBe(10_000);
    expect(offsetUntil(run(), 8000)).toBe(0);
    expect(offsetSince(run(), 9500)).toBe(0);
  });

  test("a log that was cut and grew beyond its old size before the next look has right times", () => {
    const { write, cut, look, points } = makeCut();
    write(line("one"));
    look(2000);
    cut(0);
    write(line("this is longer"));
    look(3000);
    expect(points()).toEqual([
      [0, 2000],
      [15, 3000],
    ]);
  });

  test("a log cut to an earlier size keeps that part's times", () => {
    const { write, cut, look, points, run } = makeCut();
    write(line("one"));
    look(2000);
    write(line("two"));
    look(3000);
    write(line("three"));
    look(4000);
    cut(8);
    write(line("four, which is long"));
    look(9000);
    expect(points()).toEqual([
      [4, 2000],
      [8, 3000],
      [8, 4000],
      [28, 9000],
    ]);
    const timeOf = makeTimeOf(run());
    expect([4, 8, 28].map(timeOf)).toEqual([2000, 3000, 9000]);
  });

  test("a log cut again and again, to the same length each time, has right times", () => {
    const { write, cut, look, points } = makeCut();
    for (let round = 1; round <= 3; round++) {
      write(line(`round ${round}`));
      look(round * 1000);
      cut(0);
    }
    write(line("round 4"));
    look(4000);
    expect(points()?.slice(-2)).toEqual([
      [0, 3000],
      [8, 4000],
    ]);
  });

  test("repeated text after a cut is not mistaken for what was there before", () => {
    const { write, cut, look, points } = makeCut();
    for (let second = 1; second <= 5; second++) {
      write("tick\n".repeat(4));
      look(second * 1000);
    }
    cut(0);
    write("tick\n".repeat(9));
    look(9000);
    expect(points()).toEqual([
      [0, 5000],
      [45, 9000],
    ]);
  });

  test("a log that only grows is not reported as cut", () => {
    const { write, look, points } = makeCut();
    for (let second = 1; second <= 3000; second++) {
      write(line(`line ${second}`));
      look(second * 1000);
    }
    look(4_000_000);
    expect(points()?.length).toBe(3000);
    expect(points()?.at(-1)?.[1]).toBe(3_000_000);
  });
});
