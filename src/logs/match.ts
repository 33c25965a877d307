/**
 * Which lines are shown: those that match, with the requested number of lines around them. Lines come one by one, from
 * a file or as they are written. With context, a gap is marked between shown lines that are not adjacent, as grep does.
 */
import type { Pattern } from "../sys/pattern/pattern.ts";

/** Whether a line matches; may remember earlier lines. Receives it without its line end and escape sequences. */
export type LineMatcher = (text: string) => boolean;

/** `onSlow` is called when the pattern's bound ran out before an answer; the line then counts as no match. */
export function matcherOf(pattern: Pattern, onSlow: () => void): LineMatcher {
  return (text) => {
    const found = pattern.test(text);
    if (found === null) onSlow();
    return found === true;
  };
}

export interface WithGap<T> {
  item: T;
  /** Whether lines between it and the one shown before were left out. */
  gap: boolean;
}

/** Returns what to show now that this line has arrived. */
export type Filter<T> = (item: T, text: string) => WithGap<T>[];

/** `around`: how many lines before and after; null when no context was requested. */
export function makeFilter<T>(matches: LineMatcher, around: number | null): Filter<T> {
  const context = around ?? 0;
  let before: T[] = [];
  let after = 0;
  let shownAny = false;
  let leftOut = false;
  return (item, text) => {
    if (!matches(text)) {
      if (after > 0) {
        after--;
        return [{ item, gap: false }];
      }
      before.push(item);
      if (before.length > context) {
        before.shift();
        leftOut = true;
      }
      return [];
    }
    const shown = [...before, item].map((one, at) => ({
      item: one,
      gap: around !== null && at === 0 && leftOut && shownAny,
    }));
    before = [];
    after = context;
    shownAny = true;
    leftOut = false;
    return shown;
  };
}

/** Matches a line that at least one matcher matches. */
export function anyOf(matchers: readonly LineMatcher[]): LineMatcher {
  return (text) => matchers.some((matches) => matches(text));
}

/** Matches a line that all matchers match; a later one only sees what the earlier ones let through. */
export function allOf(matchers: readonly LineMatcher[]): LineMatcher {
  return (text) => matchers.every((matches) => matches(text));
}
