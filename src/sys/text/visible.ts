/**
 * What reaches a terminal or a log: text without anything that a terminal takes for a command or a reader cannot see.
 * Names, paths, arguments, branches and messages come from manifests, records, other processes and the kernel, so each
 * of their control characters is shown as JSON writes it, `\u001b`: C0, DEL and C1, lone surrogates, line and paragraph
 * separators, and all that Unicode calls ignorable by default (bidi marks, overrides and isolates, zero-width
 * characters, the soft hyphen, tags).
 *
 * One form serves text and JSON: JSON printed through here has the same value when it is parsed. Showing text twice
 * changes nothing, because the form is made of plain characters. A text that holds a backslash and `u001b` looks the
 * same, and is as harmless; `--json` tells the two apart.
 *
 * dt's own colours are marks with a number that each process draws for itself, so that no text can hold one.
 *
 * Known limits: letters that look alike (a Cyrillic "а"), spaces of other widths, and the characters that choose
 * between an emoji and a sign (U+FE0E, U+FE0F) pass. Emoji made of several parts, and words that need a joiner
 * (Persian, Indic), show the joiner.
 */
import { lazy } from "../base/lazy.ts";

const NOTHING_TO_SHOW = /^[\n\t\x20-\x7e]*$/;
/** Made on first use: reading the classes of Unicode costs half a millisecond, and most text is plain. */
const hidden = lazy(() => /[[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{DI}\ufff9-\ufffb]--[\n\t\ufe0e\ufe0f]]+/gv);

/**
 * Unknown outside this process. Made of digits, so that code which measures or strips text sees a mark as one sequence.
 * Drawn on first use: with its pattern that takes a third of a millisecond.
 */
const drawn = lazy(() => {
  const nonce = [...crypto.getRandomValues(new Uint32Array(4))].join("");
  return { nonce, mark: new RegExp(`\\x1b\\[${nonce}(\\d\\d\\d)m`) };
});

/** A mark for dt's own colour or weight, by its number (31 is red). Only `toTerminal` turns it into a sequence. */
export function mark(code: number): string {
  return `\x1b[${drawn().nonce}${String(code).padStart(3, "0")}m`;
}

/** The text with its hidden characters shown. Newlines and tabs stay: they are layout. */
export function visible(text: string): string {
  return NOTHING_TO_SHOW.test(text) ? text : escapeHidden(text, asJson);
}

/** The same in another form: `form` gets one or more hidden characters at once. */
export function escapeHidden(text: string, form: (chars: string) => string): string {
  return text.replace(hidden(), form);
}

function asJson(chars: string): string {
  let shown = "";
  for (let at = 0; at < chars.length; at++) shown += `\\u${chars.charCodeAt(at).toString(16).padStart(4, "0")}`;
  return shown;
}

/** Whether any part of the text would be shown in another form, newlines and tabs included. */
export function holdsHidden(text: string): boolean {
  return !/^[\x20-\x7e]*$/.test(text) && (/[\n\t]/.test(text) || visible(text) !== text);
}

/**
 * For a value within a line: a newline in it is shown as a sign, so no value makes a line of its own. Colour marks
 * stay.
 */
export function oneLine(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  return betweenMarks(text, { toMark: mark, show: (part) => visible(joinLines(part).replaceAll("\t", "\\t")) });
}

/**
 * Removes the blanks around each newline. Works line by line, because a pattern would take time that grows with the
 * square of the blanks.
 */
function joinLines(text: string): string {
  if (!text.includes("\n")) return text;
  const lines = text.split("\n");
  const last = lines.length - 1;
  return lines
    .map((line, at) => (at === 0 ? line.trimEnd() : at === last ? line.trimStart() : line.trim()))
    .filter((line, at) => line !== "" || at === 0 || at === last)
    .join(" ⏎ ");
}

/** The text as it is written: hidden characters shown, with dt's own colours. */
export function toTerminal(text: string): string {
  if (NOTHING_TO_SHOW.test(text)) return text;
  return betweenMarks(text, { toMark: (code) => `\x1b[${code}m`, show: visible });
}

function betweenMarks(
  text: string,
  { toMark, show }: { toMark: (code: number) => string; show: (part: string) => string },
): string {
  if (!text.includes("\x1b[") || !text.includes(drawn().nonce)) return show(text);
  return text
    .split(drawn().mark)
    .map((part, at) => (at % 2 === 1 ? toMark(Number(part)) : show(part)))
    .join("");
}
