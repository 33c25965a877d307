/** `handler` commands: the manifest's function, run inside dt with a small context. Loaded only when one runs. */
import { loadHandler } from "../manifest/handler.ts";
import type { HandlerContext } from "../manifest/types.ts";
import { prepareCommand } from "../supervisor/prepare.ts";
import { runAttached } from "../sys/attached.ts";
import { EXIT, messageOf } from "../sys/error.ts";
import { shellCode } from "../sys/status.ts";
import { writeAll } from "../sys/stdio.ts";
import type { RunnerContext } from "./context.ts";
import type { OneshotRequest } from "./exec.ts";
import { formatPlan } from "./plan.ts";

/** Thrown by `ctx.exec` when the program does not exit 0. */
class ExecError extends Error {
  override readonly name = "ExecError";
  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super(message);
  }
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export async function runHandler(context: RunnerContext, request: OneshotRequest): Promise<number> {
  const { plugin, command, variant, file, settings, args } = request;
  const { environment, cwd } = prepareCommand({
    ground: context.ground,
    settings,
    run: ["handler"],
    args,
    inherited: context.env,
    launch: null,
  });
  if (context.dryRun) {
    writeAll(
      1,
      formatPlan(
        { argv: [`<handler of ${plugin}:${command} in ${file}>`, ...args], cwd, added: environment.added },
        context.json,
      ),
    );
    return 0;
  }
  const abort = new AbortController();
  let signalled: string | null = null;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      signalled = signal;
      abort.abort(new Error(signal));
    });
  }
  process.chdir(cwd);
  Object.assign(process.env, environment.env);
  const handler = await loadHandler({ file, command, variant, root: context.ground.root });
  const { createConsola } = await import("consola");
  const handlerContext: HandlerContext = {
    exec: async (name, words = [], options = {}) => {
      const ended = await runAttached({
        argv: [name, ...words],
        cwd: options.cwd ?? cwd,
        env: { ...environment.env, ...options.env },
      });
      const code = shellCode(ended);
      if (code !== 0) throw new ExecError(`${name} ended with ${ended.signal ?? `code ${code}`}`, code);
    },
    log: createConsola({ stdout: process.stderr, stderr: process.stderr }),
    env: environment.env,
    root: context.ground.root,
    cwd,
    args,
    signal: abort.signal,
  };
  try {
    const result = await handler(handlerContext);
    return typeof result === "number" && Number.isInteger(result) ? result & 0xff : EXIT.done;
  } catch (error) {
    if (signalled !== null) return shellCode({ code: null, signal: signalled });
    const exitCode = (error as { exitCode?: unknown } | null)?.exitCode;
    // A handler's own error shows its stack: its author reads it.
    if (typeof exitCode !== "number")
      writeAll(2, `${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}\n`);
    else context.talk.warn(`${plugin} ${command}: ${messageOf(error)}`);
    return typeof exitCode === "number" ? exitCode : EXIT.failed;
  }
}
