/** What a manifest threw, explained: whatever its message and stack hold, in time that is linear in them. */
import { expect, test } from "bun:test";
import { explainThrown, frameOf } from "../../../src/manifest/load/thrown.ts";
import { expectLinear } from "../../linear.ts";

const EXPORTED = ["definePlugin"];
const explain = (message: string, stack?: string) =>
  explainThrown({ name: "Error", message, stack }, { file: "/m.ts", exported: EXPORTED });

test("a syntax error has its place, with columns from one", () => {
  expect(explain("ParseError: Unexpected token. \n /p/x.ts:4:22")).toMatchObject({
    code: "syntax",
    message: "/p/x.ts:4:23: Unexpected token.",
  });
  expect(explain("ParseError: Unexpected token").code).toBe("throws");
});

test("an error's place is its topmost existing file", () => {
  const here = import.meta.path;
  for (const line of [
    `    at run (${here}:12:3)`,
    `    at ${here}:12:3`,
    `run@${here}:12:3`,
    `    at file://${here}:12:3`,
    `    at run (eval) (${here}:12:3)`,
  ])
    expect([line, frameOf(`Error: x\n    at gone (/gone/x.ts:1:1)\n${line}`)]).toEqual([line, `${here}:12`]);
  expect(frameOf("Error: x\n    at gone (/gone/x.ts:1:1)")).toBeNull();
});

test("control characters in a message are written out", () => {
  expect(explain("boom\x1b[31m\x7f").message).toBe("/m.ts: Error: boom\\u001b[31m\\u007f.");
});

test("names that the transformation gave to imports are restored in the message", () => {
  const message =
    "(0, _dt.definePlugn) is not a function. (In '(0, _dt.definePlugn)({})', '(0, _dt.definePlugn)' is undefined)";
  expect(explain(message).message).toBe("/m.ts: Error: `definePlugn` is not a function.");
  expect(explain("x is not iterable (In 'f(x)', 'x' is not iterable)").message).toBe(
    "/m.ts: Error: x is not iterable.",
  );
});

for (const [what, make] of Object.entries<(size: number) => string>({
  "a syntax error of blanks": (size) => `ParseError:${" ".repeat(size / 2)}${"\n".repeat(size / 2)}x`,
  "a syntax error of numbers": (size) => `ParseError: x\n${":1:1".repeat(size / 4)}x`,
  "a syntax error of lines": (size) => `ParseError: ${"x\n".repeat(size / 2)}`,
  origins: (size) => "(In '".repeat(size / 5),
  "origins that go on": (size) => `${"(In 'x' is not ".repeat(size / 15)}`,
  blanks: (size) => `${" ".repeat(size)}x`,
  calls: (size) => "(0, _a".repeat(size / 6),
  quotes: (size) => `Cannot find module '${"x".repeat(size)}`,
}))
  test(`a message made to take long takes its length: ${what}`, () => expectLinear(make, (text) => explain(text)));

for (const [what, make] of Object.entries<(size: number) => string>({
  "at /": (size) => "at /".repeat(size / 4),
  "@/": (size) => `${"@/".repeat(size / 2)}:1:1`,
  "(/": (size) => `${"(/".repeat(size / 2)}:1:1`,
  numbers: (size) => `at /${":1".repeat(size / 2)}x`,
  "a number": (size) => `at /x:${"1".repeat(size)}`,
}))
  test(`a stack made to take long takes its length: ${what}`, () => expectLinear(make, (text) => frameOf(text)));
