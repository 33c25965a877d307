/**
 * Quotes a line that a program wrote among dt's own: its colours and weights are kept where colours are shown, and
 * nothing else that a terminal would act on. Only colours that are readable on light and dark pass. What could hide
 * text (concealed, black, white, any background) does not, and no colour extends beyond the line.
 */
import { mark } from "../sys/text/visible.ts";

const SEQUENCE = /\x1b\[([0-9;]*)m/;
/** Default, bold, faint, italic, underlined and their ends; red to cyan, bright red to bright cyan. */
const SHOWN = new Set([0, 1, 2, 3, 4, 22, 23, 24, 31, 32, 33, 34, 35, 36, 39, 91, 92, 93, 94, 95, 96]);
/** Colours encoded as several numbers, each of which means something else by itself. */
const EXTENDED = /(?:^|;)0*[345]8(?:;|$)/;

export function quoteLine(line: string, colored: boolean): string {
  if (!line.includes("\x1b")) return line;
  if (!colored || !SEQUENCE.test(line)) return Bun.stripANSI(line);
  const parts = line.split(SEQUENCE);
  return parts.map((part, at) => (at % 2 === 1 ? marksOf(part) : Bun.stripANSI(part))).join("") + mark(0);
}

function marksOf(numbers: string): string {
  if (EXTENDED.test(numbers)) return "";
  const codes = numbers.split(";").map(Number);
  return codes.map((code) => (SHOWN.has(code) ? mark(code) : "")).join("");
}
