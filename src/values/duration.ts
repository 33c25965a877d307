/** Durations: text with units in a manifest, on the command line and in what dt prints; milliseconds inside dt. */

/**
 * Each unit at most once, the longest first, with or without a blank between them: `formatDuration` prints this form.
 * Editors get this pattern through the JSON Schema, so it has no lookaround. It accepts an empty text and a trailing
 * blank; `parseSpan` does not.
 */
export const DURATION_PATTERN =
  /^(?:(\d{1,12}(?:\.\d{1,6})?)d ?)?(?:(\d{1,12}(?:\.\d{1,6})?)h ?)?(?:(\d{1,12}(?:\.\d{1,6})?)m ?)?(?:(\d{1,12}(?:\.\d{1,6})?)s ?)?(?:(\d{1,12}(?:\.\d{1,6})?)ms)?$/;

/** Longest time a timer can hold: 2^31 - 1 ms, not quite 25 days. */
const LONGEST_MS = 2 ** 31 - 1;

export const DURATION_WORDS = 'a duration with a unit, like "500ms", "10s", "1m30s", "2h" or "3d" (at most 24 days)';

/** In the order of the pattern's groups. */
const MS = [86_400_000, 3_600_000, 60_000, 1000, 1];

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

/** `350ms`, `4.2s`, `17s`, `3m 5s`, `2h 10m`, `5d`. */
export function formatDuration(exactMs: number): string {
  const ms = Math.max(0, Math.round(exactMs));
  if (ms < 1000) return `${ms}ms`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return ms < 10_000 ? `${(Math.floor(ms / 100) / 10).toFixed(1)}s` : `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${seconds % 60 === 0 ? "" : ` ${seconds % 60}s`}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}h${minutes % 60 === 0 ? "" : ` ${minutes % 60}m`}`;
  return `${Math.floor(hours / 24)}d`;
}
