/** The directory that dt was called in. It may have been removed since (a worktree, say): dt then works all the same, where it needs none. */
import { readlinkSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { DtError, EXIT } from "./error.ts";

/** What Bun makes of a byte that is not UTF-8. */
const LOST = "\uFFFD";

/** With the bytes that it has (raw.ts). Null when it was removed. */
export function workingDirectory(): string | null {
  try {
    const path = process.cwd();
    if (!path.includes(LOST)) return path;
    const { textOf } = require("./raw.ts") as typeof import("./raw.ts");
    return textOf(readlinkSync("/proc/self/cwd", { encoding: "buffer" }));
  } catch {
    return null;
  }
}

/** A path as the caller means it. Throws when it is relative to a directory that was removed. */
export function resolveFrom(cwd: string | null, path: string): string {
  if (isAbsolute(path)) return resolve(path);
  if (cwd === null) throw removedError();
  return resolve(cwd, path);
}

/** Of a project's directory. */
export function notTextError(path: string): DtError {
  return new DtError(
    "no-root",
    `No project found by the path ${path}: it is not UTF-8 text, and dt keeps no other paths.`,
    {
      status: EXIT.usage,
      hint: "Give the directory a name in UTF-8: convmv -f latin1 -t utf8 --notest DIR",
    },
  );
}

export function removedError(): DtError {
  return new DtError("no-directory", "The directory that dt was called in was removed.", {
    status: EXIT.usage,
    hint: "Go to a directory that is there (cd), or name the project with -C and its whole path.",
  });
}
