/** Suggests names close to a mistyped one. */

/** At most three of `names` that `word` may have meant, nearest first. */
export function nearestNames(word: string, names: Iterable<string>): string[] {
  // Loaded here: only error paths need it.
  const { distance } = require("fastest-levenshtein") as typeof import("fastest-levenshtein");
  const limit = Math.max(2, Math.floor(word.length / 3));
  return [...names]
    .map((name) => ({ name, far: name.startsWith(word) ? 0 : distance(word.toLowerCase(), name.toLowerCase()) }))
    .filter((entry) => entry.far <= limit)
    .sort((a, b) => a.far - b.far || a.name.localeCompare(b.name))
    .slice(0, 3)
    .map((entry) => entry.name);
}
