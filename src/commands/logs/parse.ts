/** The flags of `dt logs`, checked: which part of a log, which lines, and whether to follow it. */
import { type Cursor, parseCursors } from "../../logs/cursor.ts";
import { makeErrorMatcher } from "../../logs/errors.ts";
import { allOf, anyOf, type LineMatcher, matcherOf as matcherOfPattern } from "../../logs/match.ts";
import type { Part } from "../../logs/view.ts";
import { messageOf } from "../../sys/base/error.ts";
import { makePattern, type Pattern } from "../../sys/pattern/pattern.ts";
import { usage } from "../context/usage.ts";
import { pointInTime } from "../parse/when.ts";

export const DEFAULT_LINES = 100;
/** As grep takes a list of patterns. */
export const GREP_SEPARATOR = "\n";

export interface LogsArgs {
  follow?: boolean | undefined;
  lines?: string | undefined;
  previous?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
  grep?: string | undefined;
  errors?: boolean | undefined;
  context?: string | undefined;
  after?: string | undefined;
}

export interface LogsRequest {
  follow: boolean;
  lines: number;
  part: Omit<Part, "after">;
  after: readonly Cursor[];
  /**
   * Makes one for each key, since a matcher may remember lines; null: every line. `warn` gets warnings for the user.
   */
  matcher: ((warn: (text: string) => void) => LineMatcher) | null;
  /** How many lines before and after a match; null: none were asked for. */
  context: number | null;
}

export function parseLogsArgs(args: LogsArgs, now: number): LogsRequest {
  const part = {
    previous: args.previous === undefined ? null : wholeNumber("--previous", { text: args.previous, least: 1 }),
    since: args.since === undefined ? null : pointInTime("--since", { text: args.since, now }),
    until: args.until === undefined ? null : pointInTime("--until", { text: args.until, now }),
  };
  const after = args.after === undefined ? [] : cursorsOf(args.after);
  const matcher = matcherOf(args);
  refuseTogether(args, after);
  if (part.since !== null && part.until !== null && part.since > part.until)
    throw usage(`--since ${args.since} is later than --until ${args.until}.`);
  const asksForPart = part.since !== null || part.until !== null || after.length > 0 || matcher !== null;
  return {
    follow: args.follow === true,
    lines: args.lines === undefined ? (asksForPart ? Number.POSITIVE_INFINITY : DEFAULT_LINES) : linesOf(args.lines),
    part,
    after,
    matcher,
    context: args.context === undefined ? null : wholeNumber("--context", { text: args.context, least: 0 }),
  };
}

function refuseTogether(args: LogsArgs, after: readonly Cursor[]): void {
  const given = (...names: (keyof LogsArgs)[]) =>
    names.filter((name) => args[name] !== undefined && args[name] !== false);
  const refuse = (names: (keyof LogsArgs)[], why: string) => {
    const [first, second] = given(...names);
    if (first !== undefined && second !== undefined)
      throw usage(`--${first} and --${second} exclude each other: ${why}.`);
  };
  refuse(["follow", "until"], "a log that is followed has no end");
  refuse(["follow", "previous"], "an earlier run writes nothing more");
  refuse(["previous", "since"], "a run and a time each say which part is meant");
  refuse(["previous", "until"], "a run and a time each say which part is meant");
  for (const name of ["previous", "since", "until"] as const)
    if (after.length > 0 && args[name] !== undefined)
      throw usage(`--after and --${name} exclude each other: each says where to begin.`);
  if (args.context !== undefined && args.grep === undefined && args.errors !== true)
    throw usage("--context belongs to --grep or --errors.", "dt logs --grep REGEX --context 3");
}

function matcherOf({ grep, errors }: LogsArgs): LogsRequest["matcher"] {
  const patterns = grep === undefined ? [] : grep.split(GREP_SEPARATOR).map(patternOf);
  if (patterns.length === 0 && errors !== true) return null;
  const warned = new Set<string>();
  return (warn) => {
    const warnOnce = (source: string) => {
      if (warned.has(source)) return;
      warned.add(source);
      warn(
        `--grep ${JSON.stringify(source)} took too long on a line: this line, and any other like it, counts as no match`,
      );
    };
    return allOf([
      ...(errors === true ? [makeErrorMatcher()] : []),
      ...(patterns.length === 0
        ? []
        : [anyOf(patterns.map((one) => matcherOfPattern(one, () => warnOnce(one.source))))]),
    ]);
  };
}

function patternOf(source: string): Pattern {
  try {
    return makePattern(source);
  } catch (error) {
    throw usage(
      `--grep takes a regular expression, not "${source}": ${messageOf(error)}.`,
      'To match a `.` or `(` itself, put a backslash before it: --grep "\\(x\\)"',
    );
  }
}

function cursorsOf(text: string): Cursor[] {
  const cursors = parseCursors(text);
  if (cursors === null)
    throw usage(
      `--after takes a cursor of \`dt logs --json\`, not "${text}".`,
      "A cursor is <key>/<run>/<offset>; separate several by commas.",
    );
  return cursors;
}

function linesOf(text: string): number {
  if (text === "all") return Number.POSITIVE_INFINITY;
  const lines = Number(text);
  if (!Number.isSafeInteger(lines) || lines < 0)
    throw usage(`--lines (-n) takes a number of lines or "all", not "${text}".`);
  return lines;
}

function wholeNumber(flag: string, { text, least }: { text: string; least: number }): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < least || number > 1_000_000)
    throw usage(`${flag} takes a whole number from ${least}, not "${text}".`);
  return number;
}
