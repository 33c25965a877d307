/**
 * Which lines are shown: those that match, with as many before and after as asked for. Lines come one by one, of a file or as they are
 * written; where lines around were asked for, and two shown ones are no neighbours, a gap is told, as grep does.
 */
import type { Pattern } from "../sys/pattern/pattern.ts";

/** Whether a line matches; may remember what came before. Gets it without its end and without escape sequences. */
export type Matcher = (text: string) => boolean;

/** `onSlow`: whether a line matches was not known within the pattern's bound, so it counts as one that does not. */
export function matcherOf(pattern: Pattern, onSlow: () => void): Matcher {
  return (text) => {
    const found = pattern.test(text);
    if (found === null) onSlow();
    return found === true;
  };
}

export interface Shown<T> {
  item: T;
  /** Lines between it and the one shown before were left out. */
  gap: boolean;
}

/** Gives what is to be shown now that this line has come. */
export type Filter<T> = (item: T, text: string) => Shown<T>[];

/** `around`: how many lines before and after; null: none were asked for. */
export function makeFilter<T>(matches: Matcher, around: number | null): Filter<T> {
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

/** A line that one of them wants. */
export function anyOf(matchers: readonly Matcher[]): Matcher {
  return (text) => matchers.some((matches) => matches(text));
}

/** A line that both want: the second is asked only of what the first lets through. */
export function allOf(matchers: readonly Matcher[]): Matcher {
  return (text) => matchers.every((matches) => matches(text));
}
