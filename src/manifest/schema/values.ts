/** Schemas of the single values in a manifest: names, units, ports, argument vectors, signals, keys, variables. */
import { constants } from "node:os";
import { Cron } from "croner";
import * as v from "valibot";
import { nearestNames } from "../../sys/text/nearest.ts";
import { DURATION_PATTERN, DURATION_WORDS, parseDuration } from "../../values/duration.ts";
import { DEFAULT_VARIANT, KEY_PATTERN, NAME_PATTERN, NAME_WORDS } from "../../values/key.ts";
import { parseSize, SIZE_PATTERN, SIZE_WORDS } from "../../values/size.ts";
import { expected, listOr, text } from "./shape.ts";

export const name = v.pipe(v.string(expected(NAME_WORDS)), v.regex(NAME_PATTERN, expected(NAME_WORDS)));

export const variantName = v.pipe(
  name,
  v.check(
    (value) => value !== DEFAULT_VARIANT,
    `"${DEFAULT_VARIANT}" is the command itself without a variant; put these fields on the command`,
  ),
);

/** One fault is reported once, by the first check that it does not pass. */
const FIRST_ALONE = { abortPipeEarly: true } as const;

function quantity(words: string, { pattern, parse }: { pattern: RegExp; parse: (text: string) => unknown }) {
  const isOne = v.check((value: string) => parse(value) !== null, expected(words));
  return v.config(v.pipe(v.string(expected(words)), v.regex(pattern, expected(words)), isOne), FIRST_ALONE);
}

export const duration = quantity(DURATION_WORDS, { pattern: DURATION_PATTERN, parse: parseDuration });

/** A duration that is at least this long. */
export function durationFrom(least: string) {
  const isEnough = (value: string) => (parseDuration(value) ?? 0) >= (parseDuration(least) as number);
  return v.config(v.pipe(duration, v.check(isEnough, expected(`at least "${least}"`))), FIRST_ALONE);
}

export const size = quantity(SIZE_WORDS, { pattern: SIZE_PATTERN, parse: parseSize });

export function integer({ from, to, what }: { from: number; to: number; what: string }) {
  return v.pipe(
    v.number(expected(what)),
    v.integer(expected(what)),
    v.minValue(from, expected(what)),
    v.maxValue(to, expected(what)),
  );
}

const SCHEDULE_WORDS = 'a cron expression like "0 3 * * *" or "@daily"';
export const schedule = v.pipe(
  v.string(expected(SCHEDULE_WORDS)),
  v.check((value) => value.length <= 200 && isSchedule(value), expected(SCHEDULE_WORDS)),
);

/** What the world has before an evaluation is watched. */
const OWN_DATE = Date;

/**
 * The library also accepts a date, which would never come again. It asks for the time, in its own `Date` and zone: what
 * is watched (manifest/witness) is what the manifest asks for.
 */
function isSchedule(value: string): boolean {
  if (!/^[@*\d]/.test(value) || /\dT\d/.test(value)) return false;
  const watched = globalThis.Date;
  globalThis.Date = OWN_DATE;
  try {
    return new Cron(value, { paused: true, utcOffset: 0 }).nextRun() !== null;
  } catch {
    return false;
  } finally {
    globalThis.Date = watched;
  }
}

export function flag() {
  return v.boolean(expected("true or false"));
}

const PORT_WORDS = 'a port from 1 to 65535 or "auto"';
export const port = v.union(
  [integer({ from: 1, to: 65_535, what: PORT_WORDS }), v.literal("auto", expected(PORT_WORDS))],
  expected(PORT_WORDS),
);

const PROBE_PORT_WORDS = "true (the command's own port) or a port from 1 to 65535";
export const probePort = v.union(
  [v.literal(true, expected(PROBE_PORT_WORDS)), integer({ from: 1, to: 65_535, what: PROBE_PORT_WORDS })],
  expected(PROBE_PORT_WORDS),
);

export const argv = v.pipe(
  v.array(
    v.pipe(
      v.string(expected("text (write numbers in quotes)")),
      v.check((value) => !value.includes("\0"), "an argument cannot contain a NUL character"),
    ),
    expected("a list of arguments"),
  ),
  v.minLength(1, "expected at least the program to run, found an empty list"),
  v.check(
    (value) => value[0] === undefined || value[0].trim() !== "",
    "expected the program to run first, found an empty string",
  ),
);

const RUN_WORDS = "a list of arguments or a string for `sh -c`";
const shell = v.pipe(
  text(RUN_WORDS),
  v.check(
    (value) => value.split("\n").some((one) => /^\s*[^\s#]/.test(one)),
    ({ input }) => `expected ${RUN_WORDS}, found ${JSON.stringify(input)}, which holds no command`,
  ),
);
export const run = listOr(argv, shell);

const SIGNAL_NAMES = Object.keys(constants.signals);
export const signal = v.pipe(
  v.string(expected('a signal name like "SIGTERM"')),
  v.check(
    (value) => SIGNAL_NAMES.includes(value),
    ({ input }) => {
      const near = nearestNames(input.startsWith("SIG") ? input : `SIG${input.toUpperCase()}`, SIGNAL_NAMES);
      return `${expected('a signal name like "SIGTERM"')({ input })}${near[0] === undefined ? "" : `; did you mean "${near[0]}"?`}`;
    },
  ),
);

export const key = v.pipe(
  v.string(expected('a key like "db:dev"')),
  v.regex(KEY_PATTERN, expected('a key like "db:dev" or "db:dev:variant"')),
);

/** A key, or an object in its place. */
export function keyOr<O extends v.GenericSchema>(object: O) {
  const schema = v.union([key, object]);
  return {
    ...schema,
    "~run"(dataset: { value: unknown }, config: v.Config<v.BaseIssue<unknown>>) {
      const isObject = typeof dataset.value === "object" && dataset.value !== null;
      return (isObject ? object : key)["~run"](dataset as { value: unknown }, config);
    },
  } as unknown as typeof schema;
}

export const envName = v.pipe(
  v.string(),
  v.check((value) => /^[^=\0]+$/.test(value), 'a variable name cannot be empty or contain "=" or NUL'),
);

export const envValue = v.nullable(
  v.pipe(
    v.string(({ input }) =>
      typeof input === "number" || typeof input === "boolean"
        ? `expected text or null, found ${input}; write it in quotes: "${input}"`
        : expected("text or null")({ input }),
    ),
    v.check((value) => !value.includes("\0"), "a variable cannot contain a NUL character"),
  ),
);

export const path = text("a path");

/** A list of patterns that select files: at least one of them without `!`. */
export function selection<const S extends v.GenericSchema<string, string>>(
  item: S,
  { one, many }: { one: string; many: string },
) {
  return v.pipe(
    v.array(item, expected(`a list of ${many}`)),
    v.minLength(1, `expected at least one ${one}, found an empty list`),
    v.check(
      (patterns) => patterns.length === 0 || patterns.some((pattern) => !pattern.startsWith("!")),
      `expected at least one ${one} without "!", found only exclusions`,
    ),
  );
}
