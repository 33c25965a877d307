/** Command lines and paths that the user can paste. */
import { relative } from "node:path";
import { showWord } from "../sys/text/shell.ts";

export { quoteCommand, quoteWord, showCommand, showWord } from "../sys/text/shell.ts";

/** A command line that runs in `cwd`, in a form to paste into the shell that called dt. */
export function showPrompt(line: string, cwd: string): string {
  return cwd === here() ? `$ ${line}` : `$ cd ${showWord(cwd)} && ${line}`;
}

function here(): string | null {
  try {
    return process.cwd();
  } catch {
    return null; // removed
  }
}

/** Relative to the root when it lies in it. */
export function shortPath(root: string, path: string): string {
  const short = relative(root, path);
  return short === "" || short === ".." || short.startsWith("../") ? path : short;
}
