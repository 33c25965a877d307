/** Command lines and paths as a person can paste them. */
import { relative } from "node:path";

export { quoteCommand, quoteWord, showCommand, showWord } from "../sys/shell.ts";

/** Relative to the root when it lies in it. */
export function shortPath(root: string, path: string): string {
  const short = relative(root, path);
  return short === "" || short === ".." || short.startsWith("../") ? path : short;
}
