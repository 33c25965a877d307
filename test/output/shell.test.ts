/** Printed command lines mean to a shell what dt means by them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { quoteCommand, quoteWord } from "../../src/output/shell.ts";

const SHELLS = ["sh", "bash", "busybox"].filter((name) => Bun.which(name) !== null);
const PROGRAMS = [
  "if",
  "then",
  "do",
  "for",
  "case",
  "in",
  "while",
  "time",
  "function",
  "select",
  "{",
  "}",
  "!",
  "[[",
  "A=b",
  "A+=b",
  "~",
  "a b",
  "-x",
  "#x",
  "*",
  "it's",
  "日本",
  "\n",
];

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "dt-test-shell-"));
  const print = join(directory, "print");
  writeFileSync(print, '#!/bin/sh\nprintf "%s\\0" "${0##*/}" "$@"\n');
  chmodSync(print, 0o755);
  for (const name of PROGRAMS) symlinkSync(print, join(directory, name));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function run(shell: string, script: string): string[] {
  const command = shell === "busybox" ? ["busybox", "sh"] : [shell];
  const { stdout } = Bun.spawnSync([...command, "-c", ` ${script}`], {
    env: { PATH: `${directory}:${process.env.PATH}`, LC_ALL: "C.UTF-8" },
    stderr: "pipe",
  });
  return stdout.toString().split("\0").slice(0, -1);
}

for (const shell of SHELLS) {
  describe(shell, () => {
    test("whatever the words are", () => {
      const word = fc.string({ unit: "binary", maxLength: 20 }).filter((text) => !text.includes("\0"));
      // many command lines for one shell: each ends with a word that none of them can hold
      fc.assert(
        fc.property(fc.array(fc.array(word, { maxLength: 5 }), { minLength: 1, maxLength: 30 }), (lines) => {
          const script = lines.map((args) => quoteCommand(["printf", "%s\\0", ...args, "\u{f0000}"])).join("\n");
          expect(run(shell, script)).toEqual(lines.flatMap((args) => [...args, "\u{f0000}"]));
        }),
        { numRuns: 30 },
      );
    });

    // busybox runs its own tools by their names, quoted or not
    for (const program of shell === "busybox" ? [] : PROGRAMS) {
      test(`a program named ${JSON.stringify(program)}`, () => {
        expect(run(shell, quoteCommand([program, "A=b", "if", ""]))).toEqual([program, "A=b", "if", ""]);
      });
    }
  });
}

test("plain words stay plain", () => {
  expect(quoteCommand(["bun", "run", "server.ts", "--port=3000", "a/b:c@d,e_f+g%h", ""])).toBe(
    "bun run server.ts --port=3000 a/b:c@d,e_f+g%h ''",
  );
  expect(quoteWord("A=b")).toBe("A=b");
  expect(quoteCommand([])).toBe("");
});
