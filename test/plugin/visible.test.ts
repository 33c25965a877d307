/** Text that another person wrote, made visible. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { visible, visibleJson } from "../../src/plugin/visible.ts";

test("controls, bidi overrides, characters without width and halves of characters are made visible", () => {
  expect(visible("a\x1b[31mb\x07\x7f\x9b\r\n\tc")).toBe("a\\x1b[31mb\\x07\\x7f\\x9b\\r\\n\\tc");
  expect(visible("\u202egnp\u2066x\u2069\u200f\u061c")).toBe("\\u202egnp\\u2066x\\u2069\\u200f\\u061c");
  expect(visible("a\u200bb\ufeffc\u2028d\u00ade\u3164\u{e0041}")).toBe(
    "a\\u200bb\\ufeffc\\u2028d\\u00ade\\u3164\\u{e0041}".replace("\\u00ad", "\\xad"),
  );
  expect(visible("\ud800x")).toBe("\\ud800x");
  expect(visible("one\n\ttwo\x1b", { lines: true })).toBe("one\n\ttwo\\x1b");
});

test("letters of every script, accents and emoji stay", () => {
  const text = "Grüße, 日本語, עברית, العربية, हिन्दी, می‌خواهم, é, 👩‍👩‍👧 ❤️ “q” …";
  expect(visible(text)).toBe(text);
});

test("visible JSON has the same value and moves no cursor", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: "binary" }), fc.string({ unit: "binary" })), (value) => {
      const text = visibleJson(value);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(text).toBe(visible(text, { lines: true }));
    }),
  );
  expect(visibleJson({ a: "\u202e" }, 0)).toBe('{"a":"\\u202e"}');
});

test("a long text takes no longer a character than a short one", () => {
  const began = performance.now();
  visible("\x1b \u202e".repeat(300_000));
  visible(" ".repeat(5_000_000));
  expect(performance.now() - began).toBeLessThan(3000);
});
