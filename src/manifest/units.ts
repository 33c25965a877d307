/** Durations and sizes: a number with a unit, as text in a manifest or on the command line, as a plain number in dt. */

export const DURATION_PATTERN = /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h)$/;
export const SIZE_PATTERN = /^(?:none|(\d{1,12}(?:\.\d{1,6})?)(B|KB|MB|GB|TB))$/;

/** Longest time a timer can hold: 2^31 - 1 ms, not quite 25 days. */
const LONGEST_MS = 2 ** 31 - 1;

export const DURATION_WORDS = 'a duration with a unit, like "500ms", "10s", "2m" or "1h" (at most 24 days)';
export const SIZE_WORDS = 'a size with a unit, like "512KB", "50MB" or "2GB", or "none"';

const MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const BYTES: Record<string, number> = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 };

/** Milliseconds, or null when the text is not a duration. */
export function parseDuration(text: string): number | null {
  const match = DURATION_PATTERN.exec(text);
  if (match === null) return null;
  const ms = Math.round(Number(match[1]) * (MS[match[2] as string] as number));
  return ms <= LONGEST_MS ? ms : null;
}

/** Bytes, `"none"` for no limit, or null when the text is not a size. */
export function parseSize(text: string): number | "none" | null {
  const match = SIZE_PATTERN.exec(text);
  if (match === null) return null;
  if (match[1] === undefined) return "none";
  const bytes = Math.round(Number(match[1]) * (BYTES[match[2] as string] as number));
  return Number.isSafeInteger(bytes) ? bytes : null;
}
