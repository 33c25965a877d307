/** Text for people and scripts: plain data in, text out. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { formatTable } from "../../src/output/table.ts";
import { errorJson, makePaint } from "../../src/output/talk.ts";
import { formatTruth } from "../../src/output/truth.ts";
import { DtError } from "../../src/sys/base/error.ts";
import { quoteCommand, quoteWord, shortPath } from "../../src/values/commandline.ts";
import { formatDuration } from "../../src/values/duration.ts";
import { makeScratch } from "../kit/scratch.ts";
import { expectLinear } from "../linear.ts";

const scratch = makeScratch();

describe("tables", () => {
  const red = makePaint(true).red;
  const cases: [what: string, rows: string[][], lines: string[]][] = [
    ["nothing", [], []],
    ["one cell", [["a"]], ["a"]],
    [
      "columns",
      [
        ["KEY", "STATE"],
        ["a:b:c", "up"],
      ],
      ["KEY    STATE", "a:b:c  up"],
    ],
    [
      "wide characters",
      [
        ["漢字", "x"],
        ["abc", "y"],
        ["🎉", "z"],
      ],
      ["漢字  x", "abc   y", "🎉    z"],
    ],
    [
      "combining marks",
      [
        ["e\u0301", "x"],
        ["ab", "y"],
      ],
      ["e\u0301   x", "ab  y"],
    ],
    [
      "colours have no width",
      [
        [red("ab"), "x"],
        ["abc", "y"],
      ],
      [`${red("ab")}   x`, "abc  y"],
    ],
    ["rows of different lengths", [["a"], ["b", "c"], []], ["a", "b  c", ""]],
    [
      "empty cells at the end leave no blanks",
      [
        ["a", "", ""],
        ["b", "c", "d"],
      ],
      ["a", "b  c  d"],
    ],
  ];
  for (const [what, rows, lines] of cases) {
    test(what, () => {
      expect(formatTable(rows)).toBe(lines.map((line) => `${line}\n`).join(""));
    });
  }

  test("property: a table's second column begins two blanks after the widest first cell", () => {
    // The generator cuts 🎉 in half, and a half is shown as six characters.
    const whole = fc.stringMatching(/^[a-z漢é🎉]{1,8}$/u).map((text) => text.toWellFormed());
    const cell = fc.oneof(whole, fc.stringMatching(/^[a-z漢]{1,5}$/).map(red));
    fc.assert(
      fc.property(fc.array(cell, { minLength: 1, maxLength: 8 }), (cells) => {
        const lines = formatTable(cells.map((one) => [one, "|"]))
          .trimEnd()
          .split("\n");
        const places = new Set(lines.map((line) => Bun.stringWidth(line.slice(0, line.lastIndexOf("|")))));
        expect([...places]).toEqual([Math.max(...cells.map((one) => Bun.stringWidth(one))) + 2]);
      }),
    );
  });
});

describe("command lines can be pasted into a shell", () => {
  /** What sh makes of many command lines, in one process. */
  function wordsOf(commands: string[]): string[][] {
    const script = commands.map((command) => `show ${command}`).join("\n");
    const show = `show() { for word do printf '%s\\0' "$word"; done; printf '\\1\\0'; }`;
    const child = Bun.spawnSync(["sh", "-c", `${show}\n${script}`]);
    expect(child.stderr.toString()).toBe("");
    return child.stdout
      .toString()
      .split("\u0001\0")
      .slice(0, -1)
      .map((words) => words.split("\0").slice(0, -1));
  }

  test("property: a shell reads the same words from a quoted command line", () => {
    const hard = fc.constantFrom(
      "'",
      '"',
      "\\",
      "$",
      "`",
      "!",
      "*",
      "?",
      "~",
      "#",
      "&",
      ";",
      "\n",
      "\t",
      " ",
      "{a,b}",
      "(",
      ")",
      "|",
      "<",
      ">",
      "=",
      "^",
      "é",
      "%",
      "-",
      "[",
      "]",
    );
    const word = fc.oneof(
      fc.string({ unit: "binary", maxLength: 12 }).map((text) => text.replaceAll(/[\0\u0001\ud800-\udfff]/g, "")),
      fc.array(hard, { maxLength: 6 }).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(
        fc.array(fc.array(word, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 50 }),
        (lists) => {
          expect(wordsOf(lists.map(quoteCommand))).toEqual(lists);
        },
      ),
      { numRuns: 40 },
    );
  });

  test("plain words stay plain", () => {
    expect(quoteCommand(["bun", "run", "--port=3000", "a/b.ts", "user@host:dir,x", "+x", "50%"])).toBe(
      "bun run --port=3000 a/b.ts user@host:dir,x +x 50%",
    );
    expect([quoteWord(""), quoteWord("a b"), quoteWord("it's"), quoteWord("~")]).toEqual([
      "''",
      "'a b'",
      "'it'\\''s'",
      "'~'",
    ]);
  });

  for (const name of ["A=b", "if", "while", "time", "=ls", "case", "{", "!", "[["]) {
    test(`a program named ${name} is run, not taken for the shell's own`, () => {
      const line = quoteCommand([name, "x"]);
      for (const shell of ["/bin/sh", "/bin/bash"]) {
        const child = Bun.spawnSync([shell, "-c", line], { env: { PATH: "/nowhere" } });
        expect([child.exitCode, child.stderr.toString().includes("not found")]).toEqual([127, true]);
      }
    });
  }

  const paths: [root: string, path: string, short: string][] = [
    ["/r", "/r/a/b", "a/b"],
    ["/r", "/r", "/r"],
    ["/r", "/rest/a", "/rest/a"],
    ["/r", "/other", "/other"],
    ["/r", "/r/..a", "..a"],
    ["/r/in", "/r/a", "/r/a"],
  ];
  for (const [root, path, short] of paths) {
    test(`${path} seen from ${root}`, () => {
      expect(shortPath(root, path)).toBe(short);
    });
  }
});

