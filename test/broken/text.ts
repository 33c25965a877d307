/** Ways to break how dt prints foreign text and reads flags, each with the test that must notice. */
import type { Break } from "./breaks.ts";

const VISIBLE = "src/sys/text/visible.ts";
const WALK = "test/fault/trust/text.test.ts";
const PLACES = "test/fault/trust/textplaces.test.ts";
const DASHES = "test/fault/trust/dashes.test.ts";

export const TEXT_BREAKS: readonly Break[] = [
  {
    what: "dt prints results without making hidden characters visible",
    edits: [
      { file: "src/sys/stdio/stdio.ts", from: "encode(toTerminal(text))", to: "encode(text || toTerminal(text))" },
    ],
    test: WALK,
    only: "dt (list|ps)$",
  },
  {
    what: "dt prints bidi overrides and invisible letters",
    edits: [{ file: VISIBLE, from: "\\p{DI}", to: "" }],
    test: WALK,
    only: "dt list$",
  },
  {
    what: "dt prints C1 control characters",
    edits: [{ file: VISIBLE, from: "--[\\n\\t", to: "--[\\n\\t\\x80-\\x9f" }],
    test: WALK,
    only: "dt (list|ps)$",
  },
  {
    what: "dt prints a name that contains a newline as two lines",
    edits: [{ file: VISIBLE, from: '" ⏎ "', to: '"\\n"' }],
    test: WALK,
    only: "dt (doctor|stop|why)$",
  },
  {
    what: "another program can guess the marks that dt puts around its colours",
    edits: [
      {
        file: VISIBLE,
        from: '[...crypto.getRandomValues(new Uint32Array(4))].join("")',
        to: '"1234567890123456789012"',
      },
    ],
    test: "test/output/visible.test.ts",
    only: "a mark of one process",
  },
  {
    what: "a continuation line of a message looks like a message of its own",
    edits: [
      {
        file: "src/output/talk.ts",
        from: 'return shown.startsWith("  ") ? shown : `  ${shown}`;',
        to: "return shown;",
      },
    ],
    test: WALK,
    only: "manifests that are code",
  },
  {
    what: "dt quotes the last lines of a log without making hidden characters visible",
    edits: [
      {
        file: "src/output/talk.ts",
        from: "lines.map((line) => toTerminal(quoteLine(line, colored())))",
        to: "lines.map((line) => toTerminal(quoteLine(line, colored())) && line)",
      },
    ],
    test: PLACES,
    only: "on Git",
  },
  {
    what: "dt draws the `dt up` table without making hidden characters visible",
    edits: [{ file: "src/runners/parts/progress.ts", from: "${toTerminal(line)}", to: "${toTerminal(line) && line}" }],
    test: PLACES,
    only: "on a terminal",
  },
  {
    what: "`dt logs --json` prints hidden characters",
    edits: [
      {
        file: "src/commands/logs/format.ts",
        from: "Buffer.from(visible(`${JSON.stringify(toJson(entry))}\\n`))",
        to: "Buffer.from(`${JSON.stringify(toJson(entry))}\\n` || visible(entry.key))",
      },
    ],
    test: WALK,
    only: "dt logs$",
  },
  {
    what: "dt prints a command line with control characters in a form no shell reads",
    edits: [
      {
        file: "src/sys/text/shell.ts",
        from: "return holdsHidden(word) ? dollarQuote(word) : quoteWord(word);",
        to: "return quoteWord(word);",
      },
    ],
    test: PLACES,
    only: "a command line that is printed",
  },
  {
    what: "dt parses words after `--` as flags",
    edits: [{ file: "src/commands/parse/args.ts", from: '[...flags, "--", ...words]', to: "[...flags, ...words]" }],
    test: "test/commands/parse/args.test.ts",
  },
  {
    what: "dt prints help for a `--help` after `--`",
    edits: [
      {
        file: "src/commands/parse/args.ts",
        from: "return ownWords(argv).some(",
        to: "return argv.some(",
      },
    ],
    test: DASHES,
    only: "dt (stop|list|version) --",
  },
  {
    what: "dt does not count words after `--` as arguments",
    edits: [
      {
        file: "src/commands/parse/args.ts",
        from: 'if (options.rest === "words") words.push(...rest.splice(0));\n  if (words.length > options.maxWords)',
        to: 'const before = words.length;\n  if (options.rest === "words") words.push(...rest.splice(0));\n  if (before > options.maxWords)',
      },
    ],
    test: DASHES,
    only: "as many words",
  },
];
