/** Says why a file could not be written, and what to do about it. */
import { DtError, errnoOf, messageOf } from "../base/error.ts";

const WRITE_HINTS: Record<string, string> = {
  ENOSPC: "The disk is full: free some space and run it again.",
  EDQUOT: "Your disk quota is used up: free some space and run it again.",
  EROFS: "The file system is read-only: set VARIABLE to a writable directory.",
  EACCES: "Check who owns the directory and its mode, or set VARIABLE to a writable directory.",
  EPERM: "Check who owns the directory and its mode, or set VARIABLE to a writable directory.",
};

interface WriteFailure {
  cause: unknown;
  variable?: "DIALTONE_RUN_DIR" | "DIALTONE_HOME" | undefined;
  doing?: "write" | "read" | undefined;
}

/**
 * The error of a failed write, as a sentence that names the path and the system's reason. A DtError is returned
 * unchanged. `variable`: the environment variable that moves the path elsewhere. `doing`: what
 * failed; the error's code is the same for both.
 */
export function writeError(
  path: string,
  { cause, variable = "DIALTONE_RUN_DIR", doing = "write" }: WriteFailure,
): DtError {
  if (cause instanceof DtError) return cause;
  const code = errnoOf(cause) ?? "unknown";
  const hint = WRITE_HINTS[code]?.replace("VARIABLE", variable);
  return new DtError("cannot-write", `Cannot ${doing} ${path}: ${messageOf(cause)}.`, {
    ...(hint === undefined ? {} : { hint }),
    details: { path, errno: code },
    cause,
  });
}
