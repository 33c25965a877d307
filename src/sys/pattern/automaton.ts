/**
 * Whether a regular expression matches anywhere in a text, in time linear in the text: all ways it can match are followed at once, one
 * code unit after the other (Thompson's construction), and each set of ways that was met is remembered with what follows it, so that
 * the usual step is a lookup in a table. What a set without an entry costs is counted, and a budget bounds it.
 *
 * Known limit: backreferences, and looks at what stands around, are no matter of an automaton. It takes them for always true.
 */
import type { Node, Units } from "./types.ts";
import { has, LAST_UNIT, LINE_ENDS, WORDS } from "./units.ts";

export interface Budget {
  left: number;
}

/** Whether it matches within the first `most` units; null: the budget is used up. */
export type Test = (text: string, most: number, budget: Budget) => boolean | null;

/** A repeated part is there as often as it is repeated: `(a{1000}){1000}` is no pattern anybody means. */
export const MOST_STEPS = 20_000;

/** Entries of the tables that are remembered, of all sets together; beyond it all are forgotten, and come again where they are needed. */
const MOST_ENTRIES = 1_000_000;
/** What it costs to make a set, beside what is looked at for it. */
const MAKE_COST = 16;

/** What stands before or after a place, as far as an assertion asks. */
const NOTHING = 0;
const LINE_END = 1;
const WORD = 2;
const OTHER = 3;

type Step =
  | { is: "unit"; set: number; next: number }
  | { is: "either"; one: number; other: number }
  | { is: "assert"; node: Extract<Node, { is: "edge" | "word" }>; next: number }
  | { is: "match" };

interface Ways {
  /** Steps that are tried at this place, ascending. */
  steps: readonly number[];
  /** What stands before the place. */
  before: number;
  /** Where its row of the table begins. */
  row: number;
}

/** In the table: what follows is not known yet; it matches. Anything else is a row. */
const UNKNOWN = -1;
const MATCHES = -2;

