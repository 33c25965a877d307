/**
 * A line that a program wrote, among lines of dt's own: its colours and weights where colours are shown, and nothing else that a terminal
 * would act on. Of colours those pass that can be read on light and dark. What could hide text (concealed, black, white, any background) does
 * not, and no colour goes beyond the line.
 */
import { mark } from "../sys/visible.ts";

const SEQUENCE = /\x1b\[([0-9;]*)m/;
/** Default, bold, faint, italic, underlined and their ends; red to cyan, bright red to bright cyan. */
const SHOWN = new Set([0, 1, 2, 3, 4, 22, 23, 24, 31, 32, 33, 34, 35, 36, 39, 91, 92, 93, 94, 95, 96]);
/** Colours by more than one number, whose numbers alone mean something else. */
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
