/** Suggests names close to a mistyped one. Imported lazily: only error paths need it. */
import { distance } from "fastest-levenshtein";

/** At most three of `names` that `word` may have meant, nearest first. */
export function nearestNames(word: string, names: Iterable<string>): string[] {
  const limit = Math.max(2, Math.floor(word.length / 3));
  return [...names]
    .map((name) => ({ name, far: name.startsWith(word) ? 0 : distance(word.toLowerCase(), name.toLowerCase()) }))
    .filter((entry) => entry.far <= limit)
    .sort((a, b) => a.far - b.far || a.name.localeCompare(b.name))
    .slice(0, 3)
    .map((entry) => entry.name);
}
