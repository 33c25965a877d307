/**
 * "Did you mean": the names that a typing error explains, and no others. Case, `-` and `_` never count. One edit is a
 * letter left out, doubled or added, or two neighbouring letters swapped.
 *
 *   letters typed   edits allowed   a wrong letter
 *   1, 2            one swap        no
 *   3               1               no: too little would remain in common
 *   4, 5            1               may be that edit
 *   6 and more      2               may be one of the two
 *
 * From three letters on, the beginning of a name matches it too. Synonyms are not known here.
 */

const EDIT = 2;
/** A wrong letter is rarer than the other errors, and two of them make another word (`docker`, `doctor`). */
const OTHER_LETTER = 3;
const BEGINNING = 1;
const MOST = 3;

/**
 * At most three of `names` that `word` may have meant, nearest first; names two edits away only when none is one edit
 * away.
 */
export function nearestNames(word: string, names: Iterable<string>): string[] {
  const typed = lettersOf(word);
  const near = [...new Set(names)].flatMap((name) => {
    const far = farFrom(typed, lettersOf(name));
    return far === null ? [] : [{ name, far }];
  });
  const least = Math.min(...near.map(({ far }) => far));
  const most = least === 0 || least > OTHER_LETTER ? least : OTHER_LETTER;
  return near
    .filter(({ far }) => far <= most)
    .sort((a, b) => a.far - b.far || a.name.localeCompare(b.name))
    .slice(0, MOST)
    .map(({ name }) => name);
}

function lettersOf(word: string): string[] {
  return [...word.toLowerCase().replaceAll(/[-_]/g, "")];
}

/** The cost of the typing errors between the two; null when there are too many. */
function farFrom(typed: readonly string[], name: readonly string[]): number | null {
  const { length } = typed;
  if (length === 0) return null;
  if (length > 2 && length < name.length && typed.every((letter, at) => letter === name[at])) return BEGINNING;
  const most = length < 4 ? EDIT : length < 6 ? OTHER_LETTER : EDIT + OTHER_LETTER;
  const leftOut = Math.abs(length - name.length);
  if (leftOut * EDIT > most || (length < 3 && leftOut > 0)) return null;
  const far = costOf(typed, name);
  return far <= most ? far : null;
}

/** The restricted Damerau-Levenshtein distance, with the costs above. */
function costOf(from: readonly string[], to: readonly string[]): number {
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, at) => at * EDIT);
  for (let row = 1; row <= from.length; row++) {
    const now = [row * EDIT];
    for (let at = 1; at <= to.length; at++) {
      const same = from[row - 1] === to[at - 1];
      const edited = Math.min(now[at - 1] as number, last[at] as number) + EDIT;
      const kept = (last[at - 1] as number) + (same ? 0 : OTHER_LETTER);
      const turned = row > 1 && at > 1 && from[row - 1] === to[at - 2] && from[row - 2] === to[at - 1];
      now.push(Math.min(edited, kept, turned ? (before[at - 2] as number) + EDIT : kept));
    }
    before = last;
    last = now;
  }
  return last[to.length] as number;
}
