/**
 * A line of a log among lines of other keys: prefixed with its key, in a colour per key.
 * The line's bytes are unchanged.
 */
import { oneLine } from "../sys/text/visible.ts";
import { shortKey } from "../values/key.ts";

const NEWLINE = 10;
/** Colours that are readable on light and dark and carry no meaning. */
const COLORS = [36, 35, 34, 32, 33, 96, 95, 94];
const RESET = "\x1b[0m";

/**
 * Prefixes such as `www:dev │ `, all as wide as the widest of these keys; a default variant is left out. A key that
 * appears later gets a colour too.
 */
export function makePrefix(keys: readonly string[], colored: boolean): (key: string) => string {
  const nameOf = (key: string) => oneLine(shortKey(key));
  const width = Math.max(0, ...keys.map((key) => nameOf(key).length));
  const colors = new Map(keys.map((key, at) => [key, COLORS[at % COLORS.length] as number]));
  return (key) => {
    const color = colors.get(key) ?? (COLORS[colors.size % COLORS.length] as number);
    colors.set(key, color);
    const prefix = `${nameOf(key).padEnd(width)} │ `;
    return colored ? `\x1b[${color}m${prefix}${RESET}` : prefix;
  };
}

/** Puts the prefix before the line's own bytes; a colour that the line leaves on ends with it. */
export function prefixLine(prefix: string, { line, colored }: { line: Uint8Array; colored: boolean }): Uint8Array {
  const ended = line.at(-1) === NEWLINE;
  const own = ended ? line.subarray(0, -1) : line;
  const reset = colored && own.includes(0x1b) ? RESET : "";
  return Buffer.concat([Buffer.from(prefix), own, Buffer.from(`${reset}\n`)]);
}
