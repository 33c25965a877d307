/** Sizes for people. */
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
