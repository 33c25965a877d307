/**
 * Becoming the command: after `execve` the pid that was dt's is the command's, with its terminal, signals and exit code.
 * Nothing of dt is left, so nothing can be cleaned up after; what must be undone is undone before.
 */
import { DtError, EXIT, errnoOf, messageOf } from "./error.ts";
import { checkDirectory, findExecutable, missingInterpreter } from "./executable.ts";
import { restoreForExec } from "./limits.ts";

export interface Execution {
  argv: [string, ...string[]];
  cwd: string;
  env: Record<string, string>;
}

/** Does not return, unless by throwing a DtError (126, 127). */
export function becomeCommand({ argv, cwd, env }: Execution): never {
  checkDirectory(cwd);
  const file = findExecutable(argv[0], env.PATH ?? "", cwd);
  process.chdir(cwd);
  restoreForExec();
  try {
    process.execve?.(file, argv, env);
  } catch (error) {
    // What every shell does with a script that has no `#!` line.
    if (errnoOf(error) === "ENOEXEC") process.execve?.("/bin/sh", ["sh", file, ...argv.slice(1)], env);
    throw executionError(file, error);
  }
  throw new Error("execve returned");
}

/** The error of a failed exec or spawn, with the reason the system does not give. */
export function executionError(file: string, error: unknown): DtError {
  const interpreter = missingInterpreter(file);
  if (interpreter !== null) {
    return new DtError("not-found", `Cannot execute ${file}: its interpreter ${interpreter} does not exist.`, {
      status: EXIT.notFound,
    });
  }
  const tooLong = errnoOf(error) === "E2BIG";
  return new DtError(
    "not-executable",
    `Cannot execute ${file}: ${tooLong ? "the arguments and the environment are too long for this system" : messageOf(error)}.`,
    { status: EXIT.cannotExecute, cause: error },
  );
}
