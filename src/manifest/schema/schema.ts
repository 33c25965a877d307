/**
 * The schema of a manifest. Its input type equals the hand-written types, as the compiler checks at the end of this
 * file: authors read the types, the schema refuses. Rules that need the merged settings are in
 * manifest/resolve/rules.ts.
 */
import * as v from "valibot";
import { nearestNames } from "../../sys/text/nearest.ts";
import type { Handler, Plugin, TargetOf } from "../model/types.ts";
import { aliveProbe, probe } from "./probe.ts";
import { restart, restartOn } from "./restarts.ts";
import { dictionary, expected, fields, line, oneOrMany, text } from "./shape.ts";
import {
  duration,
  envName,
  envValue,
  flag,
  integer,
  key,
  keyOr,
  name,
  path,
  port,
  run,
  schedule,
  selection,
  signal,
  size,
  variantName,
} from "./values.ts";

/** Fields of the design that this version does not act on; silently accepting one would be a lie. */
const NOT_YET = new Set(["flags"]);

/** Names that a toggle of a stack cannot have. */
const FLAGS = new Set(
  "detach wait needs ensure port take owner timeout recreate root verbose quiet dry-run json color capture help".split(
    " ",
  ),
);

/** Commands that the daemon answers itself. */
const WIRE_COMMANDS = new Set("status stop ps start stop_key restart logs why jobs subscribe".split(" "));

function notYet(what: string): string {
  return `\`${what}\` is not implemented yet in this version of dt`;
}

const common = {
  cwd: v.optional(path),
  env: v.optional(dictionary(envName, { value: envValue, what: "an object of variables" })),
  envFile: v.optional(oneOrMany(path, "a path or a list of paths")),
};

const logging = {
  log: v.optional(
    v.pipe(
      path,
      v.check((value) => !/(^|\/)\.{0,2}$/.test(value), expected("a file path")),
    ),
  ),
  logs: v.optional(
    fields(
      {
        keep: v.optional(integer({ from: 0, to: 1000, what: "a whole number from 0 to 1000" })),
        maxSize: v.optional(size),
        pipe: v.optional(flag()),
      },
      { what: "`logs`" },
    ),
  ),
};

const NEED_WORDS = 'a key like "db:dev", or { key, condition }';
const CONDITION_WORDS = '"started", "ready" or "completed"';
const need = keyOr(
  fields(
    { key, condition: v.optional(v.picklist(["started", "ready", "completed"], expected(CONDITION_WORDS))) },
    { what: "a need" },
  ),
);
const needs = v.optional(v.array(need, expected(`a list of needs, each ${NEED_WORDS}`)));
const keys = v.array(key, expected('a list of keys like ["db:dev"]'));

const globPatterns = selection(text("a glob pattern"), { one: "glob pattern", many: "glob patterns" });

const oneshotFields = {
  ...common,
  run: v.optional(run),
  capture: v.optional(flag()),
  ...logging,
  needs,
  inputs: v.optional(globPatterns),
  outputs: v.optional(
    v.array(
      v.pipe(
        text("a path or a glob pattern"),
        v.check((output) => !output.startsWith("!"), expected('a path or a glob pattern without "!"')),
      ),
      expected("a list of paths and glob patterns"),
    ),
  ),
  schedule: v.optional(schedule),
};

const serviceNames = v.array(text("a service name"), expected("a list of service names"));

const compose = fields(
  {
    file: path,
    project: v.optional(
      v.pipe(
        text("a project name"),
        v.regex(/^[a-z0-9][a-z0-9_-]*$/, expected("a name of lowercase letters, digits, _ and -")),
      ),
    ),
    profiles: v.optional(v.array(text("a profile name"), expected("a list of profile names"))),
    env: v.optional(dictionary(envName, { value: envValue, what: "an object of variables" })),
    services: v.optional(serviceNames),
    toggles: v.optional(
      dictionary(
        v.pipe(
          name,
          v.check((value) => !FLAGS.has(value), "is a flag of every managed command; give the toggle another name"),
        ),
        {
          value: fields(
            { services: v.pipe(serviceNames, v.minLength(1, "expected at least one service, found an empty list")) },
            { what: "a toggle" },
          ),
          what: "an object of toggles by name",
        },
      ),
    ),
    ports: v.optional(v.literal("auto", expected('"auto"'))),
  },
  { what: "`compose`" },
);

