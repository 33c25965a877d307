/**
 * Finds lines that look like errors, with whole stack traces: what JavaScript, Python, Go, Rust, Java and Ruby programs
 * print when they fail, what loggers mark as error or worse, what compilers and test runners call an error. It guesses
 * by looks; a line that merely reports the absence of errors ("0 errors") does not count.
 */
import type { LineMatcher } from "./match.ts";

const WORDS =
  /\bERR!|\b(?:errors?|fatal|panic(?:ked)?|exceptions?|traceback|unhandled|uncaught|segmentation fault|segfault|core dumped|assert(?:ion)?(?:error)? failed|failed|failures?|critical|emerg(?:ency)?|cannot|denied|refused|undefined reference)\b|\b[A-Z][A-Za-z]*(?:Error|Exception)\b/i;
/** Phrases that name errors only to say that there are none, or mention them in passing. */
const NONE =
  /\b(?:no|0|zero|without)\s+(?:\w+\s+)?(?:errors?|failures?|failed|exceptions?)\b|\b(?:errors?|failures?|failed)\s*[:=]\s*(?:0\b|null|none|false|\[\])/i;
/** A logger's own level decides: in JSON or logfmt, in brackets, or in capitals at the line's start or after a time. */
const LEVELS = [
  /"level"\s*:\s*"?([A-Za-z]+|\d+)/,
  /\blevel=([A-Za-z]+)/,
  /^[^[]{0,40}\[\s*([A-Za-z]+)\s*\]/,
  /^(?:[[\dT:.,+/Z\]-]+\s+)*(TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|FATAL|CRITICAL|PANIC)\b/,
];
const KNOWN = /^(?:trace|debug|info|notice|warn(?:ing)?|error|err|fatal|critical|panic|10|20|30|40|50|60)$/i;
const BAD_LEVEL = /^(?:error|err|fatal|critical|panic|50|60)$/i;
const GOOD_LEVEL = /^(?:trace|debug|info|notice|10|20|30)$/i;

/** Continues the error above it: an indented line, or a frame or cause that is not indented. */
const GOES_ON =
  /^(?:\s+\S|Caused by:|Suppressed:|\.{3} \d+ more|During handling of|The above exception|stack backtrace:|note: run with|goroutine \d+|created by |exit status \d|from \S+:\d+:in )/;
const PYTHON = /^\s*Traceback \(most recent call last\):/;
const GO = /^(?:panic: |fatal error: |goroutine \d+ \[)/;
/**
 * A frame of Go: `main.main()`, followed by an indented place. Only the first `(` after the first character can match,
 * so there is one way to read a line.
 */
const GO_FRAME = /^[\w./*()-][\w./*)-]*\(.*\)$/;

export function makeErrorMatcher(): LineMatcher {
  /** What may continue: nothing, an error's further lines, Python's frames and last line, Go's goroutines. */
  let within: "none" | "error" | "python" | "go" = "none";
  return (text) => {
    if (PYTHON.test(text)) {
      within = "python";
      return true;
    }
    if (GO.test(text)) {
      within = "go";
      return true;
    }
    if (within === "python") {
      if (/^\s/.test(text) || text === "") return true;
      within = "error";
      return true; // the exception itself follows its frames
    }
    if (within === "go" && (text === "" || GO_FRAME.test(text) || GOES_ON.test(text))) return true;
    if (within !== "none" && GOES_ON.test(text)) return true;
    const isError = looksLikeError(text);
    within = isError ? "error" : "none";
    return isError;
  };
}

function looksLikeError(text: string): boolean {
  const level = LEVELS.map((pattern) => pattern.exec(text)?.[1]).find((word) => word !== undefined && KNOWN.test(word));
  if (level !== undefined && BAD_LEVEL.test(level)) return !NONE.test(text);
  if (level !== undefined && GOOD_LEVEL.test(level)) return false;
  return WORDS.test(text) && !NONE.test(text);
}
