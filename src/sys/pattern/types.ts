/** The parts of a regular expression, as far as they decide which texts it matches. */

/** Code units as pairs of first and last, ascending, never touching. */
export type Units = readonly number[];

export type Node =
  | { is: "units"; units: Units }
  | { is: "sequence"; parts: readonly Node[] }
  | { is: "choice"; parts: readonly Node[] }
  | { is: "repeat"; body: Node; min: number; max: number; greedy: boolean; groups: readonly number[] }
  | { is: "edge"; end: boolean; lines: boolean }
  | { is: "word"; negate: boolean }
  | { is: "look"; behind: boolean; negate: boolean; body: Node }
  | { is: "group"; index: number; body: Node }
  /** Several indexes when several groups share a name: at most one of them has matched. */
  | { is: "same"; indexes: readonly number[]; anyCase: boolean };

export interface Flags {
  /** `m`: `^` and `$` also match at the ends of lines. */
  lines: boolean;
  /** `i`. */
  anyCase: boolean;
  /** `s`: `.` also matches the end of a line. */
  dotAll: boolean;
}

export interface ParsedPattern {
  node: Node;
  groups: number;
  /** Whether an automaton can do all of it: no lookaround, no backreference. */
  regular: boolean;
}
