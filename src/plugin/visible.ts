/**
 * Makes untrusted text safe for a terminal or a page: characters that would move the cursor, or colour, reorder or hide
 * text, are written out as a programmer would write them (`\x1b`, `\u202e`). Letters of every script stay, and so do
 * the joiners that some scripts and emoji need.
 */
import type { VisibleOptions } from "./types.ts";

/**
 * Controls (C0, DEL, C1), lone surrogates, characters that change the direction of text, and those that have no width
 * or are blank.
 */
const HIDDEN =
  /\p{Cc}|\p{Cs}|[\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]|\u034f|\u17b4|\u17b5/gu;

const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Shows control characters, bidi overrides and invisible characters, so that text cannot pass for what it is not. */
export function visible(text: string, options?: VisibleOptions): string {
  const lines = options?.lines === true;
  return text.replace(HIDDEN, (one) => {
    if (lines && (one === "\n" || one === "\t")) return one;
    const code = one.codePointAt(0) as number;
    if (code > 0xffff) return `\\u{${code.toString(16)}}`;
    return NAMED[one] ?? (code <= 0xff ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`);
  });
}

/** JSON with the same characters escaped: safe to print, the same value when parsed. `indent`: spaces, default 2. */
export function visibleJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, null, indent ?? 2) ?? "null";
  return text.replace(HIDDEN, (one) =>
    one === "\n" ? one : Array.from({ length: one.length }, (_, at) => `\\u${hex(one.charCodeAt(at), 4)}`).join(""),
  );
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
