/** Keys, and what words on a command line select. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { askerOf } from "../../src/state/asker.ts";
import {
  formatKey,
  formatShortKey,
  isOfPlugin,
  isWholeKey,
  keyParts,
  keyWords,
  parseKey,
  parseSelection,
  pluginOf,
  type Selection,
  shortKey,
  typedKey,
  wholeKey,
} from "../../src/values/key.ts";
import { failure } from "../kit/failure.ts";

describe("parseKey", () => {
  const cases: [text: string, key: string | null][] = [
    ["a:b:c", "a:b:c"],
    ["a:b", "a:b:default"],
    ["A.1_x-:0:9-", "A.1_x-:0:9-"],
    [`${"a".repeat(64)}:b:c`, `${"a".repeat(64)}:b:c`],
    [`${"a".repeat(65)}:b:c`, null],
    ["a", null],
    ["", null],
    ["a:b:c:d", null],
    ["a::c", null],
    ["a:b:", null],
    [":b:c", null],
    ["a:..:c", null],
    ["a:.b:c", null],
    ["a:-b:c", null],
    ["a:_b:c", null],
    ["a:b/../x:c", null],
    ["a:b c:d", null],
    ["a:b\n:c", null],
    ["a:b:c\n", null],
    ["a:ü:c", null],
  ];
  for (const [text, key] of cases) {
    test(`${JSON.stringify(text.slice(0, 30))}: ${key === null ? "none" : "one"}`, () => {
      const parsed = parseKey(text);
      expect(parsed === null ? null : formatKey(parsed)).toBe(key);
    });
  }

  test("property: a key that parses is written the same again, and is a unique file name", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[A-Za-z0-9._:/-]{1,20}$/)), (text) => {
        const key = parseKey(text);
        if (key === null) return true;
        const written = formatKey(key);
        return (
          !/[/\0\n]/.test(written) && !written.startsWith(".") && formatKey(parseKey(written) as typeof key) === written
        );
      }),
      { numRuns: 2000 },
    );
  });
});

describe("the text of a key", () => {
  const cases: [whole: string, short: string, typed: string][] = [
    ["www:dev:default", "www:dev", "www dev"],
    ["www:dev:src_v2", "www:dev:src_v2", "www dev src_v2"],
    ["www:default:default", "www:default", "www default"],
    ["default:dev:v1.default", "default:dev:v1.default", "default dev v1.default"],
  ];
  for (const [whole, short, typed] of cases) {
    test(`${whole} is written ${short} and typed ${typed}`, () => {
      expect(shortKey(whole)).toBe(short);
      expect(typedKey(whole)).toBe(typed);
      expect(keyWords(whole)).toEqual(typed.split(" "));
      expect(formatShortKey(keyParts(whole))).toBe(short);
      expect(wholeKey(short)).toBe(whole);
      expect(wholeKey(whole)).toBe(whole);
      expect(isWholeKey(whole)).toBe(true);
      expect(isWholeKey(short)).toBe(short === whole);
    });
  }

  test("a key is of its plugin, and of no plugin whose name begins alike", () => {
    expect(pluginOf("www:dev:default")).toBe("www");
    expect(pluginOf("www")).toBe("www");
    expect(isOfPlugin("www:dev:default", "www")).toBe(true);
    expect(isOfPlugin("www2:dev:default", "www")).toBe(false);
  });
});

describe("parseSelection", () => {
  const keys = (...list: string[]): Selection => ({ is: "keys", keys: list });
  const cases: [words: string[], selection: Selection][] = [
    [[], { is: "all" }],
    [["dag"], { is: "plugin", plugin: "dag" }],
    [["dag", "dev"], keys("dag:dev:default")],
    [["dag", "dev", "src_v2"], keys("dag:dev:src_v2")],
    [["dag:dev"], keys("dag:dev:default")],
    [["dag:dev:src_v2"], keys("dag:dev:src_v2")],
    [["dag:dev", "www:dev:beta"], keys("dag:dev:default", "www:dev:beta")],
    [["a:b", "a:b", "c:d", "e:f"], keys("a:b:default", "a:b:default", "c:d:default", "e:f:default")],
  ];
  for (const [words, selection] of cases) {
    test(words.join(" ") || "nothing", () => {
      expect(parseSelection(words)).toEqual(selection);
    });
  }

  const refused: [words: string[], say: string][] = [
    [["dag:dev", "www"], "mixes words and keys"],
    [["dag", "dev", "x", "y"], "too many words"],
    [["../x"], '"../x" is not a key'],
    [[""], '"" is not a key'],
    [["a:b:c:d"], "is not a key"],
    [["a:"], "is not a key"],
    [["ok", "-x"], '"-x" is not a key'],
    [["*"], "is not a key"],
  ];
  for (const [words, say] of refused) {
    test(`refused: ${JSON.stringify(words.join(" "))}`, () => {
      const error = failure(() => parseSelection(words));
      expect(error).toMatchObject({ code: "bad-key", status: 2, hint: expect.any(String) });
      expect(error.message).toContain(say);
    });
  }
});

test("the asker is this process, with a command line of bounded length", () => {
  expect(askerOf("user", ["stop", "a"])).toEqual({ by: "user", pid: process.pid, command: "dt stop a" });
  expect(askerOf("rerun", ["x".repeat(9999)]).command).toHaveLength(500);
});
