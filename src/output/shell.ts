/** Command lines and paths as a person can paste them. */
import { relative } from "node:path";

const SAFE = /^[A-Za-z0-9_@%+=:,./-]+$/;
/** What a shell takes for its own in the place of a command: assignments, reserved words (POSIX, bash, zsh), and zsh's `=name`. */
const SHELLS_OWN = /=|^(if|then|else|elif|fi|do|done|case|esac|while|until|for|select|function|in|time|coproc)$/;

/** One word, quoted for a POSIX shell when it needs it. */
export function quoteWord(word: string): string {
  return SAFE.test(word) && !word.startsWith("=") ? word : quote(word);
}

export function quoteCommand(argv: readonly string[]): string {
  return argv.map((word, at) => (at === 0 && SHELLS_OWN.test(word) ? quote(word) : quoteWord(word))).join(" ");
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Relative to the root when it lies in it. */
export function shortPath(root: string, path: string): string {
  const short = relative(root, path);
  return short === "" || short === ".." || short.startsWith("../") ? path : short;
}
