/**
 * Strict flags over citty's definitions: an unknown flag, a missing value or one word too many is an error with the nearest
 * names. What comes out is in a form (`--name=value`, then `--`, then the words) that citty's own parser reads without surprises.
 * After `--` nothing is a flag: to a verb it is a name like any other word, to a command of a plugin it is an argument.
 */
import type { ArgsDef, ParsedArgs } from "citty";
import { DURATION_WORDS, parseDuration } from "../manifest/units.ts";
import { DtError, EXIT } from "../sys/error.ts";
import { nearestNames } from "../sys/nearest.ts";
import type { Globals } from "./context.ts";

export interface CheckedArgs {
  /** In citty's canonical form: `--name`, `--no-name`, `--name=value`. */
  flags: string[];
  words: string[];
  /** What came after `--`, where that is the command's. */
  rest: string[];
}

type GlobalFlag = { takes: boolean; set(globals: Globals, value: string): void };

/** Accepted before the plugin, and after a built-in verb too. */
export const GLOBAL_FLAGS: Record<string, GlobalFlag> = {
  "-C": {
    takes: true,
    set: (globals, value) => {
      globals.root = value;
    },
  },
  "--root": {
    takes: true,
    set: (globals, value) => {
      globals.root = value;
    },
  },
  "--verbose": {
    takes: false,
    set: (globals) => {
      globals.verbose = true;
    },
  },
  "--quiet": {
    takes: false,
    set: (globals) => {
      globals.quiet = true;
    },
  },
  "--dry-run": {
    takes: false,
    set: (globals) => {
      globals.dryRun = true;
    },
  },
  "--json": {
    takes: false,
    set: (globals) => {
      globals.json = true;
    },
  },
  "--no-color": {
    takes: false,
    set: (globals) => {
      globals.color = false;
    },
  },
  "--capture": {
    takes: false,
    set: (globals) => {
      globals.capture = true;
    },
  },
  "--no-capture": {
    takes: false,
    set: (globals) => {
      globals.capture = false;
    },
  },
  "--color": {
    takes: false,
    set: (globals) => {
      globals.color = true;
    },
  },
};

/** Reads one global flag at `at`; gives how many words it took, 0 when it is none. */
export function takeGlobal(argv: readonly string[], at: number, globals: Globals): number {
  const word = argv[at] as string;
  const equals = word.startsWith("--") ? word.indexOf("=") : -1;
  const name = equals > 0 ? word.slice(0, equals) : word;
  const flag = Object.hasOwn(GLOBAL_FLAGS, name) ? GLOBAL_FLAGS[name] : undefined;
  if (flag === undefined) return 0;
  if (!flag.takes) {
    if (equals > 0) throw usage(`${name} takes no value.`);
    flag.set(globals, "");
    return 1;
  }
  const value = equals > 0 ? word.slice(equals + 1) : argv[at + 1];
  if (value === undefined || value === "") throw usage(`${name} needs a value.`, `${name} DIR`);
  flag.set(globals, value);
  return equals > 0 ? 1 : 2;
}

export interface CheckOptions {
  what: string;
  args: ArgsDef;
  globals: Globals;
  /** The most words allowed. */
  maxWords: number;
  /** What stands after `--`: more of the words, or what goes to the command. */
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
  const flags = flagsOf(options.args);
  const canonical: string[] = [];
  const words: string[] = [];
  const own = ownWords(argv);
  const rest = argv.slice(own.length + 1);
  for (let at = 0; at < own.length; at++) {
    const word = own[at] as string;
    if (!word.startsWith("-") || word === "-") {
      words.push(word);
      continue;
    }
    const taken = takeGlobal(own, at, options.globals);
    if (taken > 0) {
      at += taken - 1;
      continue;
    }
    const equals = word.indexOf("=");
    const name = equals > 0 ? word.slice(0, equals) : word;
    const flag = flags.get(name);
    if (flag === undefined) throw unknownFlag(options.what, name, flags.keys());
    if (flag.type === "boolean") {
      if (equals > 0) throw usage(`${name} takes no value.`);
      canonical.push(flag.negated ? `--no-${flag.name}` : `--${flag.name}`);
      continue;
    }
    const alone = /^\[(.+)\]$/.exec(flag.hint)?.[1];
    if (alone !== undefined && equals < 0 && !/^\d+$/.test(own[at + 1] ?? "")) {
      canonical.push(`--${flag.name}=${alone}`);
      continue;
    }
    const value = equals > 0 ? word.slice(equals + 1) : own[++at];
    if (value === undefined || value === "") throw usage(`${name} needs a value.`, `${name} ${flag.hint}`);
    canonical.push(`--${flag.name}=${value}`);
  }
  if (options.rest === "words") words.push(...rest.splice(0));
  // No verb has a meaning for it, and some would take it for the directory that dt is run in.
  if (options.rest === "words" && words.includes(""))
    throw usage(`${options.what} was given an empty word.`, "A variable of the command line may be empty.");
  if (words.length > options.maxWords) {
    throw usage(
      `${options.what} takes ${options.maxWords === 0 ? "no words" : `at most ${options.maxWords} word${options.maxWords === 1 ? "" : "s"}`}, but "${words[options.maxWords]}" came.`,
    );
  }
  return { flags: canonical, words, rest };
}

