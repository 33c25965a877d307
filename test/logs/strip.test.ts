/** Escape sequences go; nothing else is touched, however the stream is cut. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { makeStripper } from "../../src/logs/strip.ts";

/** Feeds the pieces through one buffer that is used again and again, as the readers of files do. */
function strip(...pieces: (string | Uint8Array)[]): Buffer {
  const stripper = makeStripper();
  const buffer = Buffer.alloc(Math.max(1, ...pieces.map((piece) => Buffer.from(piece as string).length)));
  const output: Uint8Array[] = [];
  for (const piece of pieces) {
    const length = Buffer.from(piece as string).copy(buffer);
    output.push(new Uint8Array(stripper.push(buffer.subarray(0, length))));
    buffer.fill("#");
  }
  output.push(new Uint8Array(stripper.end()));
  return Buffer.concat(output);
}

const cases: [what: string, input: string, output: string][] = [
  ["plain text", "a\tb\r\nc\n", "a\tb\r\nc\n"],
  ["characters of several bytes", "ä€🎉\n", "ä€🎉\n"],
  ["colours", "\x1b[31mred\x1b[0m \x1b[1;38;5;200mx\x1b[m", "red x"],
  ["colours with colons", "\x1b[38:2::1:2:3mx", "x"],
  ["cursor and erasing", "10%\r\x1b[2K20%\x1b[?25l", "10%\r20%"],
  ["a title, ended by BEL", "\x1b]0;title\x07text", "text"],
  ["a title, ended by ST", "\x1b]0;title\x1b\\text", "text"],
  ["a link", "\x1b]8;;http://x\x1b\\here\x1b]8;;\x1b\\", "here"],
  ["a title that is broken off by a colour", "\x1b]0;title\x1b[31mred", "red"],
  ["a device control string", "\x1bPq#0\x1b\\x", "x"],
  ["a character set", "\x1b(Bx\x1b)0y", "xy"],
  ["two bytes", "\x1b7x\x1b8y\x1bcz", "xyz"],
  ["a line end within a colour stays", "\x1b[31\nx", "\nx"],
  ["a line end within a title stays, and what follows it", "\x1b]0;title\nnext\n", "\nnext\n"],
  ["a line end after ESC stays", "a\x1b\nb", "a\nb"],
  ["a line end within a character set stays", "a\x1b(\nb", "a\nb"],
  ["a character of several bytes after ESC stays whole", "\x1bäx", "äx"],
  ["a second ESC starts a new sequence", "\x1b\x1b[31mx", "x"],
  ["a sequence within another starts again", "\x1b[3\x1b[31mx", "x"],
  ["what is not finished at the end is given as it is", "a\x1b[3", "a\x1b[3"],
  ["ESC at the end", "a\x1b", "a\x1b"],
];
for (const [what, input, output] of cases) {
  test(what, () => {
    expect(strip(input).toString()).toBe(output);
    expect(strip(...Array.from(Buffer.from(input), (byte) => new Uint8Array([byte]))).toString()).toBe(output);
  });
}

describe("properties", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary", maxLength: 8 }),
    fc.uint8Array({ maxLength: 6 }),
    fc.constantFrom(
      "\x1b",
      "\x1b[",
      "\x1b[1;31m",
      "\x1b]0;t\x07",
      "\x1b]8;;u\x1b\\",
      "\x1bP",
      "\x1b(B",
      "\n",
      "m",
      "\x07",
      "\x1b\\",
      "€",
    ),
    fc.integer({ min: 4090, max: 4100 }).map((length) => `\x1b]0;${"t".repeat(length)}\x07`),
    fc.integer({ min: 4090, max: 4100 }).map((length) => `\x1b[${"1".repeat(length)}m`),
  );
  const stream = fc
    .array(piece, { maxLength: 20 })
    .map((pieces) => Buffer.concat(pieces.map((one) => Buffer.from(one as string))));

  test("property: the output is the same however the stream is cut", () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 12 }), (whole, cuts) => {
        const places = [...new Set(cuts.map((cut) => cut % (whole.length + 1)))].sort((a, b) => a - b);
        const pieces = [0, ...places].map((from, at) => whole.subarray(from, places[at] ?? whole.length));
        expect(strip(...pieces).toString("latin1")).toBe(strip(whole).toString("latin1"));
      }),
      { numRuns: 2000 },
    );
  });

  test("property: bytes without ESC never change, and no line end is lost", () => {
    fc.assert(
      fc.property(stream, (whole) => {
        const plain = whole.filter((byte) => byte !== 0x1b);
        expect(strip(plain).equals(plain)).toBe(true);
        const ends = (bytes: Uint8Array) => bytes.filter((byte) => byte === 10).length;
        expect(ends(strip(whole))).toBe(ends(whole));
      }),
      { numRuns: 2000 },
    );
  });

  test("property: text between whole escape sequences passes unchanged", () => {
    const words = fc.array(
      fc.tuple(fc.stringMatching(/^[a-zäé€ \t\r\n]{0,9}$/), fc.constantFrom("\x1b[0m", "\x1b]0;x\x07", "\x1b7")),
    );
    fc.assert(
      fc.property(words, (pairs) => {
        expect(strip(pairs.flat().join("")).toString()).toBe(pairs.map(([text]) => text).join(""));
      }),
    );
  });
});
