/** The last lines of a file, compared with the obvious way to find them. */
import { describe, expect, test } from "bun:test";
import { closeSync, openSync, renameSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { boundLog } from "../../src/logs/bound.ts";
import { readLastLines, readTail } from "../../src/logs/tail.ts";
import { releaseHead } from "../../src/sys/files/holes.ts";
import { makeScratch } from "../kit/scratch.ts";

const scratch = makeScratch();
const CHUNK = 64 * 1024;
const ALL = Number.POSITIVE_INFINITY;

function tailOf(path: string, lines: number): { text: Buffer; end: number | null; calls: number } {
  const chunks: Uint8Array[] = [];
  const end = readTail(path, {
    lines,
    onBytes: (bytes) => {
      chunks.push(new Uint8Array(bytes));
      return true;
    },
  });
  return { text: Buffer.concat(chunks), end, calls: chunks.length };
}

/** All lines with their ends; what follows the last newline is a line as well. */
function naiveTail(content: Buffer, lines: number): Buffer {
  const all = content.toString("latin1").match(/[^\n]*\n|[^\n]+$/g) ?? [];
  return Buffer.from((lines === ALL ? all : lines === 0 ? [] : all.slice(-lines)).join(""), "latin1");
}

describe("readTail", () => {
  const long = "x".repeat(10 * 1024 * 1024);
  const cases: [what: string, content: string | Buffer, lines: number, tail: string | Buffer][] = [
    ["nothing", "", 10, ""],
    ["no lines", "a\nb\n", 0, ""],
    ["the last", "a\nb\n", 1, "b\n"],
    ["the last without its end", "a\nb", 1, "b"],
    ["two", "a\nb\nc\n", 2, "b\nc\n"],
    ["as many as there are", "a\nb\n", 2, "a\nb\n"],
    ["more than there are", "a\nb\n", 9, "a\nb\n"],
    ["all", "a\nb\n", ALL, "a\nb\n"],
    ["empty lines", "\n\n\n", 2, "\n\n"],
    ["one newline", "\n", 1, "\n"],
    ["CRLF as it is", "a\r\nb\r\n", 1, "b\r\n"],
    ["a carriage return ends no line", "10%\r20%\r30%", 1, "10%\r20%\r30%"],
    ["bytes that are no text", Buffer.from([0xff, 10, 0, 0xfe, 10, 0x80]), 2, Buffer.from([0, 0xfe, 10, 0x80])],
    ["a line of 10 MB", `a\n${long}\n`, 1, `${long}\n`],
    ["the line after one of 10 MB", `${long}\nb\n`, 1, "b\n"],
    ["a line that ends with a chunk", `${"y".repeat(CHUNK - 1)}\nz\n`, 2, `${"y".repeat(CHUNK - 1)}\nz\n`],
    ["a newline that begins a chunk", `a\n${"y".repeat(CHUNK)}`, 1, "y".repeat(CHUNK)],
  ];
  for (const [what, content, lines, tail] of cases) {
    test(what, () => {
      const path = join(scratch(), "f");
      writeFileSync(path, content);
      const { text, end } = tailOf(path, lines);
      expect(text.equals(Buffer.from(tail))).toBe(true);
      expect(end).toBe(Buffer.from(content).length);
    });
  }

  test("the tail of a missing file is empty", () => {
    expect(tailOf(join(scratch(), "nothing"), 5)).toEqual({ text: Buffer.alloc(0), end: null, calls: 0 });
  });

  test("reading a tail stops when its reader is gone", () => {
    const path = join(scratch(), "f");
    writeFileSync(path, "x".repeat(5 * CHUNK));
    let calls = 0;
    const end = readTail(path, {
      lines: ALL,
      onBytes: () => {
        calls++;
        return calls < 2;
      },
    });
    expect([calls, end]).toEqual([2, 5 * CHUNK]);
  });

  test("property: a tail equals reading the whole file, also around the ends of chunks", () => {
    const path = join(scratch(), "f");
    const piece = fc.oneof(
      fc.constant("\n"),
      fc.constant("\n\n"),
      fc.constant("\r\n"),
      fc.string({ maxLength: 20 }),
      fc.integer({ min: CHUNK - 3, max: CHUNK + 3 }).map((length) => "z".repeat(length)),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }),
        fc.oneof(fc.integer({ min: 0, max: 15 }), fc.constant(ALL)),
        (pieces, lines) => {
          const content = Buffer.from(pieces.join(""));
          writeFileSync(path, content);
          const { text, end } = tailOf(path, lines);
          return text.equals(naiveTail(content, lines)) && end === content.length;
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("a hole at the head", () => {
  function holed(lines: number): string | null {
    const path = join(scratch(), "f");
    writeFileSync(path, Array.from({ length: lines }, (_, at) => `line ${String(at).padStart(6, "0")}\n`).join(""));
    const fd = openSync(path, "r+");
    const reached = releaseHead(fd, 300_000);
    closeSync(fd);
    return reached === null ? null : path;
  }

  test("a hole at a log's head is skipped: no zero is shown and no later line is missing", () => {
    const path = holed(50_000);
    if (path === null) {
      console.error("skipped: this file system has no holes");
      return;
    }
    const all = tailOf(path, ALL).text.toString();
    expect(all.includes("\0")).toBe(false);
    expect(all.length).toBeLessThanOrEqual(600_000 - 294_912);
    expect(all.endsWith("line 049999\n")).toBe(true);
    const rest = all.split("\n").slice(1, -1);
    expect(rest).toHaveLength(new Set(rest).size);
    expect(rest[0]).toBe(`line ${String(50_000 - rest.length).padStart(6, "0")}`);
    expect(tailOf(path, 2).text.toString()).toBe("line 049998\nline 049999\n");
    expect(tailOf(path, 1_000_000).text.toString()).toBe(all);
  });

  test("a bound leaves alone a file that took the log's place", () => {
    const path = join(scratch(), "log");
    writeFileSync(path, "ours");
    const ours = statSync(path);
    renameSync(path, `${path}.old`);
    expect(boundLog(path, { file: ours, maxBytes: 1 })).toBeNull();
    writeFileSync(path, "another's");
    expect(boundLog(path, { file: ours, maxBytes: 1 })).toBeNull();
  });

  test("a bound keeps a growing log's disk use below it, and its tail whole", () => {
    const path = join(scratch(), "log");
    const fd = openSync(path, "a");
    const bound = boundLog(path, { file: statSync(path), maxBytes: 256 * 1024 });
    let written = 0;
    let works = true;
    for (let at = 0; at < 200; at++) {
      const text = `${`line ${at} `.padEnd(9_999, ".")}\n`;
      written += writeSync(fd, text);
      works = bound?.check() === true && works;
    }
    bound?.close();
    closeSync(fd);
    if (!works) {
      console.error("skipped: this file system has no holes");
      return;
    }
    const { text, end } = tailOf(path, ALL);
    expect(end).toBe(written);
    expect(text.length).toBeLessThanOrEqual(256 * 1024 + 10_000 + 4096);
    expect(text.length).toBeGreaterThan(200 * 1024);
    expect(
      tailOf(path, 20)
        .text.toString()
        .split("\n")
        .slice(0, -1)
        .map((line) => line.split(" ")[1]),
    ).toEqual(Array.from({ length: 20 }, (_, at) => String(180 + at)));
  });
});

describe("readLastLines", () => {
  const cases: [what: string, content: string, lines: number, last: string[]][] = [
    ["nothing", "", 5, []],
    ["lines without their ends", "a\nb\n", 5, ["a", "b"]],
    ["CRLF", "a\r\nb\r\n", 5, ["a", "b"]],
    ["an unfinished line", "a\nb", 1, ["b"]],
    ["one empty line", "\n", 5, [""]],
    ["empty lines", "a\n\n\n", 2, ["", ""]],
  ];
  for (const [what, content, lines, last] of cases) {
    test(what, () => {
      const path = join(scratch(), "f");
      writeFileSync(path, content);
      expect(readLastLines(path, { lines })).toEqual(last);
    });
  }

  test("a missing file has no last lines", () => {
    expect(readLastLines(join(scratch(), "nothing"), { lines: 5 })).toEqual([]);
  });

  test("of a line without end only the last part is kept, in whole characters", () => {
    const path = join(scratch(), "f");
    writeFileSync(path, `first\n${"€".repeat(2_000_000)}end`);
    const [line, ...more] = readLastLines(path, { lines: 50 }) as [string];
    expect(more).toEqual([]);
    expect(line.length).toBeLessThan(64 * 1024);
    expect(line).toMatch(/^€+end$/);
  });
});
