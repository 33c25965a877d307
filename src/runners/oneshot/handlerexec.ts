/** `exec` of a handler: runs a program on dt's own streams, and throws when it does not exit 0. */
import { resolve } from "node:path";
import type { HandlerContext } from "../../manifest/model/types.ts";
import type { Talk } from "../../output/talk.ts";
import { DtError } from "../../sys/base/error.ts";
import { shellCode } from "../../sys/base/status.ts";
import { type AttachedProgram, startAttached } from "../../sys/spawn/attached.ts";
import type { Execution } from "../../sys/spawn/exec.ts";
import { showCommand } from "../../values/commandline.ts";
import type { Interruption } from "../parts/interruption.ts";

/** Thrown by `ctx.exec` when the program does not exit 0. */
export class ExecError extends Error {
  override readonly name = "ExecError";
  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super(message);
  }
}

export interface ExecGround {
  talk: Talk;
  running: Set<AttachedProgram>;
  interruption: Interruption;
  cwd: string;
  env: Record<string, string>;
}

export function makeExec({ talk, running, interruption, cwd, env }: ExecGround): HandlerContext["exec"] {
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
