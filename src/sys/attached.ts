/** Running a program to its end on this terminal, for handlers: same streams, same group, so the terminal's signals reach it by themselves. */
import { type Execution, executionError } from "./exec.ts";
import { checkDirectory, findExecutable } from "./executable.ts";
import { inheritedOpenFiles, withCleanLimits } from "./limits.ts";
import { type EndStatus, statusOf } from "./status.ts";

export async function runAttached({ argv, cwd, env }: Execution): Promise<EndStatus> {
  checkDirectory(cwd);
  const file = findExecutable(argv[0], env.PATH ?? "", cwd);
  const start = () => {
    try {
      return withCleanLimits(inheritedOpenFiles(), () =>
        Bun.spawn([file, ...argv.slice(1)], { argv0: argv[0], cwd, env, stdio: ["inherit", "inherit", "inherit"] }),
      );
    } catch (error) {
      throw executionError(file, error);
    }
  };
  const child = start();
  await child.exited;
  return statusOf(child);
}
