/** Durations for people. */

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