test("the line of truth", () => {
  const truth = {
    key: "www:dev:default",
    state: "ready",
    pid: 4711,
    port: 3000,
    url: "http://localhost:3000",
    log: "/r/www/dev.log",
  };
  expect(formatTruth("/r", truth)).toBe("www:dev:default ready pid 4711 http://localhost:3000 log www/dev.log\n");
  expect(formatTruth("/r", { ...truth, url: null, port: null, log: "/var/log/x" })).toBe(
    "www:dev:default ready pid 4711 log /var/log/x\n",
  );
  expect(formatTruth("/r", { ...truth, pid: null, url: null })).toBe("www:dev:default ready log www/dev.log\n");
});

describe("colours", () => {
  const TERMINAL = [
    "-e",
    `const { wantsColor } = await import(${JSON.stringify(join(import.meta.dir, "../../src/output/talk.ts"))});
    const { writeFileSync } = require("node:fs");
    const [out, ...cases] = process.argv.slice(1);
    writeFileSync(out, JSON.stringify(JSON.parse(cases[0]).map((one) => wantsColor(2, one))));`,
  ];
  const cases: [what: string, color: boolean | null, env: Record<string, string>, file: boolean, terminal: boolean][] =
    [
      ["nothing said", null, {}, false, true],
      ["a dumb terminal", null, { TERM: "dumb" }, false, false],
      ["--no-color", false, { FORCE_COLOR: "1" }, false, false],
      ["--color", true, { NO_COLOR: "1" }, true, true],
      ["NO_COLOR", null, { NO_COLOR: "1" }, false, false],
      ["an empty NO_COLOR says nothing", null, { NO_COLOR: "" }, false, true],
      ["NO_COLOR before FORCE_COLOR", null, { NO_COLOR: "1", FORCE_COLOR: "1" }, false, false],
      ["FORCE_COLOR", null, { FORCE_COLOR: "1" }, true, true],
      ["an empty FORCE_COLOR forces", null, { FORCE_COLOR: "" }, true, true],
      ["FORCE_COLOR=0", null, { FORCE_COLOR: "0" }, false, false],
      ["FORCE_COLOR=false", null, { FORCE_COLOR: "false" }, false, false],
      ["FORCE_COLOR on a dumb terminal", null, { FORCE_COLOR: "1", TERM: "dumb" }, true, true],
      ["CLICOLOR_FORCE", null, { CLICOLOR_FORCE: "1" }, true, true],
      ["CLICOLOR_FORCE=0 says nothing", null, { CLICOLOR_FORCE: "0" }, false, true],
      ["CLICOLOR=0", null, { CLICOLOR: "0" }, false, false],
      ["CLICOLOR=1", null, { CLICOLOR: "1" }, false, true],
      ["CI", null, { CI: "true" }, false, false],
      ["GitLab without CI", null, { GITLAB_CI: "true" }, false, false],
      ["CI=false", null, { CI: "false", GITHUB_ACTIONS: "true" }, false, true],
      ["FORCE_COLOR on CI", null, { CI: "true", FORCE_COLOR: "1" }, true, true],
      ["CLICOLOR_FORCE on CI", null, { CI: "true", CLICOLOR_FORCE: "1" }, true, true],
      ["--color on CI", true, { CI: "true" }, true, true],
      ["CLICOLOR_FORCE before CLICOLOR=0", null, { CLICOLOR: "0", CLICOLOR_FORCE: "1" }, true, true],
    ];
  const asked = cases.map(([, color, env]) => ({ color, env }));

  const answers = (shell: (command: string) => string[]): boolean[] => {
    const out = join(scratch(), "out");
    Bun.spawnSync(shell(quoteCommand([process.execPath, ...TERMINAL, out, JSON.stringify(asked)])));
    return JSON.parse(readFileSync(out, "utf8"));
  };

  test("colours of output that is no terminal follow the environment", () => {
    const seen = answers((command) => ["sh", "-c", `${command} 2>/dev/null`]);
    expect(cases.map(([what], at) => [what, seen[at]])).toEqual(cases.map(([what, , , file]) => [what, file]));
  });

  test("colours on a terminal follow the environment", () => {
    if (Bun.which("script") === null) {
      console.error("skipped: script(1) is not there");
      return;
    }
    const seen = answers((command) => ["script", "-qec", command, "/dev/null"]);
    expect(cases.map(([what], at) => [what, seen[at]])).toEqual(
      cases.map(([what, , , , terminal]) => [what, terminal]),
    );
  });

  test("painting is undone by its own end, and is nothing without colours", () => {
    const [colored, plain] = [makePaint(true), makePaint(false)];
    for (const name of Object.keys(plain) as (keyof typeof plain)[]) {
      expect(plain[name]("x")).toBe("x");
      expect(colored[name]("x")).toMatch(/^\x1b\[\d+mx\x1b\[\d+m$/);
    }
  });
});

test("an error for a script is one line with all its parts", () => {
  const error = new DtError("some-code", "A sentence.", { status: 4, details: { reason: "held" } });
  expect(errorJson(error).trimEnd()).not.toContain("\n");
  expect(JSON.parse(errorJson(error))).toEqual({
    error: { code: "some-code", message: "A sentence.", hint: null, status: 4, details: { reason: "held" } },
  });
});

describe("lengths of time", () => {
  const SECOND = 1000;
  const MINUTE = 60 * SECOND;
  const HOUR = 60 * MINUTE;
  const cases: [ms: number, text: string][] = [
    [-5, "0ms"],
    [0, "0ms"],
    [0.4, "0ms"],
    [350, "350ms"],
    [999, "999ms"],
    [999.7, "1.0s"],
    [1000, "1.0s"],
    [4250, "4.2s"],
    [9999, "9.9s"],
    [10_000, "10s"],
    [59_999, "59s"],
    [MINUTE, "1m"],
    [3 * MINUTE + 5 * SECOND, "3m 5s"],
    [59 * MINUTE + 59_999, "59m 59s"],
    [HOUR, "1h"],
    [2 * HOUR + 10 * MINUTE, "2h 10m"],
    [47 * HOUR + 59 * MINUTE, "47h 59m"],
    [48 * HOUR, "2d"],
    [5 * 24 * HOUR + 23 * HOUR, "5d"],
  ];
  for (const [ms, text] of cases) {
    test(`${ms} ms: ${text}`, () => {
      expect(formatDuration(ms)).toBe(text);
    });
  }
});

test("a table's row is one line, whatever its cells hold", () => {
  expect(
    formatTable([
      ["a", "one\n  two\n"],
      ["bb", "three"],
    ]),
  ).toBe("a   one ⏎ two ⏎\nbb  three\n");
});

test("a cell made to be slow is shown in time linear in its length", () => {
  for (const make of [
    (size: number) => `${" ".repeat(size)}x\n`,
    (size: number) => `x${"\n ".repeat(size / 2)}x`,
    (size: number) => "\x1b[".repeat(size / 2),
    (size: number) => `\x1b[${"1".repeat(size)}`,
  ])
    expectLinear(make, (text) => formatTable([[text, "x"]]));
  expect(formatTable([["\n a\n\n \n b \n", "x"]])).toBe(" ⏎ a ⏎ b ⏎   x\n");
});
