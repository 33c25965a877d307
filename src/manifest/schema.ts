/**
 * What a manifest may hold, as a schema. Its input type equals the hand-written types (checked by the compiler at the
 * end of this file); the types are what authors read, the schema is what refuses. Rules that need the merged settings are in rules.ts.
 */
import { constants } from "node:os";
import * as v from "valibot";
import { nearestNames } from "../sys/nearest.ts";
import { KEY_PATTERN, NAME_PATTERN, NAME_WORDS } from "./reserved.ts";
import { dictionary, expected, fields, line, listOr, oneOrMany, text } from "./shape.ts";
import type { Handler, Plugin } from "./types.ts";
import { DURATION_PATTERN, DURATION_WORDS, parseDuration, parseSize, SIZE_PATTERN, SIZE_WORDS } from "./units.ts";

/** Fields the design names that this version does not act on; accepting one in silence would be a lie. */
const NOT_YET = new Set("groups before alive restartOn inputs capture boot schedule compose flags".split(" "));

export function notYet(what: string): string {
  return `\`${what}\` is not implemented yet in this version of dt`;
}

const name = v.pipe(v.string(expected(NAME_WORDS)), v.regex(NAME_PATTERN, expected(NAME_WORDS)));

const variantName = v.pipe(
  name,
  v.check(
    (value) => value !== "default",
    '"default" is the command itself without a variant; put these fields on the command',
  ),
);

const duration = v.pipe(
  v.string(expected(DURATION_WORDS)),
  v.regex(DURATION_PATTERN, expected(DURATION_WORDS)),
  v.check((value) => parseDuration(value) !== null, expected(DURATION_WORDS)),
);

const size = v.pipe(
  v.string(expected(SIZE_WORDS)),
  v.regex(SIZE_PATTERN, expected(SIZE_WORDS)),
  v.check((value) => parseSize(value) !== null, expected(SIZE_WORDS)),
);

function integer(from: number, to: number, what: string) {
  return v.pipe(
    v.number(expected(what)),
    v.integer(expected(what)),
    v.minValue(from, expected(what)),
    v.maxValue(to, expected(what)),
  );
}

function flag() {
  return v.boolean(expected("true or false"));
}

const PORT_WORDS = 'a port from 1 to 65535 or "auto"';
const port = v.union([integer(1, 65_535, PORT_WORDS), v.literal("auto", expected(PORT_WORDS))], expected(PORT_WORDS));

const PROBE_PORT_WORDS = "true (the command's own port) or a port from 1 to 65535";
const probePort = v.union(
  [v.literal(true, expected(PROBE_PORT_WORDS)), integer(1, 65_535, PROBE_PORT_WORDS)],
  expected(PROBE_PORT_WORDS),
);

const argv = v.pipe(
  v.array(
    v.pipe(
      v.string(expected("text (write numbers in quotes)")),
      v.check((value) => !value.includes("\0"), "an argument cannot hold a NUL character"),
    ),
    expected("a list of arguments"),
  ),
  v.minLength(1, "expected at least the program to run, found an empty list"),
  v.check((value) => value[0] !== "", "expected the program to run first, found an empty text"),
);

const RUN_WORDS = "a list of arguments or a text for `sh -c`";
const shell = text(RUN_WORDS);
const run = listOr(argv, shell);

const SIGNAL_NAMES = Object.keys(constants.signals);
const signal = v.pipe(
  v.string(expected('a signal name like "SIGTERM"')),
  v.check(
    (value) => SIGNAL_NAMES.includes(value),
    ({ input }) => {
      const near = nearestNames(input.startsWith("SIG") ? input : `SIG${input.toUpperCase()}`, SIGNAL_NAMES);
      return `${expected('a signal name like "SIGTERM"')({ input })}${near[0] === undefined ? "" : `; did you mean "${near[0]}"?`}`;
    },
  ),
);

const key = v.pipe(
  v.string(expected('a key like "db:dev"')),
  v.regex(KEY_PATTERN, expected('a key like "db:dev" or "db:dev:variant"')),
);

const PROBE_KINDS = ["http", "port", "log", "exec", "delay"] as const;

