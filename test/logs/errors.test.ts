/** What looks like an error, whole, and what does not. */
import { describe, expect, test } from "bun:test";
import { makeErrorMatcher } from "../../src/logs/errors.ts";
import { expectLinear } from "../linear.ts";

const errorsOf = (text: string) => {
  const matches = makeErrorMatcher();
  return text.split("\n").filter((line) => matches(line));
};

describe("single lines", () => {
  for (const line of [
    "Error: listen EADDRINUSE: address already in use :::3000",
    "[ERROR] could not connect",
    "2026-01-02T03:04:05.678Z ERROR http: it broke",
    '{"level":"error","msg":"x"}',
    '{"level":50,"msg":"x"}',
    'time="2026" level=fatal msg="x"',
    "npm ERR! code ELIFECYCLE",
    "src/a.ts(3,5): error TS2322: Type 'x' is not assignable.",
    "10 errors found",
    "make: *** [all] Error 2",
    "zsh: segmentation fault  ./a.out",
    "bash: ./x: Permission denied",
    "UnhandledPromiseRejectionWarning: TypeError: x is not a function",
    "FAILED test_x.py::test_y - AssertionError",
  ])
    test(`an error: ${line}`, () => expect(errorsOf(line)).toEqual([line]));

  for (const line of [
    "listening on 3000",
    "Found 0 errors. Watching for file changes.",
    "compiled without errors",
    "tests: 12 passed, 0 failed",
    "errors=0 warnings=3",
    '{"level":"info","msg":"error handler installed"}',
    '{"level":30,"msg":"failed jobs: none"}',
    "INFO retrying after error",
    "[debug] TypeError is handled here",
    "",
  ])
    test(`none: ${line}`, () => expect(errorsOf(line)).toEqual([]));
});

describe("stack traces are whole", () => {
  const traces: Record<string, string> = {
    node: `TypeError: Cannot read properties of undefined (reading 'x')
    at handler (/app/server.js:10:5)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5) {
  code: 'E'
}`.replace("\n}", ""),
    python: `Traceback (most recent call last):
  File "/app/a.py", line 3, in <module>
    f()
  File "/app/a.py", line 2, in f
    raise KeyError("x")
KeyError: 'x'`,
    go: `panic: runtime error: index out of range [3] with length 3

goroutine 1 [running]:
main.main()
	/app/main.go:8 +0x1d
exit status 2`,
    rust: `thread 'main' panicked at src/main.rs:2:5:
   0: rust_begin_unwind
   1: core::panicking::panic_fmt
note: run with \`RUST_BACKTRACE=full\` for a verbose backtrace.`,
    java: `Exception in thread "main" java.lang.IllegalStateException: x
	at com.example.Main.main(Main.java:5)
Caused by: java.io.IOException: y
	... 12 more`,
  };
  for (const [language, trace] of Object.entries(traces)) {
    test(language, () => {
      expect(errorsOf(`starting\n${trace}\nlistening again`)).toEqual(trace.split("\n"));
    });
  }

  test("an indented line that follows no error is no error", () => {
    expect(errorsOf("listening\n  on 3000\nError: x\n  at y\nfine\n  still fine")).toEqual(["Error: x", "  at y"]);
  });
});

describe("a line made to be slow is searched in time linear in its length", () => {
  const lines: Record<string, (size: number) => string> = {
    "brackets, in a panic of Go": (size) => "(".repeat(size),
    "brackets and what a frame has, in a panic of Go": (size) => "a.b(*".repeat(size / 5),
    blanks: (size) => `${" ".repeat(size)}x`,
    "a level that goes on": (size) => `"level" ${" ".repeat(size)}:`,
    levels: (size) => `"level" `.repeat(size / 8),
    "a bracket and letters": (size) => `[${"a".repeat(size)}`,
    "a bracket and blanks": (size) => `[${" ".repeat(size)}`,
    times: (size) => `${"12:00 ".repeat(size / 6)}x`,
    "one time": (size) => "1".repeat(size),
    letters: (size) => "E".repeat(size),
    no: (size) => `${"no ".repeat(size / 3)}`,
    "no, and blanks": (size) => `no ${" ".repeat(size / 2)}a${" ".repeat(size / 2)}`,
    errors: (size) => `${"error ".repeat(size / 6)}`,
    "errors, and blanks": (size) => `error${" ".repeat(size)}`,
    colons: (size) => `from ${":1".repeat(size / 2)}`,
    "a colon and digits": (size) => `from x:${"1".repeat(size)}`,
    words: (size) => `${"assert ".repeat(size / 7)}`,
  };
  for (const [what, make] of Object.entries(lines))
    test(what, () => {
      expectLinear(make, (text) => {
        for (const before of [[], ["panic: x"], ["Error: x"], ["Traceback (most recent call last):"]]) {
          const matches = makeErrorMatcher();
          for (const line of before) matches(line);
          matches(text);
        }
      });
    });
});
