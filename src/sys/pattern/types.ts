/** The parts of a regular expression, as far as they say which texts it matches. */

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
  /** Several indexes where several groups have one name: one of them at most has matched. */
  | { is: "same"; indexes: readonly number[]; anyCase: boolean };

export interface Flags {
  /** `m`: `^` and `$` match at the lines' ends too. */
  lines: boolean;
  /** `i`. */
  anyCase: boolean;
  /** `s`: `.` matches a line's end too. */
  dotAll: boolean;
}

export interface Parsed {
  node: Node;
  groups: number;
  /** Whether all of it is within what an automaton can do: no look at what stands around, no backreference. */
  regular: boolean;
}
