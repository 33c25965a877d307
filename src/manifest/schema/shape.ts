/**
 * Building blocks of the schema: valibot's, with whole sentences as messages and without two blind spots. Here a record
 * keeps the keys `constructor` and `prototype`, which valibot silently drops, and an array is not an object.
 */
import * as v from "valibot";
import { nearestNames } from "../../sys/text/nearest.ts";

/** Any value in a few words, for "found …". */
export function describeValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  return tag === "Object" ? "an object" : `a ${tag}`;
}

type Message = (issue: { input: unknown }) => string;

/** The message "expected …, found …". */
export function expected(what: string): Message {
  return (issue) => `expected ${what}, found ${describeValue(issue.input)}`;
}

/** Text without NUL and not empty: everything that becomes an argument, a path or a variable. */
export function text(what: string) {
  return v.pipe(
    v.string(expected(what)),
    v.minLength(1, expected(what)),
    v.check((value) => !value.includes("\0"), `expected ${what}, found text with a NUL character`),
  );
}

/** One line to show to the user: without control characters, which a terminal would obey. */
export function line() {
  return v.pipe(
    v.string(expected("one line of text")),
    v.check(
      (value) => !/[\u0000-\u001f\u007f-\u009f]/.test(value),
      "expected one line of text, found control characters (a line break?) in it",
    ),
  );
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.prototype.toString.call(value) === "[object Object]";
}

export interface FieldWords {
  /** What the object is, e.g. "a command". */
  what: string;
  /** A sentence for a field that exists but is not allowed here; null for an unknown field. */
  explain?: (key: string) => string | null;
}

/** An object with exactly these fields; any other field is an error that suggests the nearest. */
export function fields<const E extends v.ObjectEntries>(entries: E, words: FieldWords) {
  const names = Object.keys(entries);
  const schema = v.strictObject(entries, (issue) => {
    const key = issue.path?.[0]?.key;
    if (typeof key !== "string") return expected(words.what)(issue);
    if (issue.expected === "never")
      return words.explain?.(key) ?? unknownField(key, { allowed: names, what: words.what });
    return `is missing; ${words.what} needs it`;
  });
  const run = schema["~run"];
  return {
    ...schema,
    "~run"(dataset: Parameters<typeof run>[0], config: Parameters<typeof run>[1]) {
      return isPlainObject(dataset.value)
        ? run.call(schema, dataset, config)
        : refuse(schema, { dataset, message: expected(words.what) });
    },
  } as typeof schema;
}

function unknownField(key: string, { allowed, what }: { allowed: string[]; what: string }): string {
  const near = nearestNames(key, allowed);
  const hint =
    near.length > 0
      ? `did you mean ${near.map((name) => `\`${name}\``).join(" or ")}?`
      : `allowed: ${allowed.join(", ")}`;
  return `is not a field of ${what}; ${hint}`;
}

/** A map from names to values, as an object without a prototype. Every own key is validated, `constructor` too. */
export function dictionary<K extends v.BaseSchema<string, string, v.BaseIssue<unknown>>, V extends v.GenericSchema>(
  key: K,
  { value, what }: { value: V; what: string },
) {
  const schema = v.record(key, value, expected(what));
  return {
    ...schema,
    "~run"(dataset: { value: unknown; typed?: boolean; issues?: unknown }, config: v.Config<v.BaseIssue<unknown>>) {
      const input = dataset.value;
      if (!isPlainObject(input)) return refuse(schema, { dataset, message: expected(what) });
      const output: Record<string, unknown> = Object.create(null);
      const issues: v.BaseIssue<unknown>[] = [];
      for (const name of Object.keys(input)) {
        const item = { type: "object", origin: "value", input, key: name, value: input[name] } as const;
        const keyIssues = key["~run"]({ value: name }, config).issues ?? [];
        const result = value["~run"]({ value: input[name] }, config);
        for (const issue of keyIssues) issues.push({ ...issue, path: [item] } as v.BaseIssue<unknown>);
        for (const issue of result.issues ?? []) {
          issues.push({ ...issue, path: [item, ...(issue.path ?? [])] } as v.BaseIssue<unknown>);
        }
        output[name] = result.value;
      }
      return issues.length === 0 ? { typed: true, value: output } : { typed: false, value: output, issues };
    },
  } as unknown as typeof schema;
}

/**
 * A list or another value. Whether the value is an array selects the schema, so an error inside the list keeps its
 * path.
 */
export function listOr<L extends v.GenericSchema, S extends v.GenericSchema>(list: L, other: S) {
  const schema = v.union([list, other]);
  return {
    ...schema,
    "~run"(dataset: { value: unknown }, config: v.Config<v.BaseIssue<unknown>>) {
      return (Array.isArray(dataset.value) ? list : other)["~run"](dataset as { value: unknown }, config);
    },
  } as unknown as typeof schema;
}

/** One value, or a list of them. */
export function oneOrMany<S extends v.GenericSchema>(one: S, what: string) {
  return listOr(v.pipe(v.array(one), v.minLength(1, `expected ${what}, found an empty list`)), one);
}

function refuse(
  schema: { type: string; expects: string },
  { dataset, message }: { dataset: { value: unknown }; message: Message },
): never {
  const issue = {
    kind: "schema",
    type: schema.type,
    input: dataset.value,
    expected: schema.expects,
    received: describeValue(dataset.value),
    message: message({ input: dataset.value }),
  };
  // valibot's shape of an untyped dataset; `never` because each caller's dataset type differs
  return { typed: false, value: dataset.value, issues: [issue] } as never;
}
