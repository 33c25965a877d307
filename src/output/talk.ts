/**
 * What dt prints on standard error while it works: lifecycle messages, notes, errors. Results never go here. Colours
 * only on a terminal that wants them. On CI, failures and quoted log lines are marked in that CI's own format.
 *
 * A message stays one line, whatever its values contain: no file name can forge a second "dt:" line. Lines that belong
 * to a message are passed separately, and are indented.
 */
import type { DtError } from "../sys/base/error.ts";
import { lazy } from "../sys/base/lazy.ts";
import { isTerminal, writeBytes, writeText } from "../sys/stdio/stdio.ts";
import { mark, oneLine, toTerminal } from "../sys/text/visible.ts";
import { detectCi, formatFailure, formatGroup } from "./ci.ts";
import { quoteLine } from "./quoted.ts";

/** The flags of the command line. Read when something is printed, since flags may follow a verb. */
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
  /** Whether messages are coloured. */
  colored: boolean;
  /** A lifecycle message; not with `--quiet`. */
  say: Say;
  /** Only with `--verbose`; a function is called only then. */
  detail: (text: string | (() => string), lines?: readonly string[]) => void;
  /** Always. */
  warn: Say;
  /** Always: why the exit code will not be 0. */
  fail: Say;
  /** Always: the last lines of a log. The title is shown where the CI's log has groups. */
  quote(title: string, lines: readonly string[]): void;
  /** Whether this is CI: its log is all that remains when the job is over. */
  onCi: boolean;
  /** Whether text may be redrawn in place: on a terminal, without `--quiet`. */
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

/**
 * https://no-color.org and https://bixense.com/clicolors: the user's choice first, then the
 * terminal. On CI only by choice.
 */
export function wantsColor(fd: number, { color, env }: ColorOptions): boolean {
  if (color !== null) return color;
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== "0" && env.FORCE_COLOR !== "false";
  if (env.CLICOLOR_FORCE !== undefined && env.CLICOLOR_FORCE !== "0") return true;
  if (env.CLICOLOR === "0" || detectCi(env) !== null) return false;
  return env.TERM !== "dumb" && isTerminal(fd);
}

export function makeTalk(flags: Readonly<TalkFlags>, env: Record<string, string | undefined>): Talk {
  // Most calls print nothing, so the terminal is checked only when something is printed.
  const colored = lazy(() => wantsColor(2, { color: flags.color, env }));
  const paint = lazy(() => makePaint(colored()));
  const ci = detectCi(env);
  const write = (text: string, lines: readonly string[] = [], color = (plain: string) => plain) => {
    const head = `${paint().dim("dt:")} `;
    // GitHub recognises its commands behind blanks too.
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
      // As bytes: a CI's marks are escape sequences too. The lines between them are filtered by now.
      const group = formatGroup(ci, { title: toTerminal(oneLine(title)), lines: shown, now: Date.now(), nonce });
      writeBytes(2, Buffer.from(group));
    },
    onCi: ci !== null,
    get isLive() {
      return !flags.quiet && env.TERM !== "dumb" && isTerminal(2);
    },
  };
}

/** A line that belongs to a message never begins where a message does. */
function indented(line: string): string {
  const shown = oneLine(line);
  return shown.startsWith("  ") ? shown : `  ${shown}`;
}

/** Prints an error for the user: the sentence, its lines, then the hint. */
export function sayError(error: DtError, { color, env }: ColorOptions): void {
  const paint = makePaint(wantsColor(2, { color, env }));
  const hint = error.hint?.split("\n").map((line) => `    ${paint.dim(oneLine(line))}`) ?? [];
  const text = [oneLine(error.sentence), ...error.lines.map(indented), ...hint].join("\n");
  writeText(2, formatFailure(detectCi(env), text) ?? `${paint.red("dt:")} ${text}\n`);
}

/** Prints an error that is neither the user's nor one that dt expects, with its stack. */
export function sayBug(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  writeText(2, ["dt: this is a bug in dt:", ...text.split("\n").map(indented), ""].join("\n"));
}

/** An error for a script, printed on standard output instead of the result. */
export function errorJson(error: DtError): string {
  return `${JSON.stringify({ error: { code: error.code, message: error.message, hint: error.hint ?? null, status: error.status, details: error.details ?? null } })}\n`;
}
