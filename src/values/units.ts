/** Durations and sizes: text with a unit in a manifest and on the command line, a plain number inside dt. */

/**
 * Each unit at most once, the longest first, with or without a blank between them: `formatDuration` prints this form.
 * Editors get this pattern through the JSON Schema, so it has no lookaround. It accepts an empty text and a trailing
 * blank; `parseSpan` does not.
 */
export const DURATION_PATTERN =
  /^(?:(\d{1,12}(?:\.\d{1,6})?)d ?)?(?:(\d{1,12}(?:\.\d{1,6})?)h ?)?(?:(\d{1,12}(?:\.\d{1,6})?)m ?)?(?:(\d{1,12}(?:\.\d{1,6})?)s ?)?(?:(\d{1,12}(?:\.\d{1,6})?)ms)?$/;
export const SIZE_PATTERN = /^(?:none|(\d{1,12}(?:\.\d{1,6})?)(B|KB|MB|GB|TB))$/;

/** Longest time a timer can hold: 2^31 - 1 ms, not quite 25 days. */
const LONGEST_MS = 2 ** 31 - 1;

export const DURATION_WORDS = 'a duration with a unit, like "500ms", "10s", "1m30s", "2h" or "3d" (at most 24 days)';
export const SIZE_WORDS = 'a size with a unit, like "512KB", "50MB" or "2GB", or "none"';

/** In the order of the pattern's groups. */
const MS = [86_400_000, 3_600_000, 60_000, 1000, 1];
const BYTES: Record<string, number> = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 };

/** Milliseconds, or null when the text is no duration or one too long for a timer. */
export function parseDuration(text: string): number | null {
  const ms = parseSpan(text);
  return ms !== null && ms <= LONGEST_MS ? ms : null;
}

/** The same without the upper limit, for durations that no timer waits for. */
export function parseSpan(text: string): number | null {
  const match = DURATION_PATTERN.exec(text);
  if (match === null || text === "" || text.endsWith(" ")) return null;
  return Math.round(MS.reduce((sum, unit, at) => sum + unit * Number(match[at + 1] ?? 0), 0));
}

/** Bytes, `"none"` for no limit, or null when the text is not a size. */
export function parseSize(text: string): number | "none" | null {
  const match = SIZE_PATTERN.exec(text);
  if (match === null) return null;
  if (match[1] === undefined) return "none";
  const bytes = Math.round(Number(match[1]) * (BYTES[match[2] as string] as number));
  return Number.isSafeInteger(bytes) ? bytes : null;
}
