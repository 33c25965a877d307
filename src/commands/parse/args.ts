/**
 * Strict flags over citty's definitions: an unknown flag, a missing value or one word too many is an error with the
 * nearest names. The result is in a form (`--name=value`, then `--`, then the words) that citty's own parser reads
 * without surprises. After `--` nothing is a flag: to a verb it is a name like any other word, to a command of a plugin
 * it is an argument.
 *
 * Short flags may be joined, and the value of the last may follow it without a space: `-fn5` is `-f -n 5`.
 *
 * No flag is dropped. A flag that takes one value is an error when it is given again with another value, and so is a
 * switch together with its opposite. A flag with a `separator` takes several values, and they are joined by it.
 */
import type { ArgsDef, ParsedArgs } from "citty";
import type { Globals } from "../context/types.ts";
import { excludeEachOther, givenTwice, tooManyArguments, usage } from "../context/usage.ts";
import { type Flag, flagsOf, unknownFlag } from "./flags.ts";
import { takeGlobal } from "./globals.ts";

export interface CheckedArgs {
  /** In citty's canonical form: `--name`, `--no-name`, `--name=value`. */
  flags: string[];
  words: string[];
  /** The words after `--`, where they are for the command. */
  rest: string[];
}

export interface CheckOptions {
  what: string;
  args: ArgsDef;
  globals: Globals;
  /** The most words allowed. */
  maxWords: number;
  /** What the words after `--` are: more of the words, or what goes to the command. */
  rest: "words" | "command";
}

/** The words that dt reads itself: those before `--`. */
export function ownWords(argv: readonly string[]): readonly string[] {
  const split = argv.indexOf("--");
  return split < 0 ? argv : argv.slice(0, split);
}

export function asksForHelp(argv: readonly string[]): boolean {
  return ownWords(argv).some((word) => word === "--help" || word === "-h");
}

export function checkArgs(argv: readonly string[], options: CheckOptions): CheckedArgs {
  try {
    return check(argv, options);
  } catch (error) {
    heedJson(argv, options.globals);
    throw error;
  }
}

/** An error is printed as JSON even if `--json` follows the word that is wrong. */
export function heedJson(words: readonly string[], globals: Globals): void {
  if (ownWords(words).includes("--json")) globals.json = true;
}

function check(argv: readonly string[], options: CheckOptions): CheckedArgs {
  const flags = flagsOf(options.args);
  const given = new Map<string, string | boolean>();
  const words: string[] = [];
  const own = [...ownWords(argv)];
  const rest = argv.slice(own.length + 1);
  for (let at = 0; at < own.length; at++) {
    const word = own[at] as string;
    if (!word.startsWith("-") || word === "-") {
      words.push(word);
      continue;
    }
    const taken = takeGlobal(own, { at, globals: options.globals });
    if (taken > 0) {
      at += taken - 1;
      continue;
    }
    const equals = word.indexOf("=");
    const name = equals > 0 ? word.slice(0, equals) : word;
    const flag = flags.get(name);
    if (flag === undefined) {
      const apart = splitShort(word, flags);
      if (apart === null) throw unknownFlag(options.what, { name, known: flags.keys() });
      own.splice(at--, 1, ...apart);
      continue;
    }
    if (flag.type === "boolean") {
      if (equals > 0) throw usage(`${name} takes no value.`);
      give(given, { flag, value: !flag.negated });
      continue;
    }
    const alone = /^\[(.+)\]$/.exec(flag.hint)?.[1];
    if (alone !== undefined && equals < 0 && !/^\d+$/.test(own[at + 1] ?? "")) {
      give(given, { flag, value: alone });
      continue;
    }
    const value = equals > 0 ? word.slice(equals + 1) : own[++at];
    if (value === undefined || value === "") throw usage(`${name} needs a value.`, `${name} ${flag.hint}`);
    give(given, { flag, value });
  }
  if (options.rest === "words") words.push(...rest.splice(0));
  if (words.length > options.maxWords) throw tooManyArguments(options.what, { most: options.maxWords, given: words });
  return { flags: [...given].map(canonical), words, rest };
}

function canonical([name, value]: [string, string | boolean]): string {
  if (typeof value === "string") return `--${name}=${value}`;
  return value ? `--${name}` : `--no-${name}`;
}

function give(
  given: Map<string, string | boolean>,
  { flag: { name, separator }, value }: { flag: Flag; value: string | boolean },
): void {
  const before = given.get(name);
  if (before === undefined || before === value) given.set(name, value);
  else if (typeof before !== "string" || typeof value !== "string") throw excludeEachOther(`--${name}`, `--no-${name}`);
  else if (separator === undefined) throw givenTwice(`--${name}`, { first: before, second: value });
  else given.set(name, `${before}${separator}${value}`);
}

/** `-fn5` as `-f`, `-n=5`; null when one of its letters is not a flag. */
function splitShort(word: string, flags: ReadonlyMap<string, Flag>): string[] | null {
  if (!/^-[A-Za-z]./.test(word)) return null;
  const apart: string[] = [];
  for (let at = 1; at < word.length; at++) {
    const name = `-${word[at]}`;
    const type = flags.get(name)?.type ?? (name === "-C" ? "string" : undefined);
    if (type === undefined) return null;
    const value = word.slice(at + 1).replace(/^=/, "");
    if (type === "string")
      return [...apart, name === "-C" ? `${name}${value}` : value === "" ? name : `${name}=${value}`];
    apart.push(name);
  }
  return apart;
}

/**
 * The values by name, the words under `_`. If there are only switches citty is not loaded, which saves half a
 * millisecond.
 */
export async function valuesOf<T extends ArgsDef>({ flags, words }: CheckedArgs, args: T): Promise<ParsedArgs<T>> {
  if (flags.some((flag) => flag.includes("=")))
    return (await import("citty")).parseArgs<T>([...flags, "--", ...words], args);
  const isNegated = (flag: string) => flag.startsWith("--no-");
  const on = flags.filter((flag) => !isNegated(flag)).map((flag) => [flag.slice("--".length), true]);
  const off = flags.filter(isNegated).map((flag) => [flag.slice("--no-".length), false]);
  return { _: [...words], ...Object.fromEntries([...on, ...off]) } as ParsedArgs<T>;
}
