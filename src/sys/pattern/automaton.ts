/**
 * Tests whether a regular expression matches anywhere in a text, in time linear in the text. All ways it can match are
 * followed at once, one code unit after the other (Thompson's construction). Each set of ways that was met is
 * remembered with its successors, so that the usual step is a lookup in a table. The cost of a set without an entry is
 * counted, and a budget bounds it.
 *
 * Known limit: an automaton cannot follow backreferences and lookarounds. It takes them for always true.
 */
import { holds, makeProgram, NOTHING, type ProgramStep } from "./program.ts";
import type { Node } from "./types.ts";

export interface Budget {
  left: number;
}

/** Whether it matches within the first `most` units; null: the budget is used up. */
export type Test = (text: string, most: number, budget: Budget) => boolean | null;

/**
 * How many numbers are remembered, over all sets and their successors; beyond that all are forgotten, and made again as
 * they are needed.
 */
const MOST_REMEMBERED = 1_000_000;
/** The cost of making a set, besides the steps looked at for it. */
const MAKE_COST = 16;

interface Ways {
  /** Steps that are tried at this place, ascending. */
  steps: readonly number[];
  /** The kind of the unit before the place. */
  before: number;
  /** Where its row of the table begins. */
  row: number;
}

/** Entries of the table: the successor is not known yet; it matches. Any other entry is a row. */
const UNKNOWN = -1;
const MATCHES = -2;

/** Null when the pattern has too many steps. */
export function makeAutomaton(node: Node): Test | null {
  const program = makeProgram(node);
  if (program === null) return null;
  const { steps, start, classOf, classes, members, kinds } = program;
  const width = classes + 1;
  const known = new Map<string, Ways>();
  const seen = new Uint32Array(steps.length);
  let all: Ways[] = [];
  let table = new Int32Array(16 * width).fill(UNKNOWN);
  let begin = UNKNOWN;
  let remembered = 0;
  let round = 0;

  function waysOf(found: readonly number[], before: number): Ways {
    const name = `${before} ${found.join(" ")}`;
    const there = known.get(name);
    if (there !== undefined) return there;
    const ways: Ways = { steps: found, before, row: all.length * width };
    all.push(ways);
    known.set(name, ways);
    remembered += width + found.length;
    if (ways.row + width > table.length) {
      const wider = new Int32Array(2 * table.length).fill(UNKNOWN);
      wider.set(table);
      table = wider;
    }
    return ways;
  }

  function forget(): void {
    known.clear();
    all = [];
    begin = UNKNOWN;
    remembered = 0;
    table.fill(UNKNOWN);
  }

  /** Null: it matches. */
  function follow(ways: Ways, unit: number, budget: Budget): Ways | null {
    const after = unit === classes ? NOTHING : (kinds[unit] as number);
    const found = new Set<number>();
    const waiting = [...ways.steps, start];
    round++;
    while (waiting.length > 0) {
      const at = waiting.pop() as number;
      if (seen[at] === round) continue;
      seen[at] = round;
      budget.left--;
      const step = steps[at] as ProgramStep;
      if (step.is === "match") return null;
      if (step.is === "either") waiting.push(step.other, step.one);
      else if (step.is === "assert") {
        if (holds(step.node, ways.before, after)) waiting.push(step.next);
      } else if (unit !== classes && members[step.set]?.[unit] === 1) found.add(step.next);
    }
    budget.left -= MAKE_COST + found.size;
    return waysOf(
      [...found].sort((a, b) => a - b),
      after,
    );
  }

  /** Finds the successor of a row that has no entry for this class yet. */
  function extend(row: number, unit: number, budget: Budget): number {
    const ways = all[row / width] as Ways;
    const isFull = remembered > MOST_REMEMBERED;
    if (isFull) forget();
    const next = follow(ways, unit, budget)?.row ?? MATCHES;
    // After forgetting, this row is gone with the others.
    if (!isFull) table[row + unit] = next;
    return next;
  }

  return (text, most, budget) => {
    if (begin === UNKNOWN) begin = waysOf([], NOTHING).row;
    let row = begin;
    let entries = table;
    // One unit beyond the last, or the end, decides whether an assertion holds at the last place.
    const last = Math.min(most, text.length);
    for (let at = 0; at <= last; at++) {
      const unit = at < text.length ? (classOf[text.charCodeAt(at)] as number) : classes;
      let next = entries[row + unit] as number;
      if (next < 0) {
        if (next === UNKNOWN) {
          if (budget.left <= 0) return null;
          next = extend(row, unit, budget);
          entries = table;
        }
        if (next === MATCHES) return true;
      }
      row = next;
    }
    return false;
  };
}
