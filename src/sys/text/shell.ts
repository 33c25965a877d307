/**
 * Command lines that a user can paste. `quote…` is for programs: it works in every POSIX shell and keeps control
 * characters as they are. `show…` is for printing: a word with a hidden character (a control character, a newline,
 * a direction override) is written `$'\033[2K'`, so that a shell runs what the user sees. bash, zsh, ksh, busybox and
 * POSIX.1-2024 know that form; dash does not yet.
 */
import { bytesOf } from "../base/rawbytes.ts";
import { escapeHidden, holdsHidden } from "./visible.ts";

const SAFE = /^[A-Za-z0-9_@%+=:,./-]+$/;
/**
 * First words that a shell does not take for a command: assignments, reserved words (POSIX, bash, zsh), and zsh's
 * `=name`.
 */
const SHELLS_OWN = /=|^(if|then|else|elif|fi|do|done|case|esac|while|until|for|select|function|in|time|coproc)$/;

/** One word, quoted for a POSIX shell when it needs it. */
export function quoteWord(word: string): string {
  return SAFE.test(word) && !word.startsWith("=") ? word : quote(word);
}

export function quoteCommand(argv: readonly string[]): string {
  return argv.map((word, at) => (at === 0 && SHELLS_OWN.test(word) ? quote(word) : quoteWord(word))).join(" ");
}

/** One word to be printed. */
export function showWord(word: string): string {
  return holdsHidden(word) ? dollarQuote(word) : quoteWord(word);
}

/** A command line to be printed, on one line. */
export function showCommand([program, ...words]: readonly string[]): string {
  if (program === undefined) return "";
  return [holdsHidden(program) ? dollarQuote(program) : quoteCommand([program]), ...words.map(showWord)].join(" ");
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\" };

/**
 * Bytes as three octal digits: no shell reads more than three, and a character of several bytes is the same in every
 * locale.
 */
function dollarQuote(word: string): string {
  const octal = (char: string) => [...bytesOf(char)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
  // `'` as well: a shell with history expansion (`!`) would take `\'` for the end.
  const shown = word.replaceAll(/[\n\t\r\\']/g, (char) => NAMED[char] ?? octal(char));
  return `$'${escapeHidden(shown, octal)}'`;
}
