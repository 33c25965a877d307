/**
 * Text that somebody else wrote, for a terminal or a page: what would move the cursor, colour, reorder or hide is written out as a
 * programmer would write it (`\x1b`, `\u202e`). Letters of every script stay, and so do the joiners that some scripts and emoji need.
 */
import type { VisibleOptions } from "./types.ts";

/** Controls (C0, DEL, C1), halves of characters, what changes the direction of text, and what has no width or is blank. */
const HIDDEN =
  /\p{Cc}|\p{Cs}|[\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]|\u034f|\u17b4|\u17b5/gu;

const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Makes control characters, bidi overrides and invisible characters visible, so that text cannot pass for what it is not. */
export function visible(text: string, options?: VisibleOptions): string {
  const lines = options?.lines === true;
  return text.replace(HIDDEN, (one) => {
    if (lines && (one === "\n" || one === "\t")) return one;
    const code = one.codePointAt(0) as number;
    if (code > 0xffff) return `\\u{${code.toString(16)}}`;
    return NAMED[one] ?? (code <= 0xff ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`);
  });
}

/** JSON in which the same characters are escaped: safe to print, and the same value when it is parsed. Indented by two, unless `indent` says else. */
export function visibleJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, null, indent ?? 2) ?? "null";
  return text.replace(HIDDEN, (one) =>
    one === "\n" ? one : Array.from({ length: one.length }, (_, at) => `\\u${hex(one.charCodeAt(at), 4)}`).join(""),
  );
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
