/**
 * What of a text reaches a terminal or a log: the text, and nothing that a terminal takes for a command or a reader cannot see. Names, paths,
 * arguments, branches and messages come from manifests, records, other processes and the kernel, so each of their control characters is shown
 * as JSON writes it, `\u001b`: C0, DEL and C1, lone surrogates, line and paragraph separators, and all that Unicode calls ignorable by default
 * (bidi marks, overrides and isolates, zero-width characters, the soft hyphen, tags).
 *
 * One form serves text and JSON: JSON printed through here has the same value when it is parsed. Shown twice is shown once, since the form is
 * made of plain characters. A text that holds a backslash and `u001b` looks the same, and does as little; `--json` tells the two apart.
 *
 * dt's own colours are marks with a number that each process draws for itself, so that no text can hold one.
 *
 * Known limits: letters that look alike (a Cyrillic "а"), spaces of other widths, and the characters that choose between an emoji and a sign
 * (U+FE0E, U+FE0F) pass. An emoji made of several (a joiner between them) and words that need a joiner (Persian, Indic) show it.
 */
import { lazy } from "./lazy.ts";

const NOTHING_TO_SHOW = /^[\n\t\x20-\x7e]*$/;
/** Made when it is first needed: reading the classes of Unicode costs half a millisecond, and most text is plain. */
const hidden = lazy(() => /[[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{DI}\ufff9-\ufffb]--[\n\t\ufe0e\ufe0f]]+/gv);

/**
 * A stranger to this process cannot know it. Digits, so that a mark is one sequence to whoever measures or strips text. Drawn when the
 * first is needed: with its pattern that takes a third of a millisecond.
 */
const drawn = lazy(() => {
  const nonce = [...crypto.getRandomValues(new Uint32Array(4))].join("");
  return { nonce, mark: new RegExp(`\\x1b\\[${nonce}(\\d\\d\\d)m`) };
});

/** dt's own colour or weight, by its number (31 is red). Only `toTerminal` makes a sequence of it. */
export function mark(code: number): string {
  return `\x1b[${drawn().nonce}${String(code).padStart(3, "0")}m`;
}

/** The text with what is hidden in it made visible. Ends of lines and tabs stay: they are layout. */
export function visible(text: string): string {
  return NOTHING_TO_SHOW.test(text) ? text : escapeHidden(text, asJson);
}

/** The same in another form, which is given one or more of them at once. */
export function escapeHidden(text: string, form: (chars: string) => string): string {
  return text.replace(hidden(), form);
}

function asJson(chars: string): string {
  let shown = "";
  for (let at = 0; at < chars.length; at++) shown += `\\u${chars.charCodeAt(at).toString(16).padStart(4, "0")}`;
  return shown;
}

/** Whether something of the text would be shown in another form, ends of lines and tabs included. */
export function holdsHidden(text: string): boolean {
  return !/^[\x20-\x7e]*$/.test(text) && (/[\n\t]/.test(text) || visible(text) !== text);
}

/** For a value within a line: an end of line in it is shown as a mark, so no value makes a line of its own. Marks of colour stay. */
export function oneLine(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  return betweenMarks(text, mark, (part) => visible(joinLines(part).replaceAll("\t", "\\t")));
}

/** Without the blanks around an end of line. By its lines, as a pattern for them would take a time that grows with the square of the blanks. */
function joinLines(text: string): string {
  if (!text.includes("\n")) return text;
  const lines = text.split("\n");
  const last = lines.length - 1;
  return lines
    .map((line, at) => (at === 0 ? line.trimEnd() : at === last ? line.trimStart() : line.trim()))
    .filter((line, at) => line !== "" || at === 0 || at === last)
    .join(" ⏎ ");
}

/** What is written: the text made visible, with dt's own colours. */
export function toTerminal(text: string): string {
  if (NOTHING_TO_SHOW.test(text)) return text;
  return betweenMarks(text, (code) => `\x1b[${code}m`, visible);
}

function betweenMarks(text: string, ofCode: (code: number) => string, show: (part: string) => string): string {
  if (!text.includes("\x1b[") || !text.includes(drawn().nonce)) return show(text);
  return text
    .split(drawn().mark)
    .map((part, at) => (at % 2 === 1 ? ofCode(Number(part)) : show(part)))
    .join("");
}
