/**
 * Starts processes in a session of their own: the leader of a launch with its output in a file, or a host of dt. Both
 * outlive the process that started them.
 */
import { closeSync, constants } from "node:fs";
import { errnoOf, messageOf } from "../base/error.ts";
import { type EndStatus, endStatusOf } from "../base/status.ts";
import { openOwnForOthers } from "../door/door.ts";
import { writeError } from "../files/writeerror.ts";
import { lineageFor } from "../process/lineage.ts";
import { bunSpawn } from "./bunspawn.ts";
import { type ChildStart, withCleanLimits } from "./childstart.ts";
import { type Execution, executionError } from "./exec.ts";
import { checkWorkingDirectory, findExecutable, looksLikeScript } from "./executable.ts";
import { checkNullDevice } from "./null.ts";

export interface SpawnedLeader {
  pid: number;
  /** Resolves when the leader ends; signal is the name (`SIGTERM`) or null. */
  exited: Promise<EndStatus>;
}

/** The first process of a tree: its token is the lineage of all that descends from it. */
export interface LeaderExecution extends Execution {
  token: string;
}

/**
 * Starts a leader: new session, standard input from /dev/null, output and errors appended to `logFd`. `reopens`: it
 * opens its output again by name, which would cut the log, so it gets a pipe (drain.ts). Throws a DtError (126, 127).
 */
export function spawnLeader(
  execution: LeaderExecution,
  { logFd, openFiles, inherits, reopens }: { logFd: number; reopens: boolean } & Omit<ChildStart, "lineage">,
): SpawnedLeader {
  const drain = reopens ? (require("./drain.ts") as typeof import("./drain.ts")).openDrain(logFd) : null;
  const output = drain?.writing ?? logFd;
  try {
    const child = startLeader(execution, {
      openFiles,
      inherits,
      detached: true,
      stdin: "ignore",
      stdout: output,
      stderr: output,
    });
    return {
      pid: child.pid,
      exited: drain === null ? child.exited : child.exited.then((status) => drain.drained().then(() => status)),
    };
  } finally {
    drain?.letGo();
  }
}

/** Throws a DtError (126, 127). */
export function startLeader<Options extends object>(
  { argv, cwd, env, token }: LeaderExecution,
  { openFiles, inherits, ...options }: Omit<ChildStart, "lineage"> & Options,
) {
  checkWorkingDirectory(cwd);
  checkNullDevice();
  const file = findExecutable(argv[0], { path: env.PATH ?? "", cwd });
  const start = (command: string[], argv0: string) =>
    withCleanLimits({ openFiles, inherits, lineage: lineageFor(token) }, () =>
      bunSpawn(command, { argv0, cwd, env, ...options }),
    );
  let child: ReturnType<typeof start>;
  try {
    child = start([file, ...argv.slice(1)], argv[0]);
  } catch (error) {
    if (errnoOf(error) !== "ENOEXEC" || !looksLikeScript(file)) throw executionError(file, error);
    child = start(["/bin/sh", file, ...argv.slice(1)], "sh");
  }
  return { pid: child.pid, exited: child.exited.then(() => endStatusOf(child)), terminal: child.terminal };
}

/**
 * Starts a dt process in a new session, without a lineage, with a pipe for its report; errors are appended to
 * `errorFile`. Its input is a pipe that nothing is written to: /dev/null may be missing.
 */
export function spawnDetached(
  command: string[],
  { env, errorFile }: { env: Record<string, string>; errorFile: string },
) {
  const fd = openErrors(errorFile);
  try {
    return withCleanLimits({ openFiles: null, lineage: null }, () =>
      bunSpawn(command, { cwd: "/", env, detached: true, stdin: "pipe", stdout: "pipe", stderr: fd }),
    );
  } finally {
    closeSync(fd);
  }
}

function openErrors(path: string): number {
  try {
    return openOwnForOthers(path, { flags: constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT });
  } catch (error) {
    throw writeError(path, { cause: error });
  }
}

/**
 * Starts a short check with no input or output; `detached`: in a session of its own. Returns an error as a sentence,
 * because a probe is tried again.
 */
export function spawnProbe(
  { argv, cwd, env, lineage }: Execution & { lineage?: bigint | null | undefined },
  { openFiles, inherits, detached = false }: { detached?: boolean | undefined } & Omit<ChildStart, "lineage">,
) {
  try {
    const file = findExecutable(argv[0], { path: env.PATH ?? "", cwd });
    const child = withCleanLimits({ openFiles, inherits, lineage }, () =>
      bunSpawn([file, ...argv.slice(1)], {
        argv0: argv[0],
        cwd,
        env,
        detached,
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
      }),
    );
    return { pid: child.pid, exited: child.exited, kill: () => child.kill("SIGKILL") };
  } catch (error) {
    return { error: messageOf(error) };
  }
}