const managedFields = {
  ...common,
  run: v.optional(run),
  compose: v.optional(compose),
  port: v.optional(port),
  ready: v.optional(oneOrMany(probe, "a probe or a list of probes")),
  ...logging,
  stop: v.optional(
    fields(
      {
        signal: v.optional(signal),
        timeout: v.optional(duration),
        spare: v.optional(v.array(text("a process name"), expected("a list of process names"))),
      },
      { what: "`stop`" },
    ),
  ),
  processGroup: v.optional(flag()),
  alive: v.optional(oneOrMany(aliveProbe, "a probe or a list of probes")),
  restart: v.optional(restart),
  restartOn: v.optional(restartOn),
  needs,
  before: v.optional(keys),
  tty: v.optional(flag()),
  boot: v.optional(flag()),
  schedule: v.optional(schedule),
};

function explainIn(other: Record<string, unknown>, otherWords: string) {
  return (key: string) => {
    if (NOT_YET.has(key)) return notYet(key);
    return Object.hasOwn(other, key) ? `belongs to ${otherWords}` : null;
  };
}

const inOneshot = explainIn(managedFields, "managed commands; this one is a oneshot");
const inManaged = explainIn({ handler: 0, capture: 0, inputs: 0, outputs: 0 }, "oneshot commands; this one is managed");
const inVariant = (rest: (key: string) => string | null) => (key: string) =>
  ["kind", "handler", "variants"].includes(key) ? "belongs to the command, not to a variant" : rest(key);

const description = { description: v.optional(line()) };
const variantsOf = <S extends v.GenericSchema>(schema: S) =>
  v.optional(dictionary(variantName, { value: schema, what: "an object of variants by name" }));

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

const ofKind = v.variant("kind", [oneshot, managed], (issue) =>
  issue.path === undefined ? expected("a command")(issue) : expected('"oneshot" or "managed"')(issue),
);

/** A wrong kind hides no other fault: the fields are validated for the kind that they look like. */
const command = {
  ...ofKind,
  "~run"(dataset: { value: unknown }, config: v.Config<v.BaseIssue<unknown>>) {
    const result = ofKind["~run"](dataset as never, config);
    const { value } = dataset;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return result;
    const { kind, ...rest } = value as { kind?: unknown };
    if (kind === "oneshot" || kind === "managed" || result.issues === undefined) return result;
    const near = typeof kind === "string" ? nearestNames(kind, ["oneshot", "managed"])[0] : undefined;
    const isManaged =
      near === undefined ? Object.keys(rest).some((key) => !Object.hasOwn(oneshotFields, key)) : near === "managed";
    const judged = isManaged
      ? managed["~run"]({ value: { kind: "managed", ...rest } }, config)
      : oneshot["~run"]({ value: { kind: "oneshot", ...rest } }, config);
    return { ...result, issues: [...result.issues, ...(judged.issues ?? [])] };
  },
} as typeof ofKind;

const watch = fields(
  {
    paths: globPatterns,
    ignore: v.optional(v.array(text("a glob pattern"), expected("a list of glob patterns"))),
    debounce: v.optional(duration),
    run: key,
    target: v.optional(
      v.union(
        [
          text('a pattern like "{stem}", or a function'),
          v.custom<TargetOf>(
            (value) => typeof value === "function",
            expected('a pattern like "{stem}", or a function'),
          ),
        ],
        expected('a pattern like "{stem}", or a function'),
      ),
    ),
    retries: v.optional(integer({ from: 0, to: 100, what: "a whole number from 0 to 100" })),
  },
  { what: "a watch" },
);

const daemon = fields(
  {
    commands: v.optional(
      dictionary(
        v.pipe(
          name,
          v.check((value) => !WIRE_COMMANDS.has(value), "is a command of the daemon itself; give it another name"),
        ),
        { value: key, what: "an object of commands by name" },
      ),
    ),
    status: v.optional(key),
  },
  { what: "`daemon`" },
);

export const pluginSchema = fields(
  {
    name,
    ...description,
    ...common,
    commands: dictionary(name, { value: command, what: "an object of commands by name" }),
    groups: v.optional(dictionary(name, { value: keys, what: "an object of groups, each a list of keys" })),
    watch: v.optional(v.array(watch, expected("a list of watches"))),
    daemon: v.optional(daemon),
  },
  {
    what: "a plugin",
    explain: (key) =>
      NOT_YET.has(key)
        ? notYet(key)
        : Object.hasOwn({ ...managedFields, ...oneshotFields }, key) || key === "kind"
          ? "belongs to a command, not to the plugin"
          : null,
  },
);

/** Allows `undefined` wherever a field may be missing, on both sides, so only real differences count. */
type Loose<T> = T extends (...args: never[]) => unknown
  ? T
  : T extends object
    ? { [K in keyof T]: Loose<T[K]> | (object extends Pick<T, K> ? undefined : never) }
    : T;
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

// Fails to compile when schema.ts and manifest/model/types.ts diverge.
true satisfies Same<Loose<v.InferInput<typeof pluginSchema>>, Loose<Plugin>>;
