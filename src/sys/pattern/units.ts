/** Sets of UTF-16 code units, which are what a RegExp without the flag `u` works on. */
import { lazy } from "../base/lazy.ts";
import type { Units } from "./types.ts";

export const LAST_UNIT = 0xffff;
export const DIGITS: Units = [48, 57];
export const WORDS: Units = [48, 57, 65, 90, 95, 95, 97, 122];
export const LINE_ENDS: Units = [10, 10, 13, 13, 0x2028, 0x2029];
/** ECMAScript's WhiteSpace and LineTerminator. */
export const SPACES: Units = [
  9, 13, 32, 32, 0xa0, 0xa0, 0x1680, 0x1680, 0x2000, 0x200a, 0x2028, 0x2029, 0x202f, 0x202f, 0x205f, 0x205f, 0x3000,
  0x3000, 0xfeff, 0xfeff,
];

export function unite(sets: readonly Units[]): Units {
  const pairs = sets
    .flatMap((units) => Array.from({ length: units.length / 2 }, (_, at) => units.slice(2 * at, 2 * at + 2)))
    .sort(([a = 0], [b = 0]) => a - b);
  const united: number[] = [];
  for (const [first = 0, last = 0] of pairs) {
    const before = united.at(-1) ?? -2;
    if (first > before + 1) united.push(first, last);
    else united[united.length - 1] = Math.max(before, last);
  }
  return united;
}

export function invert(units: Units): Units {
  const inverted: number[] = [];
  let next = 0;
  for (let at = 0; at < units.length; at += 2) {
    if ((units[at] as number) > next) inverted.push(next, (units[at] as number) - 1);
    next = (units[at + 1] as number) + 1;
  }
  if (next <= LAST_UNIT) inverted.push(next, LAST_UNIT);
  return inverted;
}

export function has(units: Units, unit: number): boolean {
  for (let at = 0; at < units.length && unit >= (units[at] as number); at += 2)
    if (unit <= (units[at + 1] as number)) return true;
  return false;
}

/** ECMAScript's Canonicalize without the flag `u`. */
export function canonical(unit: number): number {
  const upper = String.fromCharCode(unit).toUpperCase();
  const code = upper.charCodeAt(0);
  return upper.length !== 1 || (unit >= 128 && code < 128) ? unit : code;
}

/** Adds every unit to a set that differs from one of its members only in case. */
export function makeFold(): (units: Units) => Units {
  const canonicals = lazy(() => Uint16Array.from({ length: LAST_UNIT + 1 }, (_, unit) => canonical(unit)));
  const known = new Map<string, Units>();
  return (units) => {
    const there = known.get(units.join());
    if (there !== undefined) return there;
    const of = canonicals();
    const wanted = new Uint8Array(LAST_UNIT + 1);
    for (let at = 0; at < units.length; at += 2)
      for (let unit = units[at] as number; unit <= (units[at + 1] as number); unit++) wanted[of[unit] as number] = 1;
    const folded: number[] = [];
    for (let unit = 0; unit <= LAST_UNIT; unit++) {
      if (wanted[of[unit] as number] === 0) continue;
      if (folded.at(-1) === unit - 1) folded[folded.length - 1] = unit;
      else folded.push(unit, unit);
    }
    known.set(units.join(), folded);
    return folded;
  };
}
