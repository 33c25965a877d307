/** Command lines and paths as a person can paste them. */
import { relative } from "node:path";

const SAFE = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** One word, quoted for a POSIX shell when it needs it. */
export function quoteWord(word: string): string {
  return SAFE.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

export function quoteCommand(argv: readonly string[]): string {
  return argv.map(quoteWord).join(" ");
}

/** Relative to the root when it lies in it. */
export function shortPath(root: string, path: string): string {
  const short = relative(root, path);
  return short === "" || short.startsWith("..") ? path : short;
}
