/** Calls of dt in a `run`: seen where they are commands, not where they are words. */
import { expect, test } from "bun:test";
import { findNestedCalls } from "../../../src/inspect/doctor/nested.ts";

const CASES: [run: string[] | string, calls: string[]][] = [
  [["dt", "a", "b"], ["a b"]],
  [["./dialtone.sh", "-C", "../x", "a", "b"], ["a b (elsewhere)"]],
  [["/opt/bin/dt", "--verbose", "a", "b", "--flag"], ["a b --flag"]],
  [["env", "-u", "X", "A=1", "dt", "a", "b"], ["a b"]],
  [["sh", "dialtone.sh", "a", "b"], ["a b"]],
  [["bash", "-lc", "cd x; dt a b"], ["a b"]],
  [["echo", "dt", "a", "b"], []],
  [["git", "-C", "dt", "log"], []],
  [["node", "dt"], []],
  ["dt a b && dt c d | tee x; (dt e f)", ["a b", "c d", "e f"]],
  ["echo dt a b", []],
  ["echo 'x; dt a b'", []],
  ['echo "x; dt a b"', []],
  ["A=1 B='2 3' exec dt a 'b c'", ["a b c"]],
  ["if dt a b; then echo y; fi", ["a b"]],
  ["x=$(dt a b)", ["a b"]],
  ["# dt a b\nmake", []],
  ["make dt\\ a", []],
  ["dt", [""]],
  ["", []],
  ["'unclosed dt a b", []],
];

for (const [run, calls] of CASES) {
  test(JSON.stringify(run), () => {
    const found = findNestedCalls(run).map(
      ({ words, elsewhere }) => `${words.join(" ")}${elsewhere ? " (elsewhere)" : ""}`,
    );
    expect(found).toEqual(calls);
  });
}
