/** Command lines and paths as a person can paste them. */
import { relative } from "node:path";

const SAFE = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** One word, quoted for a POSIX shell when it needs it. */
export function quoteWord(word: string): string {
  return SAFE.test(word) ? word : quote(word);
}

const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;

/** In the first place these are grammar or an assignment, not a program's name. */
const NOT_A_PROGRAM = /=|^(?:if|then|else|elif|fi|do|done|case|esac|while|until|for|in|function|select|time|coproc)$/;

export function quoteCommand([program, ...args]: readonly string[]): string {
  if (program === undefined) return "";
  return [NOT_A_PROGRAM.test(program) ? quote(program) : quoteWord(program), ...args.map(quoteWord)].join(" ");
}

/** Relative to the root when it lies in it. */
export function shortPath(root: string, path: string): string {
  const short = relative(root, path);
  return short === "" || short.startsWith("..") ? path : short;
}
