/**
 * A regular expression as steps: each looks at one code unit, or at none, and names the step after it. Also the classes
 * of code units that the steps tell apart.
 */
import type { Node, Units } from "./types.ts";
import { has, LAST_UNIT, LINE_ENDS, WORDS } from "./units.ts";

/**
 * A repeated part is copied for each repetition, so `(a{1000}){1000}` has too many steps; no user means such a pattern.
 */
const MOST_STEPS = 20_000;

/** The kinds of unit before or after a place, as far as an assertion asks. */
export const NOTHING = 0;
const LINE_END = 1;
const WORD = 2;
const OTHER = 3;

type Assertion = Extract<Node, { is: "edge" | "word" }>;

export type ProgramStep =
  | { is: "unit"; set: number; next: number }
  | { is: "either"; one: number; other: number }
  | { is: "assert"; node: Assertion; next: number }
  | { is: "match" };

export interface Program {
  steps: readonly ProgramStep[];
  start: number;
  /** How many classes of units there are. */
  classes: number;
  classOf: Uint16Array;
  /** By set and class, whether the set has the class's units. */
  members: readonly Uint8Array[];
  /** By class, the kind of its units for an assertion. */
  kinds: Uint8Array;
}

/** Null when it has more than `MOST_STEPS`. */
export function makeProgram(node: Node): Program | null {
  const steps: ProgramStep[] = [{ is: "match" }];
  const sets: Units[] = [];
  const start = layOut(node, { steps, sets });
  return start === null ? null : { steps, start, ...classify(sets, steps) };
}

/** Whether an assertion holds at a place between units of these two kinds. */
export function holds(node: Assertion, before: number, after: number): boolean {
  if (node.is === "word") return ((before === WORD) === (after === WORD)) === node.negate;
  const there = node.end ? after : before;
  return there === NOTHING || (node.lines && there === LINE_END);
}

/** Writes the steps from the last to the first and returns the first. Null when there are too many. */
function layOut(whole: Node, { steps, sets }: { steps: ProgramStep[]; sets: Units[] }): number | null {
  const indexes = new Map<string, number>();
  const add = (step: ProgramStep): number => {
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

/** Units that no set tells apart form one class. */
function classify(sets: readonly Units[], steps: readonly ProgramStep[]) {
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
