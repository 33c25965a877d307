/**
 * dt's working directory. It may have been removed since (a worktree, say). dt still works where it does not need the
 * directory.
 */
import { readlinkSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { DtError, EXIT } from "./error.ts";

/** The character that Bun puts in place of a byte that is not UTF-8. */
const LOST = "\uFFFD";

/** The working directory's path with its exact bytes (rawbytes.ts). Null when it was removed. */
export function workingDirectory(): string | null {
  try {
    const path = process.cwd();
    if (!path.includes(LOST)) return path;
    const { rawText } = require("./rawbytes.ts") as typeof import("./rawbytes.ts");
    return rawText(readlinkSync("/proc/self/cwd", { encoding: "buffer" }));
  } catch {
    return null;
  }
}

/** A path as the caller means it. Throws when it is relative to a removed directory. */
export function resolveFrom(cwd: string | null, path: string): string {
  if (isAbsolute(path)) return resolve(path);
  if (cwd === null) throw removedError();
  return resolve(cwd, path);
}

/** The error for a project whose path is not UTF-8. */
export function notTextError(path: string): DtError {
  return new DtError("no-root", `No project found at ${path}: the path is not UTF-8, and dt supports no other paths.`, {
    status: EXIT.usage,
    hint: "Give the directory a name in UTF-8: convmv -f latin1 -t utf8 --notest DIR",
  });
}

export function removedError(): DtError {
  return new DtError("no-directory", "The working directory was removed.", {
    status: EXIT.usage,
    hint: "Go to a directory that exists (cd), or name the project with -C and its absolute path.",
  });
}
