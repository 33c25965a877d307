/** The same answer as JavaScript's own RegExp, and never more time than its bound. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MOST_TEXT, makePattern } from "../../../src/sys/pattern/pattern.ts";
import { costInReads, expectLinear } from "../../linear.ts";

/** Two million steps, each no more than what it takes to read a thousand code units. */
const MOST_STEPS_COST = 2_000_000 * 1000;

/** What a log may take for each of its code units. */
const STEPS_A_UNIT = 25;

const ATOMS =
  "a b c 1 _ { a{ } ] / - é ſ K k . \\w \\d \\s \\S \\W \\D [ab] [^a] [\\w-] [\\w-z] [a-c] [a-] [-a] [\\s\\d] [] [^] \\b \\B ^ $ \\x61 \\x6 \\u0062 \\u1 \\cJ \\c [\\c_] [\\c] [\\b] \\0 \\1 \\2 \\8 \\07 \\141 \\/ \\- \\k \\. \\$ \\u2028 [^\\n] 😀 [😀] foo".split(
    " ",
  );
const QUANTIFIERS = ["", "", "", "*", "+", "?", "{2}", "{1,2}", "{0}", "{1,}", "{,2}", "*?", "+?", "??", "{0,1}?"];
const OPENINGS = ["(", "(?:", "(?=", "(?!", "(?<=", "(?<!", "(?i:", "(?m:", "(?s:", "(?-m:", "(?i-s:", "(?<n>"];
const TEXTS = fc.string({
  unit: fc.constantFrom(..."abcABKkſSsé1_{}]-/\\8. \n\r\u2028\u0007", "😀"),
  // Longer ones would take RegExp minutes.
  maxLength: 5,
});

const { pattern: PATTERNS } = fc.letrec<{ pattern: string; term: string }>((tie) => ({
  pattern: fc
    .array(fc.array(tie("term"), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 2 })
    .map((choices) => choices.map((terms) => terms.join("")).join("|")),
  term: fc
    .tuple(
      fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom(...ATOMS, "\\k<n>"),
        fc.tuple(fc.constantFrom(...OPENINGS), tie("pattern")).map(([open, inner]) => `${open}${inner})`),
      ),
      fc.constantFrom(...QUANTIFIERS),
    )
    .map(([atom, quantifier]) => atom + quantifier),
}));

function native(source: string, flags: string): RegExp | null {
  try {
    return new RegExp(source, flags);
  } catch {
    return null;
  }
}

describe("what matches", () => {
  for (const lines of [false, true])
    test(`is what JavaScript's RegExp matches, ${lines ? "with" : "without"} the flag m`, () => {
      let unknown = 0;
      fc.assert(
        fc.property(PATTERNS, fc.array(TEXTS, { minLength: 8, maxLength: 8 }), (source, texts) => {
          const theirs = native(source, lines ? "m" : "");
          if (theirs === null) return expect(() => makePattern(source)).toThrow(SyntaxError);
          const ours = makePattern(source, { lines });
          for (const text of texts) {
            const found = ours.test(text);
            unknown += found === null ? 1 : 0;
            if (found !== null) expect([source, text, found]).toEqual([source, text, theirs.test(text)]);
          }
        }),
        { numRuns: 600 },
      );
      // Loops in loops with a look at what stands around may be beyond the bound even here.
      expect(unknown).toBeLessThan(10);
    }, 60_000);

  test("patterns that people write for logs match what they should", () => {
    const text = "2026-01-02T03:04:05Z [ERROR] api: GET /items/17 took 2031ms (retry 2 of 3)";
    for (const source of [
      "ERROR|WARN",
      "took \\d{4,}ms",
      "^\\d{4}-\\d\\d-\\d\\dT.*\\bapi\\b",
      "^(?!.*DEBUG).*items",
      "(?<=retry )[2-9] of",
      "\\bretry (\\d) of \\1\\b",
      "(?i:error).*(?<id>/items/\\d+)",
      "\\)$",
      "ms$",
      "nothing|there",
    ])
      expect([source, makePattern(source).test(text)]).toEqual([source, new RegExp(source).test(text)]);
  });
});

