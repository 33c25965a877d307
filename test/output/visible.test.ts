/**
 * What is hidden in a text is shown, in every form that text leaves dt: lines, tables, messages, JSON, colours, quoted
 * lines of logs.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatLines } from "../../src/output/lines.ts";
import { makePrefix } from "../../src/output/logline.ts";
import { formatProgress } from "../../src/output/progress.ts";
import { quoteLine } from "../../src/output/quoted.ts";
import { formatTable } from "../../src/output/table.ts";
import { makePaint } from "../../src/output/talk.ts";
import { formatTruth } from "../../src/output/truth.ts";
import { holdsHidden, oneLine, toTerminal, visible } from "../../src/sys/text/visible.ts";

/** Written as ranges a second time, on purpose. */
const HIDDEN: readonly [first: number, last: number][] = [
  [0x00, 0x08],
  [0x0b, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0x3164, 0x3164],
  [0xd800, 0xdfff],
  [0xfe00, 0xfe0d],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xfffb],
  [0x1bca0, 0x1bca3],
  [0x1d173, 0x1d17a],
  [0xe0000, 0xe0fff],
];
const isHidden = (code: number) => HIDDEN.some(([first, last]) => code >= first && code <= last);

test("exactly the characters listed here are shown as JSON escapes, all others as they are", () => {
  const wrong: string[] = [];
  for (let code = 0; code <= 0x10ffff; code++) {
    const char = String.fromCodePoint(code);
    const shown = visible(char);
    const escaped = /^(?:\\u[0-9a-f]{4}){1,2}$/.test(shown) && JSON.parse(`"${shown}"`) === char;
    if (isHidden(code) ? !escaped : shown !== char) wrong.push(code.toString(16));
  }
  expect(wrong).toEqual([]);
});

const NASTY = [
  "\x1b]52;c;ZXZpbA==\x07",
  "\x1b[2J\x1b[31m",
  "\x9b2J",
  "\u202eevil\u2069",
  "a\u200bb\u{e0041}",
  "\r\x7f",
  "\ud800",
  "\u2028x",
];
const text = fc
  .array(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...NASTY, "\n", "\t", "x", " ")), { maxLength: 8 })
  .map((parts) => parts.join(""));
const paint = makePaint(true);
const hiddenIn = (shown: string) =>
  [...shown].filter((char) => isHidden(char.codePointAt(0) as number)).map((char) => char.codePointAt(0));

