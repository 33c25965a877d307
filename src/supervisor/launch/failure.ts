/** Errors on their way from a host to its caller: to plain JSON, and back to an error. */
import { DtError, EXIT } from "../../sys/base/error.ts";
import type { FailureReport } from "./types.ts";

/** The host's error, to be thrown again in the caller. */
export function toError(failure: FailureReport): DtError {
  return new DtError(failure.code, failure.message, {
    lines: failure.lines ?? [],
    status: failure.status,
    ...(failure.hint === null ? {} : { hint: failure.hint }),
    ...(failure.details === null ? {} : { details: failure.details }),
  });
}

export function toFailure(error: unknown): FailureReport {
  if ((error as { name?: string } | null)?.name === "DtError") {
    const known = error as DtError;
    return {
      code: known.code,
      message: known.sentence,
      lines: known.lines,
      hint: known.hint ?? null,
      status: known.status,
      details: known.details ?? null,
    };
  }
  if ((error as { name?: string } | null)?.name === "AbortError") {
    return {
      code: "cancelled",
      message: "Cancelled before anything was started.",
      hint: null,
      status: EXIT.interrupted,
      details: null,
    };
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const [first = "", ...lines] = text.split("\n");
  return {
    code: "internal",
    message: `dt failed: ${first}`,
    lines,
    hint: "This is a bug in dt.",
    status: EXIT.internal,
    details: null,
  };
}
