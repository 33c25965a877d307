/** The root that a directory on the command line means. */
import { workingDirectory } from "../../sys/base/here.ts";
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
  const root = findRoot(rootRequest({ root: directory }, workingDirectory(), context.env));
  if (root === null) throw noRootError(directory);
  return root;
}
