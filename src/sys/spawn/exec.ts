/**
 * Becomes the command: after `execve` dt's pid is the command's, with its terminal, signals and exit code. Nothing of
 * dt remains to clean up afterwards, so everything dt must undo is undone before.
 *
 * dt makes the system call directly. `process.execve` closes the files the caller handed over, empties the signal mask,
 * and cannot pass on bytes that are not UTF-8 (sys/base/rawbytes.ts).
 */
import { DtError, EXIT, errnoOf, messageOf } from "../base/error.ts";
import { bytesOf } from "../base/rawbytes.ts";
import { lastErrno, libc, ptr } from "../ffi/libc.ts";
import { handOver } from "./descriptors.ts";
import { checkWorkingDirectory, findExecutable, looksLikeScript, missingInterpreter } from "./executable.ts";
import { restoreForExec } from "./limits.ts";

export interface Execution {
  argv: [string, ...string[]];
  cwd: string;
  env: Record<string, string>;
}

/** Does not return, except by throwing a DtError (126, 127). `descriptors`: open files to hand over. */
export function becomeCommand({ argv, cwd, env }: Execution, descriptors: readonly number[]): never {
  checkWorkingDirectory(cwd);
  const file = findExecutable(argv[0], { path: env.PATH ?? "", cwd });
  refuseNul(file, { argv, env });
  const environment = variablesOf(env);
  try {
    process.chdir(cwd);
  } catch (error) {
    throw new DtError("bad-directory", `The working directory ${cwd} cannot be entered: ${messageOf(error)}.`, {
      status: EXIT.cannotExecute,
      cause: error,
    });
  }
  restoreForExec();
  handOver(descriptors);
  let error = execve(file, argv, environment);
  // As every shell does with a script that has no `#!` line.
  if (errnoOf(error) === "ENOEXEC" && looksLikeScript(file))
    error = execve("/bin/sh", ["sh", file, ...argv.slice(1)], environment);
  throw executionError(file, error);
}

/** Each variable as `NAME=value`. */
export function variablesOf(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
}

/**
 * Becomes this same dt again, started the same way but with these words in front of its own. That changes what Bun
 * fixes at its start: the signals its threads have blocked. Returns only by throwing.
 */
export function becomeDt(
  words: readonly [string, ...string[]],
  { ownEnv, descriptors }: { ownEnv: Record<string, string | undefined>; descriptors: readonly number[] },
): never {
  restoreForExec();
  handOver(descriptors);
  throw executionError(words[0], execve(words[0], words, variablesOf(ownEnv)));
}

/** Returns only on failure, with the system's error. */
export function execve(file: string, words: readonly string[], environment: readonly string[]): Error {
  const path = bytesOf(`${file}\0`);
  const [argv, env] = [layOut(words), layOut(environment)];
  libc().execve(ptr(path), ptr(argv.pointers), ptr(env.pointers));
  return errorOfErrno(lastErrno());
}

/** The system's error with this number. */
export function errorOfErrno(errno: number): Error {
  const { errno: numbers } = (require("node:os") as typeof import("node:os")).constants;
  const code = Object.entries(numbers).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
  return Object.assign(new Error(REASONS[code] ?? `the system reports ${code}`), { code });
}

const REASONS: Record<string, string> = {
  E2BIG: "the arguments and the environment are too long for this system",
  EACCES: "permission denied",
  ENOEXEC: "it is neither a program for this machine nor a script",
  ETXTBSY: "it is open for writing",
  ENOENT: "no such file",
  ENOMEM: "not enough memory",
};

/** A NULL-terminated array of C strings. Both parts must stay referenced until the call. */
export function layOut(words: readonly string[]): { pointers: BigUint64Array; bytes: Uint8Array } {
  const strings = words.map(bytesOf);
  let length = 0;
  for (const string of strings) length += string.length + 1;
  const bytes = new Uint8Array(length);
  const pointers = new BigUint64Array(words.length + 1);
  if (words.length === 0) return { pointers, bytes };
  let at = 0;
  let index = 0;
  for (const string of strings) {
    bytes.set(string, at);
    pointers[index++] = BigInt(ptr(bytes)) + BigInt(at);
    at += string.length + 1;
  }
  return { pointers, bytes };
}

/** C strings end at a NUL: the rest would be lost silently. */
export function refuseNul(file: string, { argv, env }: { argv: readonly string[]; env: Record<string, string> }): void {
  const word = argv.findIndex((one) => one.includes("\0"));
  const name = Object.keys(env).find((one) => one.includes("\0") || env[one]?.includes("\0"));
  if (word < 0 && name === undefined) return;
  const what = word >= 0 ? `argument ${word}` : `the environment variable ${JSON.stringify(name)}`;
  throw new DtError(
    "not-executable",
    `Cannot execute ${file}: ${what} contains a NUL character, which cannot be passed to a program.`,
    {
      status: EXIT.cannotExecute,
      hint: "Correct `run` or `env` in the manifest.",
    },
  );
}

/** The error of a failed exec or spawn, with the reason that the system does not give. */
export function executionError(file: string, error: unknown): DtError {
  const interpreter = missingInterpreter(file);
  if (interpreter !== null) {
    const carriageReturn = interpreter.endsWith("\r");
    return new DtError(
      "not-found",
      `Cannot execute ${file}: its interpreter ${carriageReturn ? JSON.stringify(interpreter) : interpreter} does not exist.`,
      {
        status: EXIT.notFound,
        ...(carriageReturn
          ? { hint: "Its lines have Windows endings (CRLF); convert them: sed -i 's/\\r$//' FILE" }
          : {}),
        cause: error,
      },
    );
  }
  const code = errnoOf(error);
  const status = code === "ENOENT" ? EXIT.notFound : EXIT.cannotExecute;
  return new DtError("not-executable", `Cannot execute ${file}: ${REASONS[code ?? ""] ?? messageOf(error)}.`, {
    status,
    cause: error,
  });
}
