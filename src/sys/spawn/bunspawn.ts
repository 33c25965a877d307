/**
 * Every child that Bun starts for dt starts here. Bun loses two things, and this module restores them: the exit status
 * when dt was started with SIGCHLD ignored, and bytes that are not UTF-8 (sys/base/rawbytes.ts), which Bun turns into
 * U+FFFD. A child that needs such bytes, or that inherits from another process than this one (inheritance.ts), is
 * started as `dt __become`. That process receives them in a form that Bun passes on, sets of itself what differs, then
 * becomes the command, so the pid is the command's.
 *
 * Known limits: a word of 64 KB with such bytes is too long for that form. An error that only `execve` finds (a text
 * without `#!` that no shell can read) appears on the child's standard error instead of being thrown.
 */
import { errnoOf } from "../base/error.ts";
import { HIDDEN } from "../base/hidden.ts";
import { lazy } from "../base/lazy.ts";
import { bytesOf, isRaw, rawText } from "../base/rawbytes.ts";
import { sameBuildCommand } from "../base/self.ts";
import { STEERING } from "../base/steering.ts";
import type { Difference } from "../inherit/inheritance.ts";
import { putOn } from "../inherit/puton.ts";
import { startingWith } from "./childstart.ts";
import { executionError, execve, variablesOf } from "./exec.ts";
import { looksLikeScript } from "./executable.ts";
import { currentOpenFiles, keepChildren, restoreForExec, setOpenFiles } from "./limits.ts";

interface Options {
  argv0?: string;
  cwd?: string;
  env?: Record<string, string | undefined>;
}

/**
 * Pids of children that Bun has not reaped yet. Any other code that waits for one of them takes its exit from Bun,
 * which then throws.
 */
export const bunChildren = lazy(() => new Set<number>());

function spawn(command: string[], options: Options = {}) {
  keepChildren();
  const child = start(command, options);
  bunChildren().add(child.pid);
  void child.exited.then(() => bunChildren().delete(child.pid));
  return child;
}

function start(command: string[], options: Options) {
  const { env } = options;
  const { difference } = startingWith();
  const isText = (one: string) => !isRaw(one);
  if (env === undefined || (difference === null && [...command, ...variablesOf(env)].every(isText)))
    return Bun.spawn(command, options);
  return Bun.spawn(...carry(command as [string, ...string[]], { ...options, env }));
}

/** Like `Bun.spawn`, with its types. The program must be a path. */
export const bunSpawn = spawn as typeof Bun.spawn;

type Given = Options & { env: Record<string, string | undefined> };

/**
 * Each variable of this prefix carries one other variable, encoded by `carried`. They are not in the arguments, which
 * every user can read.
 */
const CARRIED = "DIALTONE_CARRIED_";
const carried = (text: string) => Buffer.from(bytesOf(text)).toString("latin1");
const uncarried = (text: string) => rawText(Buffer.from(text, "latin1"));

/** Text variables that do not steer Bun are passed unchanged, because dt finds a launch by them. */
function carry([file, ...words]: [string, ...string[]], { argv0, ...options }: Given): [string[], Options] {
  const variables = variablesOf(options.env);
  const isCarried = (one: string) => isRaw(one) || STEERING.test(one.slice(0, one.indexOf("=")));
  const env = Object.fromEntries(Object.entries(options.env).filter(([name, value]) => !isCarried(`${name}=${value}`)));
  for (const [at, one] of variables.filter(isCarried).entries()) env[`${CARRIED}${at}`] = carried(one);
  const payload = [file, argv0 ?? file, ...words].map(carried);
  const { difference } = startingWith();
  const start = [String(currentOpenFiles()), difference === null ? "" : JSON.stringify(difference)];
  return [[...sameBuildCommand(), HIDDEN.become, ...start, ...payload], { ...options, env }];
}

/** The receiving side of `carry`. Does not return, except by throwing a DtError (126, 127). */
export function becomeCarried(
  [openFiles = "", difference = "", ...payload]: readonly string[],
  own: Given["env"],
): never {
  const [file = "", ...words] = payload.map(uncarried);
  const environment = Object.entries(own).flatMap(([name, value = ""]) =>
    name.startsWith(CARRIED) ? [uncarried(value)] : [`${name}=${value}`],
  );
  restoreForExec();
  setOpenFiles(BigInt(openFiles));
  if (difference !== "") putOn(JSON.parse(difference) as Difference);
  let error = execve(file, words, environment);
  // As every shell does with a script that has no `#!` line.
  if (errnoOf(error) === "ENOEXEC" && looksLikeScript(file))
    error = execve("/bin/sh", ["sh", file, ...words.slice(1)], environment);
  throw executionError(file, error);
}
