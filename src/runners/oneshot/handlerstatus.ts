/** The exit status of a handler, from what it returned or threw and the signal that came, and what dt prints of it. */
import type { Talk } from "../../output/talk.ts";
import { DtError, EXIT, messageOf } from "../../sys/base/error.ts";
import { shellCode } from "../../sys/base/status.ts";
import { writeText } from "../../sys/stdio/stdio.ts";
import type { Interruption } from "../parts/interruption.ts";
import { ExecError } from "./handlerexec.ts";

const HIGHEST_CODE = 255;
const isExitCode = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= HIGHEST_CODE;

export function statusOfResult(
  result: unknown,
  { interruption: { received }, name }: { interruption: Interruption; name: string },
): number {
  if (isExitCode(result)) return result;
  if (typeof result === "number") {
    throw new DtError("bad-result", `The handler of ${name} returned ${result}, which is not an exit code.`, {
      hint: `Return a whole number from 0 to ${HIGHEST_CODE}, or nothing.`,
    });
  }
  const signal = received();
  return signal === null ? EXIT.done : shellCode({ code: null, signal });
}

export function statusOfThrown(
  error: unknown,
  { interruption: { received }, talk, name }: { interruption: Interruption; talk: Talk; name: string },
): number {
  if (error instanceof DtError) throw error;
  const signal = received();
  const interrupted = signal === null ? null : shellCode({ code: null, signal });
  const isEcho = error instanceof ExecError || (error as { name?: unknown } | null)?.name === "AbortError";
  if (interrupted !== null && isEcho) return interrupted;
  const exitCode = (error as { exitCode?: unknown } | null)?.exitCode;
  if (isExitCode(exitCode) && exitCode !== 0) {
    talk.warn(`${name}: ${messageOf(error)}`);
    return exitCode;
  }
  // A handler's own error shows its stack: its author reads it.
  writeText(2, `${describeThrown(error)}\n`);
  return interrupted ?? EXIT.failed;
}

/** The stack without dt's own frames, and the stack of each cause. */
function describeThrown(error: unknown): string {
  if (!(error instanceof Error) && typeof (error as { stack?: unknown } | null)?.stack !== "string")
    return `Thrown: ${Bun.inspect(error)}`;
  const { stack, message, cause } = error as Error;
  const lines = (stack ?? message)
    .split("\n")
    .filter(
      (line) =>
        !/^\s+at .*(?:\/\$bunfs\/|\bsrc\/(?:runners|commands|cli)\b|\bunknown\)$|processTicksAndRejections)/.test(line),
    );
  return lines.join("\n") + (cause === undefined ? "" : `\n  caused by: ${describeThrown(cause)}`);
}
