/**
 * Runs a program to its end on this terminal, for handlers. It shares dt's streams and process group, so the terminal's
 * signals reach it directly.
 */
import { errnoOf } from "../base/error.ts";
import { type EndStatus, endStatusOf } from "../base/status.ts";
import { bunSpawn } from "./bunspawn.ts";
import { withCleanLimits } from "./childstart.ts";
import { type Execution, executionError } from "./exec.ts";
import { checkWorkingDirectory, findExecutable, looksLikeScript } from "./executable.ts";
import { inheritedOpenFiles } from "./limits.ts";

export interface AttachedProgram {
  exited: Promise<EndStatus>;
  /** Sends a signal, unless the program has ended. */
  signal(name: NodeJS.Signals): void;
}

/** Throws a DtError (126, 127) when the program cannot be started. */
export function startAttached({ argv, cwd, env }: Execution): AttachedProgram {
  checkWorkingDirectory(cwd);
  const file = findExecutable(argv[0], { path: env.PATH ?? "", cwd });
  const start = (command: string[], argv0: string) =>
    withCleanLimits({ openFiles: inheritedOpenFiles() }, () =>
      bunSpawn(command, { argv0, cwd, env, stdio: ["inherit", "inherit", "inherit"] }),
    );
  let child: ReturnType<typeof start>;
  try {
    child = start([file, ...argv.slice(1)], argv[0]);
  } catch (error) {
    // As every shell does with a script that has no `#!` line.
    if (errnoOf(error) !== "ENOEXEC" || !looksLikeScript(file)) throw executionError(file, error);
    child = start(["/bin/sh", file, ...argv.slice(1)], "sh");
  }
  return {
    exited: child.exited.then(() => endStatusOf(child)),
    signal: (name) => {
      if (child.exitCode === null && child.signalCode === null) child.kill(name);
    },
  };
}