const probe = v.pipe(
  fields(
    {
      http: v.optional(
        v.pipe(
          text('a path like "/" or a whole URL'),
          v.check(
            (value) => value.startsWith("/") || (/^https?:\/\//.test(value) && URL.canParse(value)),
            expected('a path that begins with "/" or a whole http(s) URL'),
          ),
        ),
      ),
      status: v.optional(integer(100, 599, "an HTTP status from 100 to 599")),
      port: v.optional(probePort),
      log: v.optional(
        v.pipe(
          text("a regular expression"),
          v.check(isRegExp, ({ input }) => regExpError(input)),
        ),
      ),
      exec: v.optional(argv),
      delay: v.optional(duration),
      timeout: v.optional(duration),
      interval: v.optional(duration),
    },
    { what: "a probe" },
  ),
  v.check(
    (value) => PROBE_KINDS.filter((kind) => value[kind] !== undefined).length === 1,
    ({ input }) => {
      const set = PROBE_KINDS.filter((kind) => input[kind] !== undefined);
      return set.length === 0
        ? `needs one of ${PROBE_KINDS.join(", ")}`
        : `sets ${set.join(" and ")}, but a probe has exactly one of ${PROBE_KINDS.join(", ")}; a list of probes means that all must hold`;
    },
  ),
  v.check(
    (value) => value.status === undefined || value.http !== undefined,
    "`status` belongs to `http`, which is not set",
  ),
);

function isRegExp(source: string): boolean {
  return regExpError(source) === "";
}

function regExpError(source: string): string {
  try {
    new RegExp(source);
    return "";
  } catch (error) {
    return `expected a regular expression, found ${JSON.stringify(source)}: ${(error as Error).message}`;
  }
}

const envName = v.pipe(
  v.string(),
  v.check((value) => /^[^=\0]+$/.test(value), 'the name of a variable cannot be empty or hold "=" or NUL'),
);

const envValue = v.nullable(
  v.pipe(
    v.string(({ input }) =>
      typeof input === "number" || typeof input === "boolean"
        ? `expected text or null, found ${input}; write it in quotes: "${input}"`
        : expected("text or null")({ input }),
    ),
    v.check((value) => !value.includes("\0"), "a variable cannot hold a NUL character"),
  ),
);

const path = text("a path");

const common = {
  cwd: v.optional(path),
  env: v.optional(dictionary(envName, envValue, "an object of variables")),
  envFile: v.optional(oneOrMany(path, "a path or a list of paths")),
};

const oneshotFields = { ...common, run: v.optional(run) };

const managedFields = {
  ...common,
  run: v.optional(run),
  port: v.optional(port),
  ready: v.optional(oneOrMany(probe, "a probe or a list of probes")),
  log: v.optional(
    v.pipe(
      path,
      v.check((value) => !/(^|\/)\.{0,2}$/.test(value), expected("the path of a file")),
    ),
  ),
  logs: v.optional(
    fields(
      { keep: v.optional(integer(0, 1000, "a whole number from 0 to 1000")), maxSize: v.optional(size) },
      { what: "`logs`" },
    ),
  ),
  stop: v.optional(
    fields(
      {
        signal: v.optional(signal),
        timeout: v.optional(duration),
        spare: v.optional(v.array(text("the name of a process"), expected("a list of names of processes"))),
      },
      { what: "`stop`" },
    ),
  ),
  processGroup: v.optional(flag()),
  restart: v.optional(v.picklist(["no", "on-failure", "always"], expected('"no", "on-failure" or "always"'))),
  needs: v.optional(v.array(key, expected('a list of keys like ["db:dev"]'))),
  tty: v.optional(
    v.pipe(
      flag(),
      v.check((value) => !value, notYet("tty: true")),
    ),
  ),
};

function explainIn(other: Record<string, unknown>, otherWords: string) {
  return (key: string) => {
    if (NOT_YET.has(key)) return notYet(key);
    return Object.hasOwn(other, key) ? `belongs to ${otherWords}` : null;
  };
}

const inOneshot = explainIn(managedFields, "managed commands; this one is a oneshot");
const inManaged = explainIn({ handler: 0 }, "oneshot commands; this one is managed");
const inVariant = (rest: (key: string) => string | null) => (key: string) =>
  ["kind", "handler", "variants"].includes(key) ? "belongs to the command, not to a variant" : rest(key);

const description = { description: v.optional(line()) };
const variantsOf = <S extends v.GenericSchema>(schema: S) =>
  v.optional(dictionary(variantName, schema, "an object of variants by name"));

const oneshot = fields(
  {
    kind: v.literal("oneshot"),
    ...description,
    ...oneshotFields,
    handler: v.optional(v.custom<Handler>((value) => typeof value === "function", expected("a function"))),
    variants: variantsOf(
      fields({ ...oneshotFields, ...description }, { what: "a variant of a oneshot", explain: inVariant(inOneshot) }),
    ),
  },
  { what: "a oneshot command", explain: inOneshot },
);

const managed = fields(
  {
    kind: v.literal("managed"),
    ...description,
    ...managedFields,
    variants: variantsOf(
      fields(
        { ...managedFields, ...description },
        { what: "a variant of a managed command", explain: inVariant(inManaged) },
      ),
    ),
  },
  { what: "a managed command", explain: inManaged },
);

const command = v.variant("kind", [oneshot, managed], (issue) =>
  issue.path === undefined ? expected("a command")(issue) : expected('"oneshot" or "managed"')(issue),
);

const watch = fields(
  {
    paths: v.pipe(
      v.array(text("a glob pattern"), expected("a list of glob patterns")),
      v.minLength(1, "expected at least one glob pattern, found an empty list"),
    ),
    ignore: v.optional(v.array(text("a glob pattern"), expected("a list of glob patterns"))),
    debounce: v.optional(duration),
    run: key,
    target: v.optional(text('a pattern like "{stem}"')),
  },
  { what: "a watch" },
);

export const pluginSchema = fields(
  {
    name,
    ...description,
    ...common,
    commands: dictionary(name, command, "an object of commands by name"),
    watch: v.optional(v.array(watch, expected("a list of watches"))),
  },
  {
    what: "a plugin",
    explain: (key) =>
      NOT_YET.has(key)
        ? notYet(key)
        : Object.hasOwn(managedFields, key) || key === "kind"
          ? "belongs to a command, not to the plugin"
          : null,
  },
);

/** Both sides with `undefined` allowed where a field may be missing, so that only real differences count. */
type Loose<T> = T extends (...args: never[]) => unknown
  ? T
  : T extends object
    ? { [K in keyof T]: Loose<T[K]> | (object extends Pick<T, K> ? undefined : never) }
    : T;
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Fails to compile when schema.ts and types.ts part. */
export const SCHEMA_IS_TYPES: Same<Loose<v.InferInput<typeof pluginSchema>>, Loose<Plugin>> = true;
