/** A text with all that a terminal would act on or a reader would not see, and what of it may not come out of dt. */
import type { Result } from "../../kit.ts";

/** A clipboard, a colour, a line taken back, C1, an override, an invisible letter, a line that dt did not write. */
export const EVIL = "x\x1b]52;c;ZXZpbA==\x07\x1b[8m\r\x1b[2K\x9b2J\u202e\u200b\u00ad\u{e0041}\x7f\u2028\nFORGED: y";
/** What dt itself paints. */
const OWN_COLORS = /\x1b\[(?:0|1|2|22|31|32|33|36|39)m/g;
const HIDDEN =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]|\udb40[\udc00-\udfff]/;

/**
 * What of an output may not be there: the first hidden character with what stands around it, or a line that a name
 * made.
 */
export function faultOf(text: string, colored: boolean): string | null {
  const plain = colored ? text.replaceAll(OWN_COLORS, "") : text;
  const at = plain.split("").findIndex((unit, index) => isHidden(plain, unit, index));
  if (at >= 0) return JSON.stringify(plain.slice(Math.max(0, at - 60), at + 20));
  const forged = /^FORGED.*/m.exec(plain);
  return forged === null ? null : `a line of its own: ${JSON.stringify(forged[0])}`;
}

/** Halves of a pair are looked at as a pair. */
function isHidden(text: string, unit: string, at: number): boolean {
  const code = unit.charCodeAt(0);
  if (code < 0xd800 || code > 0xdfff) return HIDDEN.test(unit);
  const whole = String.fromCodePoint(text.codePointAt(at) as number);
  return code < 0xdc00 ? whole.length === 1 || HIDDEN.test(whole) : !/[\ud800-\udbff]/.test(text[at - 1] ?? "");
}

export function faultsOf({ stdout, stderr }: Pick<Result, "stdout" | "stderr">, colored: boolean): string[] {
  return [faultOf(stdout, colored), faultOf(stderr, colored)].flatMap((fault) => fault ?? []);
}
