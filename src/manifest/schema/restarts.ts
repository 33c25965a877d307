/** The schema of `restart` and `restartOn`. */
import * as v from "valibot";
import { expected, fields, text } from "./shape.ts";
import { duration, durationFrom, flag, integer, key, selection } from "./values.ts";

const POLICY_WORDS = '"no", "on-failure" or "always"';
const policy = v.picklist(["no", "on-failure", "always"], expected(POLICY_WORDS));

const limit = either(
  v.literal("none", expected('"none" or an object with `count` and `window`')),
  fields(
    {
      count: v.optional(integer({ from: 1, to: 10_000, what: "a whole number from 1 to 10000" })),
      window: v.optional(duration),
    },
    { what: "`limit`" },
  ),
);

const options = fields(
  {
    policy: v.optional(policy),
    successCodes: v.optional(
      v.pipe(
        v.array(integer({ from: 0, to: 255, what: "an exit code from 0 to 255" }), expected("a list of exit codes")),
        v.minLength(1, "expected at least one exit code, found an empty list"),
      ),
    ),
    delay: v.optional(durationFrom("100ms")),
    maxDelay: v.optional(durationFrom("100ms")),
    jitter: v.optional(
      v.pipe(
        v.number(expected("a number from 0 to 1")),
        v.minValue(0, expected("a number from 0 to 1")),
        v.maxValue(1, expected("a number from 0 to 1")),
      ),
    ),
    resetAfter: v.optional(duration),
    limit: v.optional(limit),
  },
  { what: "`restart`" },
);

export const restart = either(
  v.picklist(["no", "on-failure", "always"], expected(`${POLICY_WORDS}, or an object`)),
  options,
);

const patterns = (what: string) => v.array(text(what), expected(`a list of ${what.replace(/^an? /, "")}s`));

export const restartOn = fields(
  {
    paths: selection(
      v.pipe(
        text("a path"),
        v.check((path) => !/^!?~?\/|^!?~$|(^!?|\/)\.\.(\/|$)/.test(path), expected("a path below the project root")),
      ),
      { one: "path", many: "paths" },
    ),
    ignore: v.optional(patterns("a pattern")),
    debounce: v.optional(duration),
    run: v.optional(key),
    cascade: v.optional(flag()),
  },
  { what: "`restartOn`" },
);

/** A word or an object. The value's own type selects the schema, so an error inside the object keeps its path. */
function either<W extends v.GenericSchema, O extends v.GenericSchema>(word: W, object: O) {
  const schema = v.union([word, object]);
  return {
    ...schema,
    "~run"(dataset: { value: unknown }, config: v.Config<v.BaseIssue<unknown>>) {
      const isObject = typeof dataset.value === "object" && dataset.value !== null && !Array.isArray(dataset.value);
      return (isObject ? object : word)["~run"](dataset as { value: unknown }, config);
    },
  } as unknown as typeof schema;
}
