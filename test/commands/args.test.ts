/** The flags of a verb: what a person wrote, as values. */
import { expect, test } from "bun:test";
import { type ArgsDef, parseArgs } from "citty";
import fc from "fast-check";
import { checkArgs, valuesOf } from "../../src/commands/args.ts";
import type { Globals } from "../../src/commands/context.ts";

const ARGS = {
  all: { type: "boolean", alias: "a", description: "" },
  "all-roots": { type: "boolean", description: "" },
  wait: { type: "boolean", description: "", negativeDescription: "no wait" },
  timeout: { type: "string", valueHint: "30s", description: "" },
  previous: { type: "string", valueHint: "[1]", description: "" },
} as const satisfies ArgsDef;

const GLOBALS: Globals = {
  root: undefined,
  verbose: false,
  quiet: false,
  dryRun: false,
  json: false,
  color: null,
  capture: null,
};

const check = (argv: readonly string[]) =>
  checkArgs(argv, {
    what: "dt x",
    args: ARGS,
    globals: { ...GLOBALS },
    maxWords: Number.POSITIVE_INFINITY,
    rest: "words",
  });

const flags = fc.constantFrom(
  ["--all"],
  ["-a"],
  ["--all-roots"],
  ["--wait"],
  ["--no-wait"],
  ["--timeout", "3s"],
  ["--previous"],
);
const words = fc.constantFrom("www", "www:dev", "no", "x=y");

test("with switches alone, read without citty, the values are those that citty reads", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(flags), fc.array(words), async (given, names) => {
      const checked = check([...given.flat(), ...names]);
      const values = await valuesOf(checked, ARGS);
      const citty = parseArgs<typeof ARGS>([...checked.flags, "--", ...names], ARGS);
      for (const name of Object.keys(ARGS) as (keyof typeof ARGS)[]) expect(values[name]).toEqual(citty[name] as never);
      expect(values._).toEqual(names);
    }),
  );
});

test("a value that looks like a switch, or is none, reaches the flag that it was given to", async () => {
  const values = await valuesOf(check(["--timeout=--all", "--no-wait", "--", "--all"]), ARGS);
  expect(values).toMatchObject({ timeout: "--all", wait: false, _: ["--all"] });
  expect(values.all).toBeUndefined();
});