/** The values by name, the words under `_`. Where there are only switches citty is not loaded, which would take half a millisecond. */
export async function valuesOf<T extends ArgsDef>({ flags, words }: CheckedArgs, args: T): Promise<ParsedArgs<T>> {
  if (flags.some((flag) => flag.includes("=")))
    return (await import("citty")).parseArgs<T>([...flags, "--", ...words], args);
  const isNegated = (flag: string) => flag.startsWith("--no-");
  // As with citty, what is said to be off stays off.
  const on = flags.filter((flag) => !isNegated(flag)).map((flag) => [flag.slice("--".length), true]);
  const off = flags.filter(isNegated).map((flag) => [flag.slice("--no-".length), false]);
  return { _: [...words], ...Object.fromEntries([...on, ...off]) } as ParsedArgs<T>;
}

interface Flag {
  name: string;
  type: "boolean" | "string";
  negated: boolean;
  /** `[1]`: the flag may stand alone, which means 1; else a number follows. */
  hint: string;
}

function flagsOf(args: ArgsDef): Map<string, Flag> {
  const flags = new Map<string, Flag>();
  for (const [name, arg] of Object.entries(args)) {
    if (arg.type === "positional") continue;
    const type = arg.type === "boolean" ? "boolean" : "string";
    const flag: Flag = { name, type, negated: false, hint: ("valueHint" in arg && arg.valueHint) || "VALUE" };
    const aliases = "alias" in arg && arg.alias !== undefined ? [arg.alias].flat() : [];
    flags.set(`--${name}`, flag);
    for (const alias of aliases) flags.set(alias.length === 1 ? `-${alias}` : `--${alias}`, flag);
    if (type === "boolean" && "negativeDescription" in arg && arg.negativeDescription)
      flags.set(`--no-${name}`, { ...flag, negated: true });
  }
  return flags;
}

/** The hint for a word that is none of a few. */
export function meantBy(word: string, names: Iterable<string>): string | undefined {
  const near = nearestNames(word, names);
  return near.length === 0 ? undefined : `Did you mean ${near.join(" or ")}?`;
}

export function unknownFlag(what: string, name: string, known: Iterable<string>): DtError {
  const names = [...known, ...Object.keys(GLOBAL_FLAGS)];
  return usage(
    `${what} has no flag ${name}.`,
    meantBy(name, names) ?? `It has: ${[...new Set(names)].sort().join(" ")}`,
  );
}

export function usage(message: string, hint?: string): DtError {
  return new DtError("usage", message, { status: EXIT.usage, ...(hint === undefined ? {} : { hint }) });
}

/** A TCP port from 1 to 65535; null for what is none. */
export function portNumber(text: string): number | null {
  const port = Number(text);
  return /^\d{1,5}$/.test(text) && port > 0 && port < 65_536 ? port : null;
}

/** The value of a flag that is a number of things, 0 or more; null when it was not given. */
export function countOf(flag: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count)) throw usage(`${flag} takes a whole number, not "${text}".`);
  return count;
}

/** The value of a flag that is a duration, in milliseconds; null when it was not given. */
export function durationOf(flag: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = parseDuration(text);
  if (ms === null) throw usage(`${flag} takes ${DURATION_WORDS}, not "${text}".`);
  return ms;
}