describe("properties", () => {
  test("property: no hidden character passes, and visible text stays as it is", () => {
    fc.assert(
      fc.property(text, (given) => {
        expect(hiddenIn(visible(given))).toEqual([]);
        expect(visible(visible(given))).toBe(visible(given));
        expect(oneLine(oneLine(given))).toBe(oneLine(given));
        expect(oneLine(given)).not.toMatch(/[\n\t]/);
        expect(holdsHidden(given)).toBe(visible(given) !== given || /[\n\t]/.test(given));
      }),
    );
  });

  test("property: visible JSON has the same value", () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: "binary" }), text, (json, given) => {
        const value = [JSON.parse(json), { [given]: given }];
        for (const form of [JSON.stringify(value), JSON.stringify(value, null, 2)]) {
          expect(hiddenIn(visible(form))).toEqual([]);
          expect(JSON.parse(toTerminal(form))).toEqual(JSON.parse(form));
        }
      }),
    );
  });

  test("property: dt's own colours stay, and colours in the text do not", () => {
    fc.assert(
      fc.property(text, text, (given, other) => {
        const shown = toTerminal(paint.bold(`${given}${paint.red(other)}`));
        expect(shown).toBe(`\x1b[1m${visible(given)}\x1b[31m${visible(other)}\x1b[39m\x1b[22m`);
      }),
    );
  });

  test("property: no text makes another line or column", () => {
    const cells = fc.array(fc.array(text, { minLength: 1, maxLength: 3 }), { maxLength: 4 });
    fc.assert(
      fc.property(cells, text, (rows, given) => {
        const table = formatTable(rows.map((row) => row.map(paint.green)));
        expect(table.split("\n")).toHaveLength(rows.length + 1);
        expect(hiddenIn(toTerminal(table).replaceAll(/\x1b\[\d+m/g, ""))).toEqual([]);
        expect(formatLines([given, given]).split("\n")).toHaveLength(3);
        expect(
          formatTruth("/r", { key: given, state: "ready", pid: 1, port: null, url: given, log: `/r/${given}` }).split(
            "\n",
          ),
        ).toHaveLength(2);
        expect(hiddenIn(makePrefix([given], false)(given))).toEqual([]);
      }),
    );
  });

  test("property: a row of the progress table is one line that fits", () => {
    fc.assert(
      fc.property(text, text, (name, more) => {
        const row = { name, state: "starting", open: true, failed: false, since: 0, tookMs: null, more };
        const [line = ""] = formatProgress([row], {
          size: { columns: 40, rows: 24 },
          now: 10,
          paint: makePaint(false),
        });
        expect(line).not.toMatch(/[\n\t]/);
        expect([hiddenIn(line), toTerminal(line) === line, Bun.stringWidth(line) < 40]).toEqual([[], true, true]);
      }),
    );
  });

  test("property: a quoted line keeps a few colours, which end with the line", () => {
    fc.assert(
      fc.property(text, fc.boolean(), (given, colored) => {
        const shown = toTerminal(quoteLine(given.replaceAll("\n", ""), colored));
        const plain = shown.replaceAll(/\x1b\[(?:0|[1-4]|2[234]|3[1-69]|9[1-6])m/g, "");
        expect(hiddenIn(plain)).toEqual([]);
        if (!colored) expect(shown).not.toContain("\x1b");
        else if (shown.includes("\x1b")) expect(shown).toEndWith("\x1b[0m");
      }),
    );
  });
});

describe("a quoted line", () => {
  const cases: [what: string, line: string, plain: string, colored: string][] = [
    ["plain", "a\tb", "a\tb", "a\tb"],
    ["red", "\x1b[31mred\x1b[0m end", "red end", "\x1b[31mred\x1b[0m end\x1b[0m"],
    ["several at once", "\x1b[1;31mred\x1b[m end", "red end", "\x1b[1m\x1b[31mred\x1b[0m end\x1b[0m"],
    ["concealed, black on black", "\x1b[8;30;40mgone", "gone", "gone\x1b[0m"],
    ["one of 256", "\x1b[38;5;1mx\x1b[48;2;1;2;3my", "xy", "xy\x1b[0m"],
    ["a title", "\x1b]0;x\x07a", "a", "a"],
    ["a cursor that goes up", "\x1b[31ma\x1b[2A\x1b[2Kb", "ab", "\x1b[31mab\x1b[0m"],
    ["C1", "\x9b2Kx", "\\u009b2Kx", "\\u009b2Kx"],
    ["an override", "\u202ex", "\\u202ex", "\\u202ex"],
  ];
  for (const [what, line, plain, colored] of cases) {
    test(what, () => {
      expect([toTerminal(quoteLine(line, false)), toTerminal(quoteLine(line, true))]).toEqual([plain, colored]);
    });
  }
});

test("making a long text visible takes time linear in its length", () => {
  const began = performance.now();
  for (const unit of [" ", " \n", "\n", "\x1b", "\x1b[", "\x1b[1", "\u202e", "\ud800", ";", "\t"]) {
    const long = unit.repeat(200_000 / unit.length);
    for (const text of [long, `${long}\n`, `\x1b[${long}`, `${long}é`]) {
      toTerminal(oneLine(text));
      toTerminal(quoteLine(text, true));
    }
  }
  expect(performance.now() - began).toBeLessThan(20_000);
});

test("a mark of one process means nothing in another", async () => {
  const script = `const { mark } = await import(${JSON.stringify(new URL("../../src/sys/text/visible.ts", import.meta.url).pathname)});
    require("node:fs").writeSync(1, mark(31));`;
  const other = Bun.spawnSync([process.execPath, "-e", script]).stdout.toString();
  expect(other).toMatch(/^\x1b\[\d{20,}031m$/);
  expect(toTerminal(other)).not.toContain("\x1b");
});
