/**
 * What dt says on standard error while it works: lifecycle messages, notes, errors. Results never go here. Colours only on
 * a terminal that wants them. On CI, what failed and whose last lines those are is marked as that CI's log does.
 *
 * A message is one line, whatever the values in it hold: no name of a file makes a second "dt:" line. Lines that belong to a message are
 * given apart from it, and stand indented.
 */
import type { DtError } from "../sys/error.ts";
import { lazy } from "../sys/lazy.ts";
import { isTerminal, writeBytes, writeText } from "../sys/stdio.ts";
import { mark, oneLine, toTerminal } from "../sys/visible.ts";
import { detectCi, formatFailure, formatGroup } from "./ci.ts";
import { quoteLine } from "./quoted.ts";

/** What was asked for on the command line. Read when something is said, for flags may stand behind a verb. */
export interface TalkFlags {
  quiet: boolean;
  verbose: boolean;
  /** Null: decide by the terminal and the environment. */
  color: boolean | null;
}

type ColorOptions = Pick<TalkFlags, "color"> & { env: Record<string, string | undefined> };

export interface Paint {
  dim(text: string): string;
  bold(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

/** A message, and the lines that belong to it. */
type Say = (text: string, lines?: readonly string[]) => void;

export interface Talk {
  paint: Paint;
  /** Whether what is said is coloured. */
  colored: boolean;
  /** A lifecycle message; not with `--quiet`. */
  say: Say;
  /** Only with `--verbose`; a function makes the text only then. */
  detail: (text: string | (() => string), lines?: readonly string[]) => void;
  /** Always. */
  warn: Say;
  /** Always: why the exit code is not going to be 0. */
  fail: Say;
  /** Always: the last lines of somebody's log. The title is shown where the log has groups. */
  quote(title: string, lines: readonly string[]): void;
  /** Whether this is CI: its log is all that is left when the job is over. */
  onCi: boolean;
  /** Whether something may be redrawn in place: a terminal, and nobody asked for quiet. */
  isLive: boolean;
}

const wrap = (open: number, close: number) => (text: string) => `${mark(open)}${text}${mark(close)}`;
const plain = (text: string) => text;

export function makePaint(colored: boolean): Paint {
  return colored
    ? {
        dim: wrap(2, 22),
        bold: wrap(1, 22),
        red: wrap(31, 39),
        green: wrap(32, 39),
        yellow: wrap(33, 39),
        cyan: wrap(36, 39),
      }
    : { dim: plain, bold: plain, red: plain, green: plain, yellow: plain, cyan: plain };
}

/** https://no-color.org and https://bixense.com/clicolors: a person's word first, then the terminal. On CI only by a word. */
export function wantsColor(fd: number, { color, env }: ColorOptions): boolean {
  if (color !== null) return color;
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== "0" && env.FORCE_COLOR !== "false";
  if (env.CLICOLOR_FORCE !== undefined && env.CLICOLOR_FORCE !== "0") return true;
  if (env.CLICOLOR === "0" || detectCi(env) !== null) return false;
  return env.TERM !== "dumb" && isTerminal(fd);
}

export function makeTalk(flags: Readonly<TalkFlags>, env: Record<string, string | undefined>): Talk {
  // Most calls say nothing, so the terminal is asked when something is said.
  const colored = lazy(() => wantsColor(2, { color: flags.color, env }));
  const paint = lazy(() => makePaint(colored()));
  const ci = detectCi(env);
  const write = (text: string, lines: readonly string[] = [], color = (plain: string) => plain) => {
    const head = `${paint().dim("dt:")} `;
    // GitHub looks for its commands behind blanks too.
    const below = ci === "github" ? head : "";
    const more = lines.map((line) => `${below}${color(indented(line))}`);
    writeText(2, [`${head}${color(oneLine(text))}`, ...more, ""].join("\n"));
  };
  return {
    get paint() {
      return paint();
    },
    get colored() {
      return colored();
    },
    say: (text, lines) => flags.quiet || write(text, lines),
    detail: (text, lines) => flags.verbose && write(typeof text === "string" ? text : text(), lines, paint().dim),
    warn: (text, lines) => write(text, lines, paint().yellow),
    fail(text, lines = []) {
      const marked = formatFailure(ci, [oneLine(text), ...lines.map(indented)].join("\n"));
      if (marked === null) write(text, lines, paint().yellow);
      else writeText(2, marked);
    },
    quote(title, lines) {
      const nonce = crypto.randomUUID().replaceAll("-", "");
      const shown = lines.map((line) => toTerminal(quoteLine(line, colored())));
      if (lines.length === 0) return;
      // As bytes: the marks of a CI's log are sequences too. What stands between them is shown by now.
      const group = formatGroup(ci, { title: toTerminal(oneLine(title)), lines: shown, now: Date.now(), nonce });
      writeBytes(2, Buffer.from(group));
    },
    onCi: ci !== null,
    get isLive() {
      return !flags.quiet && env.TERM !== "dumb" && isTerminal(2);
    },
  };
}

/** A line below a message never begins where a message does. */
function indented(line: string): string {
  const shown = oneLine(line);
  return shown.startsWith("  ") ? shown : `  ${shown}`;
}

/** An error for a person: the sentence, what belongs to it, then what to do. */
export function sayError(error: DtError, { color, env }: ColorOptions): void {
  const paint = makePaint(wantsColor(2, { color, env }));
  const hint = error.hint?.split("\n").map((line) => `    ${paint.dim(oneLine(line))}`) ?? [];
  const text = [oneLine(error.sentence), ...error.lines.map(indented), ...hint].join("\n");
  writeText(2, formatFailure(detectCi(env), text) ?? `${paint.red("dt:")} ${text}\n`);
}

/** Neither an error of a person's nor one that dt expected. It shows its stack. */
export function sayBug(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  writeText(2, ["dt: this is a bug of dt:", ...text.split("\n").map(indented), ""].join("\n"));
}

/** An error for a script, on standard output in place of the result. */
export function errorJson(error: DtError): string {
  return `${JSON.stringify({ error: { code: error.code, message: error.message, hint: error.hint ?? null, status: error.status, details: error.details ?? null } })}\n`;
}
