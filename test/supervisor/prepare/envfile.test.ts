/** What files of `NAME=value` lines set. */
import { describe, expect, test } from "bun:test";
import { readEnvFile } from "../../../src/supervisor/prepare/envfile.ts";

const read = (text: string) => readEnvFile(Buffer.from(text));

describe("one line", () => {
  test.each([
    ["A=b", "b"],
    ["A=", ""],
    ["  A = b  ", "b"],
    ["export A=b", "b"],
    ["export\tA=b", "b"],
    ["A: b", "b"],
    ["A=b c  d", "b c  d"],
    ["A==b", "=b"],
    // comments
    ["A=p4ss#word", "p4ss#word"],
    ["A=#ff0000", "#ff0000"],
    ["A=b # comment", "b"],
    ["A=b\t# comment", "b"],
    ["A=b #", "b"],
    ["A= # comment", ""],
    ["A=b#c # d#e", "b#c"],
    ["A=http://x/#top", "http://x/#top"],
    ['A="b # c" # d', "b # c"],
    ["A='b # c'# d", "b # c"],
    ['A="it # is" quoted" # so', 'it # is" quoted'],
    // escapes
    [String.raw`A="foo\tbar\nbaz\rx"`, "foo\tbar\nbaz\rx"],
    [String.raw`A="escaped\"quote"`, 'escaped"quote'],
    [String.raw`A="back\\slash\\n"`, String.raw`back\slash\n`],
    [String.raw`A="\$HOME \a\b\f\v"`, "$HOME \x07\b\f\v"],
    [String.raw`A="\d+ \x41"`, String.raw`\d+ \x41`],
    [String.raw`A="C:\\"`, "C:\\"],
    [String.raw`A='foo\tbar\\'`, String.raw`foo\tbar\\`],
    [String.raw`A='Let\'s go'`, "Let's go"],
    [String.raw`A=foo\tbar`, String.raw`foo\tbar`],
    // quotes
    [`A='say "hi"'`, 'say "hi"'],
    [`A="it's"`, "it's"],
    ['A=`it\'s "so" \\n`', `it's "so" \\n`],
    ["A=it's", "it's"],
    ['A={"a": "b"}', '{"a": "b"}'],
    [`A='{"a": "b"}'`, '{"a": "b"}'],
    [String.raw`A="{\"a\": \"b\"}"`, '{"a": "b"}'],
    ['A="x"y', '"x"y'],
    [`A="say "hi""`, 'say "hi"'],
    ['A=""', ""],
    // nothing is put in
    ["A=$HOME", "$HOME"],
    ['A="${HOME:-x} $$"', "${HOME:-x} $$"],
    ["A='$HOME'", "$HOME"],
  ])("%s", (line, value) => expect(read(line)).toEqual({ values: { A: value }, note: null }));
});

test("a value may span several lines, and other lines are no part of it", () => {
  const text = `\uFEFF# a comment
A=1\r
  # another
NAME
export ALONE
-x=1
B="one
 # two
three" # after
C='x
y'
A=2
a.b-c=3
`;
  expect(read(text)).toEqual({
    values: { A: "2", B: "one\n # two\nthree", C: "x\ny", "a.b-c": "3" },
    note: null,
  });
});

test("line ends of other systems are accepted", () => {
  expect(read('A=1\r\nB="x\r\ny"\r\nC=3\rD=4')).toEqual({
    values: { A: "1", B: "x\ny", C: "3", D: "4" },
    note: null,
  });
});

test.each(["", "\n\n", "# nothing yet\n", "\uFEFF"])("%j sets nothing, and nothing is reported", (text) =>
  expect(read(text)).toEqual({ values: {}, note: null }),
);

test.each([
  ['{\n  "A": "b"\n}\n', "{"],
  ["- a\n- b\n", "- a"],
  ["[server]\n", "[server]"],
  ["%PDF-1.7 x", "%PDF-1.7 x"],
  ["# only\nNAME\n", "NAME"],
])("%j has no assignment, which is reported", (text, found) =>
  expect(read(text)).toEqual({
    values: {},
    note: `sets nothing: expected lines like NAME=value, the first is ${JSON.stringify(found)}`,
  }),
);

test.each([
  ["UTF-16, little end first", Buffer.from("\uFEFFA=b\n", "utf16le"), "is UTF-16, expected UTF-8"],
  ["UTF-16, big end first", Buffer.from("\uFEFFA=b\n", "utf16le").swap16(), "is UTF-16, expected UTF-8"],
  ["UTF-16 without a mark", Buffer.from("A=b\n", "utf16le"), "is not text, expected lines like NAME=value"],
  ["a program", Buffer.from("\x7fELF\0\0A=b\n"), "is not text, expected lines like NAME=value"],
  ["a quote that nothing closes", Buffer.from('A=1\nB="x\nC=2\n'), 'has a " in line 2 that is never closed'],
  [
    "one that a later line's own seems to close",
    Buffer.from('A="x\nB="y"\n'),
    'has a " in line 1 that is never closed',
  ],
])("%s is refused", (_, bytes, fault) => expect(readEnvFile(bytes)).toEqual({ fault }));

test("bytes that are not UTF-8 stay as they are", () => {
  const read = readEnvFile(Buffer.from("\xef\xbb\xbfA=caf\xe9\nB='\xff \xc3\xa9'", "latin1"));
  expect(read).toEqual({ values: { A: "caf\udce9", B: "\udcff é" }, note: null });
});
