/**
 * The global flags: how each is written, what it means and what it sets. Parsing, help and the reference read this one
 * table.
 */
import type { Globals } from "../context/types.ts";
import { excludeEachOther, givenTwice, usage } from "../context/usage.ts";

interface GlobalFlag {
  /** The name of its value. Default: it takes none. */
  value?: string;
  set(globals: Globals, value: string): void;
}

interface Row {
  text: string;
  flags: Readonly<Record<string, GlobalFlag>>;
}

const ROWS: readonly Row[] = [
  {
    text: "Work in the project of DIR",
    flags: { "-C": { value: "DIR", set: setRoot }, "--root": { value: "DIR", set: setRoot } },
  },
  { text: "Print each exact command line that is run", flags: { "--verbose": turnOn("verbose") } },
  { text: "Only results and errors", flags: { "--quiet": turnOn("quiet") } },
  { text: "Print what would be run, and run nothing", flags: { "--dry-run": turnOn("dryRun") } },
  { text: "Results as JSON on standard output", flags: { "--json": turnOn("json") } },
  { text: "Colours always, or never", flags: eitherWay("color") },
  { text: "Keep a one-shot's output in a log, or do not, whatever the manifest says", flags: eitherWay("capture") },
];

/** By name. Accepted before the plugin, and after a built-in verb. */
export const GLOBAL_FLAGS: Readonly<Record<string, GlobalFlag>> = Object.assign({}, ...ROWS.map(({ flags }) => flags));

/** Set nothing: `dispatch.ts` answers them. */
const ANSWERED: [string, string][] = [
  ["--help, -h", "Explain dt; after a verb or a plugin, explain that"],
  ["--version, -v", "Print version and commit; only without a verb or plugin"],
];

/** How each is written, and what it means. */
export function rowsOfGlobals(): [string, string][] {
  const rows = ROWS.map(({ text, flags }): [string, string] => {
    const [value] = Object.values(flags).flatMap((flag) => flag.value ?? []);
    return [`${Object.keys(flags).join(", ")}${value === undefined ? "" : ` ${value}`}`, text];
  });
  return [...rows, ...ANSWERED];
}

function turnOn(name: "verbose" | "quiet" | "dryRun" | "json"): GlobalFlag {
  return {
    set: (globals) => {
      globals[name] = true;
    },
  };
}

function eitherWay(name: "color" | "capture"): Row["flags"] {
  return {
    [`--${name}`]: { set: (globals) => setSwitch(globals, { name, value: true }) },
    [`--no-${name}`]: { set: (globals) => setSwitch(globals, { name, value: false }) },
  };
}

function setRoot(globals: Globals, value: string): void {
  if (globals.root !== undefined && globals.root !== value)
    throw givenTwice("-C", { first: globals.root, second: value });
  globals.root = value;
}

function setSwitch(globals: Globals, { name, value }: { name: "color" | "capture"; value: boolean }): void {
  if (globals[name] === !value) throw excludeEachOther(`--${name}`, `--no-${name}`);
  globals[name] = value;
}

/** Reads one global flag at `at`. Returns how many words it took, 0 when it is not a global flag. */
export function takeGlobal(argv: readonly string[], { at, globals }: { at: number; globals: Globals }): number {
  const word = argv[at] as string;
  // `-C` is the only short flag: its value may follow it without a space.
  const joined = word.startsWith("-C") && word.length > 2;
  const equals = word.startsWith("--") ? word.indexOf("=") : joined ? 1 : -1;
  const name = joined ? "-C" : equals > 0 ? word.slice(0, equals) : word;
  const flag = Object.hasOwn(GLOBAL_FLAGS, name) ? GLOBAL_FLAGS[name] : undefined;
  if (flag === undefined) return 0;
  if (flag.value === undefined) {
    if (equals > 0) throw usage(`${name} takes no value.`);
    flag.set(globals, "");
    return 1;
  }
  const value = equals > 0 ? word.slice(equals + 1) : argv[at + 1];
  if (value === undefined || value === "") throw usage(`${name} needs a value.`, `${name} ${flag.value}`);
  flag.set(globals, value);
  return equals > 0 ? 1 : 2;
}

/** Takes all words before the first that is not a global flag; returns the rest. */
export function takeGlobals(words: readonly string[], globals: Globals): readonly string[] {
  let at = 0;
  for (let taken = 1; at < words.length && taken > 0; at += taken) taken = takeGlobal(words, { at, globals });
  return words.slice(at);
}
