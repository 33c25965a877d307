/**
 * The project in which `dt daemon` was typed: dt remembers that root for the user, and names what its manifests ask of
 * the daemon while nothing does it.
 */
import { DtError, EXIT } from "../../sys/base/error.ts";
import { workingDirectory } from "../../sys/base/here.ts";
import { findRoot } from "../../sys/places/root.ts";
import { rootRequest } from "../context/acting.ts";
import { rememberRoot } from "../context/rememberroot.ts";
import type { DtContext } from "../context/types.ts";

/** If the daemon is started in a project, it knows that project. */
export function rememberHere(context: DtContext): void {
  const { globals, env } = context;
  try {
    if (findRoot(rootRequest(globals, { cwd: workingDirectory(), env })) !== null) rememberRoot(context);
  } catch (error) {
    // The daemon needs no directory, and does not work for another user's root.
    if (!(error instanceof DtError) || !["foreign-owner", "no-directory"].includes(error.code)) throw error;
  }
}

/** For ways to start the daemon that register no root, unlike `dt daemon start`: the user may have meant this one. */
export async function tellUnservedHere(context: DtContext): Promise<number> {
  let isInRoot = false;
  try {
    isInRoot = findRoot(rootRequest(context.globals, { cwd: workingDirectory(), env: context.env })) !== null;
  } catch (error) {
    if (!(error instanceof DtError)) throw error;
  }
  const index = isInRoot ? await context.peek() : null;
  if (index !== null) (await import("../root/unserved.ts")).tellUnserved(context, index);
  return EXIT.done;
}
