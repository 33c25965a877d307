/** Ways to break what dt prints of others, and what it takes for a flag, each with the test that must notice. */
import type { Break } from "./breaks.ts";

const VISIBLE = "src/sys/text/visible.ts";
const WALK = "test/fault/trust/text.test.ts";
const PLACES = "test/fault/trust/textplaces.test.ts";
const DASHES = "test/fault/trust/dashes.test.ts";

export const TEXT_BREAKS: readonly Break[] = [
  {
    what: "a result is written as it is",
    edits: [
      { file: "src/sys/stdio/stdio.ts", from: "encode(toTerminal(text))", to: "encode(text || toTerminal(text))" },
    ],
    test: WALK,
    only: "dt (list|ps)$",
  },
  {
    what: "overrides of direction and invisible letters pass",
    edits: [{ file: VISIBLE, from: "\\p{DI}", to: "" }],
    test: WALK,
    only: "dt list$",
  },
  {
    what: "C1 passes",
    edits: [{ file: VISIBLE, from: "--[\\n\\t", to: "--[\\n\\t\\x80-\\x9f" }],
    test: WALK,
    only: "dt (list|ps)$",
  },
  {
    what: "a name with an end of line makes a line",
    edits: [{ file: VISIBLE, from: '" ⏎ "', to: '"\\n"' }],
    test: WALK,
    only: "dt (doctor|stop|why)$",
  },
  {
    what: "the marks of dt's colours can be guessed",
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
    what: "a line below a message begins where a message does",
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
    what: "last lines of a log are quoted as they are",
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
    what: "a table drawn in place is drawn as it is",
    edits: [{ file: "src/runners/parts/progress.ts", from: "${toTerminal(line)}", to: "${toTerminal(line) && line}" }],
    test: PLACES,
    only: "on a terminal",
  },
  {
    what: "JSON of log lines keeps what is hidden",
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
    what: "a printed command line shows control characters in a form that no shell reads",
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
    what: "what stands behind -- is parsed as flags",
    edits: [{ file: "src/commands/parse/args.ts", from: '[...flags, "--", ...words]', to: "[...flags, ...words]" }],
    test: "test/commands/parse/args.test.ts",
  },
  {
    what: "behind -- help is given",
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
    what: "words behind -- are not counted",
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