/** Null when the pattern has more than `MOST_STEPS`. */
export function makeAutomaton(node: Node): Test | null {
  const steps: Step[] = [{ is: "match" }];
  const sets: Units[] = [];
  const start = layOut(node, steps, sets);
  if (start === null) return null;
  const { classOf, classes, members, kinds } = classify(sets, steps);
  const width = classes + 1;
  const mostWays = Math.max(64, Math.floor(MOST_ENTRIES / width));
  const known = new Map<string, Ways>();
  const seen = new Uint32Array(steps.length);
  let all: Ways[] = [];
  let table = new Int32Array(16 * width).fill(UNKNOWN);
  let begin = UNKNOWN;
  let round = 0;

  function waysOf(found: readonly number[], before: number): Ways {
    const name = `${before} ${found.join(" ")}`;
    const there = known.get(name);
    if (there !== undefined) return there;
    const ways: Ways = { steps: found, before, row: all.push({} as Ways) * width - width };
    all[all.length - 1] = ways;
    known.set(name, ways);
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
    table.fill(UNKNOWN);
  }

  /** Null: it matches. */
  function follow(ways: Ways, unit: number, budget: Budget): Ways | null {
    const after = unit === classes ? NOTHING : (kinds[unit] as number);
    const found = new Set<number>();
    const waiting = [...ways.steps, start as number];
    round++;
    while (waiting.length > 0) {
      const at = waiting.pop() as number;
      if (seen[at] === round) continue;
      seen[at] = round;
      budget.left--;
      const step = steps[at] as Step;
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

  /** What follows a row that has no entry for this class yet. */
  function extend(row: number, unit: number, budget: Budget): number {
    const ways = all[row / width] as Ways;
    if (all.length < mostWays) {
      const next = follow(ways, unit, budget)?.row ?? MATCHES;
      table[row + unit] = next;
      return next;
    }
    forget();
    return follow(ways, unit, budget)?.row ?? MATCHES;
  }

  return (text, most, budget) => {
    if (begin === UNKNOWN) begin = waysOf([], NOTHING).row;
    let row = begin;
    let entries = table;
    // One unit beyond, or the end, says whether an assertion holds at the last place.
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

function holds(node: Extract<Node, { is: "edge" | "word" }>, before: number, after: number): boolean {
  if (node.is === "word") return ((before === WORD) === (after === WORD)) === node.negate;
  const there = node.end ? after : before;
  return there === NOTHING || (node.lines && there === LINE_END);
}

/** Writes the steps from the last to the first; gives the first. Null when they are too many. */
function layOut(whole: Node, steps: Step[], sets: Units[]): number | null {
  const indexes = new Map<string, number>();
  const add = (step: Step): number => {
    if (steps.length < MOST_STEPS) return steps.push(step) - 1;
    throw TOO_MANY;
  };
  const indexOf = (units: Units): number => {
    const name = units.join();
    const index = indexes.get(name) ?? sets.push(units) - 1;
    indexes.set(name, index);
    return index;
  };
  const loop = (body: Node, next: number): number => {
    const step = { is: "either" as const, one: 0, other: next };
    const at = add(step);
    step.one = place(body, at);
    return at;
  };
  const place = (node: Node, next: number): number => {
    switch (node.is) {
      case "units":
        return add({ is: "unit", set: indexOf(node.units), next });
      case "sequence":
        return node.parts.reduceRight((rest, part) => place(part, rest), next);
      case "choice":
        return node.parts
          .map((part) => place(part, next))
          .reduceRight((other, one) => add({ is: "either", one, other }));
      case "repeat": {
        let at = node.max === Number.POSITIVE_INFINITY ? loop(node.body, next) : next;
        if (node.max !== Number.POSITIVE_INFINITY)
          for (let left = node.max - node.min; left > 0; left--)
            at = add({ is: "either", one: place(node.body, at), other: next });
        for (let left = node.min; left > 0; left--) at = place(node.body, at);
        return at;
      }
      case "edge":
      case "word":
        return add({ is: "assert", node, next });
      case "look":
        return next;
      case "group":
        return place(node.body, next);
      case "same":
        return loop({ is: "units", units: [0, LAST_UNIT] }, next);
    }
  };
  try {
    return place(whole, 0);
  } catch (error) {
    if (error === TOO_MANY) return null;
    throw error;
  }
}

const TOO_MANY = Symbol("too many steps");

/** Units that no set tells apart are one class. */
function classify(sets: readonly Units[], steps: readonly Step[]) {
  const asserts = steps.flatMap((step) => (step.is === "assert" ? [step.node] : []));
  const words = asserts.some((node) => node.is === "word");
  const lines = asserts.some((node) => node.is === "edge" && node.lines);
  const apart = [...sets, ...(words ? [WORDS] : []), ...(lines ? [LINE_ENDS] : [])];
  const cuts = [...new Set([0, ...apart.flatMap((units) => units.map((unit, at) => unit + (at % 2)))])]
    .filter((cut) => cut <= LAST_UNIT)
    .sort((a, b) => a - b);
  const classOf = new Uint16Array(LAST_UNIT + 1);
  const first: number[] = [];
  const named = new Map<string, number>();
  cuts.forEach((cut, at) => {
    const name = apart.map((units) => (has(units, cut) ? 1 : 0)).join("");
    const index = named.get(name) ?? first.push(cut) - 1;
    named.set(name, index);
    classOf.fill(index, cut, cuts[at + 1] ?? LAST_UNIT + 1);
  });
  const kindOf = (unit: number) =>
    words && has(WORDS, unit) ? WORD : lines && has(LINE_ENDS, unit) ? LINE_END : OTHER;
  return {
    classOf,
    classes: first.length,
    members: sets.map((units) => Uint8Array.from(first, (unit) => (has(units, unit) ? 1 : 0))),
    kinds: Uint8Array.from(first, kindOf),
  };
}
