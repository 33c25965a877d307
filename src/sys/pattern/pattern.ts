/**
 * Tests an untrusted text against an untrusted regular expression. It matches what JavaScript's RegExp matches, and no
 * text makes it slow beyond a bound. The work is linear in the text; where it cannot be (backreferences, lookarounds,
 * sets of ways that keep growing) each step is counted and a budget ends it. JavaScript's own RegExp has no such bound:
 * no timer, no termination of a worker and no time limit of `node:vm` stops it within a match.
 */
import { type Budget, makeAutomaton } from "./automaton.ts";
import { makeBacktracker } from "./backtrack.ts";
import { literalOf, neededOf } from "./literals.ts";
import { parsePattern } from "./parse.ts";
import type { Flags } from "./types.ts";

/**
 * How many steps one text may take (a few tenths of a second), and how many each text, and each code unit of it, adds
 * to what earlier texts left. So even a log of hostile lines takes time in proportion to its size.
 */
const BUDGET = 2_000_000;
const FOR_A_TEXT = 300;
const FOR_A_UNIT = 16;

/** Only this many code units of a text are searched. */
export const MOST_TEXT = 16 * 1024 * 1024;

/** In characters. A longer source is refused: reading it would itself take long. */
const LONGEST_SOURCE = 10_000;

export interface Pattern {
  source: string;
  /** Null: undecided within the bound. */
  test(text: string): boolean | null;
}

/**
 * Throws an Error whose message says why it is not a regular expression, or too large a one, as a phrase without its
 * period.
 */
export function makePattern(source: string, given: Partial<Flags> = {}): Pattern {
  if (source.length > LONGEST_SOURCE) throw new Error(`it has more than ${LONGEST_SOURCE} characters`);
  new RegExp(source);
  const { node, groups, regular } = parsePattern(source, { lines: false, anyCase: false, dotAll: false, ...given });
  const literal = literalOf(node);
  if (literal !== null) return { source, test: (text) => startOf(text).includes(literal) };
  const automaton = makeAutomaton(node);
  if (automaton === null) throw new Error("it repeats too large a part too often");
  const backtracker = regular ? null : makeBacktracker(node, groups);
  const needed = neededOf(node);
  let left = BUDGET;
  return {
    source,
    test(text) {
      if (needed !== null && !needed.some((one) => text.includes(one))) return false;
      const budget: Budget = { left: Math.min(BUDGET, left + FOR_A_TEXT + FOR_A_UNIT * text.length) };
      const may = automaton(text, MOST_TEXT, budget);
      const found = may !== true || backtracker === null ? may : backtracker(text, MOST_TEXT, budget);
      left = Math.max(0, budget.left);
      return found;
    },
  };
}

function startOf(text: string): string {
  return text.length > MOST_TEXT ? text.slice(0, MOST_TEXT) : text;
}
