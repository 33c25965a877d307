/**
 * The one error class of dt. A DtError is something the user can act on: dt prints it without a stack, as a sentence
 * and a hint, and exits with its status. Anything else that is thrown is a bug in dt and shows its stack.
 */

/** Exit statuses of dt itself. A command's own status passes through unchanged. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notRunning: 3,
  lockTimeout: 4,
  survivors: 5,
  timeout: 124,
  internal: 125,
  cannotExecute: 126,
  notFound: 127,
  interrupted: 130,
} as const;

export interface DtErrorOptions {
  /** The lines after the sentence, already indented for display: what is left, what a program printed. */
  lines?: readonly string[];
  /** What to do next: one sentence or a command line. */
  hint?: string;
  /** Exit status; `EXIT.failed` when not given. */
  status?: number;
  /** Machine-readable facts, shown under `details` with `--json`. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

/**
 * `message` is the sentence and its lines. They are also kept apart, because a value with a line break in it is not a
 * line of its own.
 */
export class DtError extends Error {
  override readonly name = "DtError";
  readonly lines: readonly string[];
  readonly hint: string | undefined;
  readonly status: number;
  readonly details: Record<string, unknown> | undefined;

  /**
   * @param code stable machine-readable reason, e.g. `lock-timeout`
   * @param sentence a whole sentence: what was expected, what was found, where
   */
  constructor(
    readonly code: string,
    readonly sentence: string,
    options: DtErrorOptions = {},
  ) {
    super(
      [sentence, ...(options.lines ?? [])].join("\n"),
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.lines = options.lines ?? [];
    this.hint = options.hint;
    this.status = options.status ?? EXIT.failed;
    this.details = options.details;
  }
}

/** The `code` of a system error (`ENOENT` …), or undefined when the value is not one. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}

/** Any thrown value as text for a message. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
