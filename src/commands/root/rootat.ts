/** The root that a directory on the command line means. */
import { DtError, EXIT } from "../../sys/base/error.ts";
import { resolveFrom, workingDirectory } from "../../sys/base/here.ts";
import { statOf } from "../../sys/base/stat.ts";
import { noRootError } from "../../sys/places/paths.ts";
import { findRoot } from "../../sys/places/root.ts";
import { rootRequest } from "../context/acting.ts";
import type { DtContext } from "../context/types.ts";

/**
 * The root at or above a directory; without one, the root of this call. Throws for another user's root, unless this
 * user accepted that owner.
 */
export function rootAt(context: DtContext, directory: string | undefined): string {
  if (directory === undefined) return context.root();
  const start = directoryAt(directory);
  const root = findRoot(rootRequest({ root: start }, { cwd: workingDirectory(), env: context.env }));
  if (root === null) throw noRootError(start);
  return root;
}

/** The path of a directory on the command line. Throws when it is none. */
export function directoryAt(word: string): string {
  const path = resolveFrom(workingDirectory(), word);
  if (statOf(path)?.isDirectory() !== true)
    throw new DtError("no-root", `${path} is not a directory.`, { status: EXIT.usage });
  return path;
}