describe("time", () => {
  const hostile: [source: string, make: (size: number) => string, matches: boolean][] = [
    ["(a+)+$", (size) => `${"a".repeat(size)}!`, false],
    ["^(a|a)*$", (size) => `${"a".repeat(size)}!`, false],
    ["a*a*a*a*[bc]", (size) => "a".repeat(size), false],
    ["\\s+$", (size) => `${" ".repeat(size)}x`, false],
    ["\\d+ms", (size) => "1".repeat(size), false],
    ["(x+x+)+[yz]", (size) => "x".repeat(size), false],
    ["(.*)*[,;](.*)*[!?]", (size) => ",".repeat(size), false],
    ["^(\\w+\\s?)*$", (size) => `${"word ".repeat(size / 5)}!`, false],
    ["([\\s\\S]*?)*z[^]q", (size) => "z".repeat(size), false],
    ["(?:\\w+@)+\\w+[.]", (size) => "a@".repeat(size / 2), false],
    ["(a+)+(?=b)c|d", (size) => "a".repeat(size), false],
    ["(a+)+\\1[bc]", (size) => "a".repeat(size), false],
    ["(a+)+[bc]", (size) => `${"a".repeat(size)}b`, true],
  ];
  for (const [source, make, matches] of hostile)
    test(`/${source}/ is linear in a text made against it`, () => {
      const pattern = makePattern(source);
      expect(pattern.test(make(1000))).toBe(matches);
      expectLinear(make, (text) => pattern.test(text));
    });

  test("a search that would grow without end is ended, and its answer is unknown", () => {
    for (const [source, text] of [
      ["(a+)+\\1$", `${"a".repeat(40)}!`],
      ["(?=(a|a)*$)a", `${"a".repeat(60)}!`],
      ["(a{100}){100}[bc]", "a".repeat(1_000_000)],
    ] as const) {
      const pattern = makePattern(source);
      expect([source, pattern.test(text)]).toEqual([source, null]);
      expect(costInReads(() => pattern.test(text))).toBeLessThan(MOST_STEPS_COST);
    }
  });

  test("searching a log of hostile lines takes time linear in the log", () => {
    const pattern = makePattern("(a+)+\\1$");
    const line = `${"a".repeat(60)}!`;
    pattern.test(line);
    expectLinear(
      (size) => `${line}\n`.repeat(size / line.length),
      (log) => log.split("\n").map((one) => pattern.test(one)),
      STEPS_A_UNIT * 500,
    );
    expect(pattern.test("aaaa")).toBe(true);
  });

  test("repeated hostile searches leave no more memory behind", () => {
    const pattern = makePattern("(?:a|b){1,4000}[cd]");
    const text = (seed: number) =>
      Array.from({ length: 3000 }, (_, at) => "abz"[((at + seed) * 7919) % (40 + seed)] ?? "a").join("");
    for (let seed = 0; seed < 5; seed++) pattern.test(text(seed));
    Bun.gc(true);
    const before = process.memoryUsage().heapUsed;
    for (let seed = 5; seed < 60; seed++) pattern.test(text(seed));
    Bun.gc(true);
    // A million numbers, twice over, and the names they are found by.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 1024 * 1024);
  });

  test("a search whose set of ways grows without end takes bounded time", () => {
    const pattern = makePattern("(?:a|b)*a(?:a|b){30}[cd]");
    const text = Array.from({ length: 20_000 }, (_, at) => ((at * at) % 7 < 3 ? "a" : "b")).join("");
    expect(pattern.test(text)).toBe(false);
    expect(pattern.test(`${text}c`)).toBe(/a[ab]{30}c$/.test(`${text}c`));
  });
});

describe("size", () => {
  test("text beyond the size bound is not searched, and the bound is no end of a line", () => {
    const text = `${"a".repeat(MOST_TEXT)}b`;
    expect(makePattern("b").test(text)).toBe(false);
    expect(makePattern("[b]+").test(text)).toBe(false);
    expect(makePattern("a$").test(text)).toBe(false);
    expect(makePattern("(?=a)a$").test(text)).toBe(false);
    expect(makePattern("aa(?!b)").test(text)).toBe(true);
    expect(makePattern("b$").test(text.slice(1))).toBe(true);
  });

  test("a pattern that is too large is refused with the reason", () => {
    expect(() => makePattern("(a{1000}){1000}")).toThrow("it repeats too large a part too often");
    expect(() => makePattern(`(${"a|".repeat(6000)})`)).toThrow("it has more than 10000 characters");
    expect(() => makePattern("(")).toThrow(SyntaxError);
    expect(makePattern("a{1000}").test("a".repeat(1000))).toBe(true);
  });
});
