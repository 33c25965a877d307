/**
 * Tests whether a regular expression matches anywhere in a text as ECMAScript specifies it: it tries one way after the
 * other. Only for what an automaton cannot do: backreferences and lookarounds. The number of ways may grow
 * exponentially, so each step is counted and a budget bounds it.
 */
import type { Budget, Test } from "./automaton.ts";
import type { Node, Units } from "./types.ts";
import { canonical, has, LINE_ENDS, WORDS } from "./units.ts";

interface Try {
  text: string;
  /** No unit from this index on is matched. */
  most: number;
  /** Where each group's match begins and ends, at twice its index; -1: it has none. */
  groups: readonly number[];
  budget: Budget;
}

type Rest = (at: number) => boolean;
type Matcher = (tried: Try, at: number, rest: Rest) => boolean;

const USED_UP = Symbol("the budget is used up");

export function makeBacktracker(node: Node, groups: number): Test {
  const matches = matcherOf(node, 1);
  const onlyAtStart = isAnchored(node);
  const none: readonly number[] = new Array(2 * groups + 2).fill(-1);
  return (text, length, budget) => {
    const most = Math.min(length, text.length);
    try {
      for (let at = 0; at <= (onlyAtStart ? 0 : most); at++)
        if (matches({ text, most, groups: none, budget }, at, () => true)) return true;
      return false;
    } catch (error) {
      // An exhausted stack counts as an exhausted budget.
      if (error === USED_UP || error instanceof RangeError) return null;
      throw error;
    }
  };
}

function isAnchored(node: Node): boolean {
  return node.is === "sequence"
    ? node.parts[0] !== undefined && isAnchored(node.parts[0])
    : node.is === "edge" && !node.end && !node.lines;
}

/** `way`: 1 reads forward; -1 reads backward, within a lookbehind. */
function matcherOf(node: Node, way: 1 | -1): Matcher {
  switch (node.is) {
    case "units": {
      const isUnit = unitTest(node.units);
      return (tried, at, rest) => isUnit(tried, way > 0 ? at : at - 1) && rest(at + way);
    }
    case "sequence": {
      const parts = node.parts.map((part) => matcherOf(part, way));
      if (way < 0) parts.reverse();
      return (tried, at, rest) => {
        const go = (index: number, from: number): boolean => {
          const part = parts[index];
          return part === undefined ? rest(from) : part(tried, from, (to) => go(index + 1, to));
        };
        return go(0, at);
      };
    }
    case "choice": {
      const parts = node.parts.map((part) => matcherOf(part, way));
      return (tried, at, rest) => parts.some((part) => part(tried, at, rest));
    }
    case "repeat":
      return node.body.is === "units" ? repeatUnit(node, { unit: node.body, way }) : repeat(node, way);
    case "edge":
      return ({ text }, at, rest) => {
        const outside = node.end ? at === text.length : at === 0;
        const there = text.charCodeAt(node.end ? at : at - 1);
        return (outside || (node.lines && has(LINE_ENDS, there))) && rest(at);
      };
    case "word":
      return ({ text }, at, rest) => {
        const isWord = (index: number) => index >= 0 && index < text.length && has(WORDS, text.charCodeAt(index));
        return (isWord(at - 1) === isWord(at)) === node.negate && rest(at);
      };
    case "look": {
      const body = matcherOf(node.body, node.behind ? -1 : 1);
      return (tried, at, rest) => {
        const before = tried.groups;
        const found = body(tried, at, () => true);
        if (node.negate) tried.groups = before;
        if (found !== node.negate && rest(at)) return true;
        tried.groups = before;
        return false;
      };
    }
    case "group": {
      const body = matcherOf(node.body, way);
      const index = 2 * node.index;
      return (tried, at, rest) =>
        body(tried, at, (to) => {
          const before = tried.groups;
          tried.groups = before.with(index, Math.min(at, to)).with(index + 1, Math.max(at, to));
          if (rest(to)) return true;
          tried.groups = before;
          return false;
        });
    }
    case "same":
      return (tried, at, rest) => {
        const index = node.indexes.find((one) => tried.groups[2 * one] !== -1);
        if (index === undefined) return rest(at);
        const [from, to] = [tried.groups[2 * index] as number, tried.groups[2 * index + 1] as number];
        const begin = way > 0 ? at : at - (to - from);
        if (begin < 0 || begin + to - from > tried.most) return false;
        spend(tried, to - from);
        const unit = (place: number) => {
          const code = tried.text.charCodeAt(place);
          return node.anyCase ? canonical(code) : code;
        };
        for (let offset = 0; offset < to - from; offset++)
          if (unit(from + offset) !== unit(begin + offset)) return false;
        return rest(at + way * (to - from));
      };
  }
}

function spend({ budget }: Try, steps: number): void {
  budget.left -= steps;
  if (budget.left < 0) throw USED_UP;
}

/** Units below this are looked up in a table, the others searched for. */
const LOOKED_UP = 256;

function unitTest(units: Units): (tried: Try, at: number) => boolean {
  const low = Uint8Array.from({ length: LOOKED_UP }, (_, unit) => (has(units, unit) ? 1 : 0));
  return (tried, at) => {
    spend(tried, 1);
    if (at < 0 || at >= tried.most) return false;
    const unit = tried.text.charCodeAt(at);
    return unit < LOOKED_UP ? low[unit] === 1 : has(units, unit);
  };
}

type Repeat = Extract<Node, { is: "repeat" }>;

/** Without a nested call for each unit: a line may be longer than the stack is deep. */
function repeatUnit(
  { min, max, greedy }: Repeat,
  { unit, way }: { unit: Extract<Node, { is: "units" }>; way: 1 | -1 },
): Matcher {
  const isUnit = unitTest(unit.units);
  return (tried, at, rest) => {
    const next = (count: number) => isUnit(tried, way > 0 ? at + count : at - count - 1);
    let count = 0;
    while (count < (greedy ? max : min) && next(count)) count++;
    if (count < min) return false;
    for (; ; count += greedy ? -1 : 1) {
      spend(tried, 1);
      if (rest(at + way * count)) return true;
      if (greedy ? count === min : count >= max || !next(count)) return false;
    }
  };
}

function repeat({ body: inner, min, max, greedy, groups }: Repeat, way: 1 | -1): Matcher {
  const body = matcherOf(inner, way);
  const go = (tried: Try, at: number, rest: Rest, count: number): boolean => {
    spend(tried, 1);
    const once = () => {
      if (count >= max) return false;
      const before = tried.groups;
      // Each round begins with the groups of the one before it cleared.
      for (const index of groups) tried.groups = tried.groups.with(2 * index, -1).with(2 * index + 1, -1);
      // A round that matched nothing, and is not required, does not count.
      if (body(tried, at, (to) => (to !== at || count < min) && go(tried, to, rest, count + 1))) return true;
      tried.groups = before;
      return false;
    };
    if (count < min) return once();
    return greedy ? once() || rest(at) : rest(at) || once();
  };
  return (tried, at, rest) => go(tried, at, rest, 0);
}
