/**
 * The user's list of roots. A root is added when something is first started in it, and the user gets the warnings for
 * that moment: once.
 */
import { join } from "node:path";
import type { DtContext } from "./types.ts";

/** A home that cannot be written is passed over. */
export function rememberRoot(context: DtContext): void {
  const home = context.home();
  if (home === null) return;
  const { rememberRootIn } = require("../../state/roots.ts") as typeof import("../../state/roots.ts");
  const root = context.root();
  if (!rememberRootIn(join(home, "roots"), root)) return;
  const { tellFormerRegistration } = require("./leftbehind.ts") as typeof import("./leftbehind.ts");
  tellFormerRegistration({ root, home, talk: context.talk });
  const { isTracked } = require("../../sys/files/tracked.ts") as typeof import("../../sys/files/tracked.ts");
  const directory = join(root, ".dialtone");
  if (isTracked(directory)) context.talk.warn(trackedSentence(directory));
}

/** Said once, at the first start, and by `dt doctor`. */
export function trackedSentence(directory: string): string {
  const { showWord } = require("../../sys/text/shell.ts") as typeof import("../../sys/text/shell.ts");
  return `git tracks files of ${directory}, where dt keeps its state. \`git rm -r --cached ${showWord(directory)}\` ends that`;
}
