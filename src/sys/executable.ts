/** Finds what a command line would execute, the way `execvp` does, but says why when it cannot. */
import { accessSync, closeSync, constants, openSync, readSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { DtError, EXIT } from "./error.ts";
import { statOf } from "./stat.ts";

/** Throws `bad-directory` when a working directory is not there; the system would blame the command for it. */
export function checkDirectory(cwd: string): void {
  const stat = statOf(cwd);
  if (stat?.isDirectory()) return;
  throw new DtError(
    "bad-directory",
    `The working directory ${cwd} ${stat === undefined ? "does not exist" : "is not a directory"}.`,
    { status: EXIT.notFound, hint: "Make it, or correct `cwd` in the manifest." },
  );
}

/** The absolute path of `name`; throws `not-found` (127) or `not-executable` (126) with the paths tried. */
export function findExecutable(name: string, path: string, cwd: string): string {
  if (name === "") throw new DtError("not-found", "The command's name is empty.", { status: EXIT.notFound });
  const candidates = name.includes("/")
    ? [isAbsolute(name) ? name : resolve(cwd, name)]
    : path.split(":").map((directory) => join(directory === "" ? cwd : resolve(cwd, directory), name));
  let refused: { file: string; why: string } | undefined;
  for (const file of candidates) {
    const verdict = judge(file);
    if (verdict === "ok") return file;
    if (verdict !== "absent") refused ??= { file, why: verdict };
  }
  if (refused !== undefined) {
    throw new DtError("not-executable", `Cannot execute ${refused.file}: ${refused.why}.`, {
      status: EXIT.cannotExecute,
      hint: refused.why === "not executable" ? `chmod +x ${refused.file}` : "Name a program in `run`.",
    });
  }
  const where = name.includes("/") ? `${candidates[0]} does not exist` : `not on PATH (${path})`;
  throw new DtError("not-found", `Command not found: ${name}: ${where}.`, { status: EXIT.notFound });
}

function judge(file: string): "ok" | "absent" | string {
  const stat = statOf(file);
  if (stat === undefined) return "absent";
  if (!stat.isFile()) return "it is a directory";
  try {
    accessSync(file, constants.X_OK);
    return "ok";
  } catch {
    return "not executable";
  }
}

/** A `#!` line whose interpreter is missing makes exec answer "no such file" about the script; this names the interpreter. */
export function missingInterpreter(file: string): string | null {
  const head = Buffer.alloc(256);
  let length = 0;
  try {
    const fd = openSync(file, "r");
    length = readSync(fd, head, 0, 256, 0);
    closeSync(fd);
  } catch {
    return null;
  }
  const interpreter = /^#!\s*(\S+)/.exec(head.toString("utf8", 0, length))?.[1];
  return interpreter !== undefined && statOf(interpreter) === undefined ? interpreter : null;
}
