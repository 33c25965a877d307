/** `handler` commands: the manifest's function, run inside dt with a small context. Loaded only when one runs. */

import { resolve } from "node:path";
import { createConsola, type LogType } from "consola/core";
import { loadHandler } from "../../manifest/load/handler.ts";
import type { Handler, HandlerContext } from "../../manifest/model/types.ts";
import { quoteLine } from "../../output/quoted.ts";
import type { Talk } from "../../output/talk.ts";
import { refuseChanged } from "../../supervisor/ground/manifests.ts";
import { prepareCommand } from "../../supervisor/prepare/command.ts";
import { DtError, EXIT, messageOf } from "../../sys/base/error.ts";
import { workingDirectory } from "../../sys/base/here.ts";
import { shellCode } from "../../sys/base/status.ts";
import { readJson } from "../../sys/files/fileread.ts";
import { type AttachedProgram, startAttached } from "../../sys/spawn/attached.ts";
import type { Execution } from "../../sys/spawn/exec.ts";
import { keepChildren } from "../../sys/spawn/limits.ts";
import type { StandardStreams } from "../../sys/stdio/guardstreams.ts";
import { print, writeText } from "../../sys/stdio/stdio.ts";
import { showCommand } from "../../values/commandline.ts";
import { type Interruption, makeInterruption } from "../parts/interruption.ts";
import { formatPlan } from "../parts/plan.ts";
import type { OneshotRequest, RunnerContext } from "../parts/types.ts";
import { orUncaught } from "./uncaught.ts";

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

/** `streams` have been guarded since before this module was loaded. */
export async function runHandler(
  context: RunnerContext,
  request: OneshotRequest,
  streams: StandardStreams,
): Promise<number> {
  const { plugin, command, variant, file, settings, args } = request;
  const { root } = context.ground;
  const { environment, cwd } = prepareCommand({
    ground: context.ground,
    settings,
    run: ["handler"],
    args,
    inherited: context.env,
    needs: settings.needs,
    launch: null,
    from: workingDirectory(),
  });
  for (const note of environment.notes) context.talk.warn(note);
  if (context.dryRun) {
    const plan = { handler: { file, command: `${plugin}:${command}` }, args, cwd, added: environment.added };
    print(formatPlan(plan, context.json));
    return EXIT.done;
  }
  refuseChanged(context.ground, context.env, file);
  enter(cwd, environment.env);
  keepChildren();
  try {
    const handler = await loadHandler({ file, command, variant, root });
    return await callHandler(handler, context, request, { cwd, env: environment.env });
  } finally {
    await streams.settle();
  }
}

/** The job as jobs/jobs.ts passes it; its paths come in a file, since they may be too many for a variable. */
function jobOf({
  DIALTONE_JOB,
  DIALTONE_TARGET,
  DIALTONE_SOURCE,
  DIALTONE_PATHS_FILE,
}: Record<string, string>): HandlerContext["job"] {
  if (DIALTONE_JOB === undefined || DIALTONE_TARGET === undefined || DIALTONE_SOURCE === undefined) return null;
  const paths = readJson(DIALTONE_PATHS_FILE ?? "", (value) => value as string[]);
  const source = DIALTONE_SOURCE as NonNullable<HandlerContext["job"]>["source"];
  return { target: DIALTONE_TARGET, paths: paths.is === "there" ? paths.value : [], source };
}

async function callHandler(
  handler: Handler,
  { ground, talk }: RunnerContext,
  { plugin, command, args }: OneshotRequest,
  place: { cwd: string; env: Record<string, string> },
): Promise<number> {
  const running = new Set<AttachedProgram>();
  const interruption = makeInterruption((signal) => {
    for (const program of running) program.signal(signal);
  });
  const handlerContext: HandlerContext = {
    exec: makeExec({ talk, running, interruption, ...place }),
    log: makeLog(talk),
    env: place.env,
    root: ground.root,
    cwd: place.cwd,
    args,
    job: jobOf(place.env),
    get signal() {
      return interruption.signal();
    },
  };
  const name = `${plugin} ${command}`;
  try {
    return statusOfResult(await orUncaught(async () => handler(handlerContext)), interruption, name);
  } catch (error) {
    return statusOfThrown(error, interruption, { talk, name });
  }
}

/** Gives the manifest's own code the directory and environment that a command would get. */
function enter(cwd: string, env: Record<string, string>): void {
  process.chdir(cwd);
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  Object.assign(process.env, env);
}

interface ExecGround {
  talk: Talk;
  running: Set<AttachedProgram>;
  interruption: Interruption;
  cwd: string;
  env: Record<string, string>;
}

function makeExec({ talk, running, interruption, cwd, env }: ExecGround): HandlerContext["exec"] {
  const run = async (execution: Execution) => {
    const program = start(execution);
    running.add(program);
    return program.exited.finally(() => running.delete(program));
  };
  return async (name, words = [], options = {}) => {
    const argv: [string, ...string[]] = [name, ...words];
    talk.detail(`$ ${showCommand(argv)}`);
    const place = { cwd: resolve(cwd, options.cwd ?? ""), env: { ...env, ...options.env } };
    const ended = await interruption.during(() => run({ argv, ...place }));
    const code = shellCode(ended);
    if (code !== 0) throw new ExecError(`${name} ended with ${ended.signal ?? `code ${code}`}`, code);
    interruption.forgive();
    const signal = interruption.received();
    if (signal !== null) throw new ExecError(`${name} ended after ${signal}`, shellCode({ code: null, signal }));
  };
}

function start(execution: Execution): AttachedProgram {
  try {
    return startAttached(execution);
  } catch (error) {
    throw error instanceof DtError ? new ExecError(error.message, error.status) : error;
  }
}

/**
 * The full interface of consola for handlers, printed as dt prints: whole lines, on standard error, coloured as wanted.
 */
function makeLog({ say, warn, paint, colored }: Talk): HandlerContext["log"] {
  const tell: Partial<Record<LogType, Talk["say"]>> = {
    success: (text, lines) => say(paint.green(text), lines),
    warn,
    error: (text, lines) => warn(paint.red(text), lines),
    fatal: (text, lines) => warn(paint.red(text), lines),
  };
  return createConsola({
    reporters: [
      {
        log({ type, args }) {
          const text = args.map((arg) => (typeof arg === "string" ? arg : Bun.inspect(arg))).join(" ");
          const [first = "", ...lines] = text.split("\n").map((line) => quoteLine(line, colored));
          (tell[type] ?? say)(first, lines);
        },
      },
    ],
  });
}

const HIGHEST_CODE = 255;
const isExitCode = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= HIGHEST_CODE;

function statusOfResult(result: unknown, { received }: Interruption, name: string): number {
  if (isExitCode(result)) return result;
  if (typeof result === "number") {
    throw new DtError("bad-result", `The handler of ${name} returned ${result}, which is not an exit code.`, {
      hint: `Return a whole number from 0 to ${HIGHEST_CODE}, or nothing.`,
    });
  }
  const signal = received();
  return signal === null ? EXIT.done : shellCode({ code: null, signal });
}

function statusOfThrown(
  error: unknown,
  { received }: Interruption,
  { talk, name }: { talk: Talk; name: string },
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
