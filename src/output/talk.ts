/**
 * What dt says on standard error while it works: lifecycle messages, notes, errors. Results never go here. Colours only on
 * a terminal that wants them. On CI, what failed and whose last lines those are is marked as that CI's log does.
 */
import type { DtError } from "../sys/error.ts";
import { isTerminal, writeAll } from "../sys/stdio.ts";
import { detectCi, formatFailure, formatGroup } from "./ci.ts";

export interface TalkOptions {
  quiet: boolean;
  verbose: boolean;
  /** Null: decide by the terminal and the environment. */
  color: boolean | null;
  env: Record<string, string | undefined>;
}

export interface Paint {
  dim(text: string): string;
  bold(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

export interface Talk {
  paint: Paint;
  /** A lifecycle message; not with `--quiet`. */
  say(text: string): void;
  /** Only with `--verbose`. */
  detail(text: string): void;
  /** Always. */
  warn(text: string): void;
  /** Always: why the exit code is not going to be 0. */
  fail(text: string): void;
  /** Always: the last lines of somebody's log. The title is shown where the log has groups. */
  quote(title: string, lines: readonly string[]): void;
  /** Whether this is CI: its log is all that is left when the job is over. */
  onCi: boolean;
  /** Whether something may be redrawn in place: a terminal, and nobody asked for quiet. */
  isLive: boolean;
}

const wrap = (open: number, close: number) => (text: string) => `\x1b[${open}m${text}\x1b[${close}m`;
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
export function wantsColor(fd: number, { color, env }: Pick<TalkOptions, "color" | "env">): boolean {
  if (color !== null) return color;
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== "0" && env.FORCE_COLOR !== "false";
  if (env.CLICOLOR_FORCE !== undefined && env.CLICOLOR_FORCE !== "0") return true;
  if (env.CLICOLOR === "0" || detectCi(env) !== null) return false;
  return env.TERM !== "dumb" && isTerminal(fd);
}

export function makeTalk(options: TalkOptions): Talk {
  const paint = makePaint(wantsColor(2, options));
  const ci = detectCi(options.env);
  const write = (text: string) => {
    writeAll(2, `${paint.dim("dt:")} ${text}\n`);
  };
  return {
    paint,
    say: (text) => options.quiet || write(text),
    detail: (text) => options.verbose && write(paint.dim(text)),
    warn: (text) => write(paint.yellow(text)),
    fail(text) {
      const marked = formatFailure(ci, text);
      if (marked === null) write(paint.yellow(text));
      else writeAll(2, marked);
    },
    quote(title, lines) {
      const nonce = crypto.randomUUID().replaceAll("-", "");
      if (lines.length > 0) writeAll(2, formatGroup(ci, { title, lines, now: Date.now(), nonce }));
    },
    onCi: ci !== null,
    isLive: !options.quiet && options.env.TERM !== "dumb" && isTerminal(2),
  };
}

/** An error for a person: the sentence, then what to do. */
export function sayError(error: DtError, { color, env }: Pick<TalkOptions, "color" | "env">): void {
  const paint = makePaint(wantsColor(2, { color, env }));
  const hint = error.hint === undefined ? "" : `\n    ${paint.dim(error.hint)}`;
  const marked = formatFailure(detectCi(env), `${error.message}${hint}`);
  writeAll(2, marked ?? `${paint.red("dt:")} ${error.message}${hint}\n`);
}

/** An error for a script, on standard output in place of the result. */
export function errorJson(error: DtError): string {
  return `${JSON.stringify({ error: { code: error.code, message: error.message, hint: error.hint ?? null, status: error.status, details: error.details ?? null } })}\n`;
}
