/** Finds what a command line would execute, as `execvp` does, but says why when it cannot. */
import { accessSync, closeSync, constants, openSync, readSync, type Stats, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { DtError, EXIT, errnoOf } from "../base/error.ts";
import { showWord } from "../text/shell.ts";

/**
 * Throws `bad-directory` when a working directory is missing or cannot be entered; the system would blame the command.
 */
export function checkWorkingDirectory(cwd: string): void {
  const found = look(cwd);
  if (found === "absent") throw badDirectory(cwd, { what: "does not exist", status: EXIT.notFound });
  if (typeof found === "string")
    throw badDirectory(cwd, { what: `cannot be entered: ${found}`, status: EXIT.cannotExecute });
  if (!found.isDirectory()) throw badDirectory(cwd, { what: "is not a directory", status: EXIT.notFound });
  if (!mayExecute(cwd))
    throw badDirectory(cwd, { what: `cannot be entered: ${REASONS.EACCES}`, status: EXIT.cannotExecute });
}

function badDirectory(cwd: string, { what, status }: { what: string; status: number }): DtError {
  const hint =
    status === EXIT.notFound
      ? "Create it, or correct `cwd` in the manifest."
      : "Check its permissions and those of the directories above it.";
  return new DtError("bad-directory", `The working directory ${cwd} ${what}.`, { status, hint });
}

/** The absolute path of `name`; throws `not-found` (127) or `not-executable` (126) with the paths tried. */
export function findExecutable(name: string, { path, cwd }: { path: string; cwd: string }): string {
  if (name === "") throw new DtError("not-found", "The command's name is empty.", { status: EXIT.notFound });
  const named = name.includes("/");
  const candidates = named
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
      hint: refused.why === NOT_EXECUTABLE ? `chmod +x ${showWord(refused.file)}` : "Name a program in `run`.",
    });
  }
  const where = named ? `${candidates[0]} does not exist` : `not on PATH (${path})`;
  const hint = !named
    ? `Install ${name}, or put its directory on PATH.`
    : `Correct \`run\` in the manifest${isAbsolute(name) ? "" : "; a path in it is relative to the command's `cwd`"}.`;
  throw new DtError("not-found", `Command not found: ${name}: ${where}.`, { status: EXIT.notFound, hint });
}

const NOT_EXECUTABLE = "not executable";

/** Why a path cannot be looked at, in words. */
const REASONS: Record<string, string> & { EACCES: string } = {
  EACCES: "permission denied",
  ELOOP: "too many symbolic links",
  ENAMETOOLONG: "its name is too long",
};

function judge(file: string): "ok" | "absent" | string {
  const found = look(file);
  if (typeof found === "string") return found;
  if (found.isDirectory()) return "it is a directory";
  if (!found.isFile()) return "it is not a regular file";
  return mayExecute(file) ? "ok" : NOT_EXECUTABLE;
}

function look(path: string): Stats | "absent" | string {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? "absent"; // most PATH directories lack it, and throwing is slow
  } catch (error) {
    const code = errnoOf(error) ?? "unknown error";
    return code === "ENOENT" || code === "ENOTDIR" ? "absent" : (REASONS[code] ?? code);
  }
}

function mayExecute(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Enough for a `#!` line and an ELF header with what follows it. */
const HEAD_BYTES = 4096;

function readHead(file: string): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  try {
    const fd = openSync(file, "r");
    try {
      return head.subarray(0, readSync(fd, head, 0, HEAD_BYTES, 0));
    } finally {
      closeSync(fd);
    }
  } catch {
    return head.subarray(0, 0);
  }
}

const isElf = (head: Buffer) => head.length > 64 && head.readUInt32BE(0) === 0x7f454c46;

/**
 * When a program's interpreter (its `#!` line) or loader (of a binary) is missing, exec reports "no such file" about
 * the program itself. This finds the missing file. Null when none is missing.
 */
export function missingInterpreter(file: string): string | null {
  const head = readHead(file);
  const interpreter = /^#![ \t]*([^ \t\n\0]+)/.exec(head.toString("utf8", 0, 256))?.[1] ?? loaderOf(head);
  return interpreter !== null && look(interpreter) === "absent" ? interpreter : null;
}

/** From <elf.h>, elf(5), as are the offsets below: of an `Elf64_Ehdr` and its `Elf64_Phdr`s. */
const PT_INTERP = 3;

/** The loader that a little-endian 64-bit ELF file asks for. */
function loaderOf(head: Buffer): string | null {
  if (!isElf(head) || head[4] !== 2 || head[5] !== 1) return null;
  const table = Number(head.readBigUInt64LE(32));
  const [size, count] = [head.readUInt16LE(54), head.readUInt16LE(56)];
  for (let at = table; at < table + size * count && at + 40 <= head.length; at += size) {
    if (head.readUInt32LE(at) !== PT_INTERP) continue;
    const offset = Number(head.readBigUInt64LE(at + 8));
    return head.toString("utf8", offset, offset + Number(head.readBigUInt64LE(at + 32))).replace(/\0.*$/s, "") || null;
  }
  return null;
}

/**
 * Whether a file that the system cannot execute is text that a shell can read. Decided as shells do: no NUL in its
 * first line.
 */
export function looksLikeScript(file: string): boolean {
  const head = readHead(file);
  const end = head.indexOf(10);
  return !isElf(head) && !head.subarray(0, end < 0 ? head.length : end).includes(0);
}
