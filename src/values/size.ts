/**
 * Sizes: text with a unit in a manifest and in what dt prints; bytes inside dt. A manifest's units are powers of 1024,
 * and those of the sizes that dt prints are powers of 1000.
 */

export const SIZE_PATTERN = /^(?:none|(\d{1,12}(?:\.\d{1,6})?)(B|KB|MB|GB|TB))$/;

export const SIZE_WORDS = 'a size with a unit, like "512KB", "50MB" or "2GB", or "none"';

const BYTES: Record<string, number> = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 };

/** Bytes, `"none"` for no limit, or null when the text is not a size. */
export function parseSize(text: string): number | "none" | null {
  const match = SIZE_PATTERN.exec(text);
  if (match === null) return null;
  if (match[1] === undefined) return "none";
  const bytes = Math.round(Number(match[1]) * (BYTES[match[2] as string] as number));
  return Number.isSafeInteger(bytes) ? bytes : null;
}

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

/** `512 bytes`, `1.5 kB`, `76 GB`; a kB is 1000 bytes. */
export function formatBytes(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}
