/** Flags as a person types them: joined, in any place, given twice. */
import { describe, expect, test } from "bun:test";
import type { Globals } from "../../../src/commands/context/types.ts";
import { checkArgs, valuesOf } from "../../../src/commands/parse/args.ts";
import { takeGlobals } from "../../../src/commands/parse/globals.ts";
import { failure } from "../../kit/failure.ts";

const ARGS = {
  follow: { type: "boolean", alias: "f", description: "" },
  all: { type: "boolean", alias: "a", description: "" },
  lines: { type: "string", alias: "n", description: "", valueHint: "100" },
  previous: { type: "string", description: "", valueHint: "[1]" },
  since: { type: "string", description: "", valueHint: "5m" },
  grep: { type: "string", description: "", separator: "\n" },
  wait: { type: "boolean", description: "", negativeDescription: "not" },
} as const;

const globalsOf = (): Globals => ({
  root: undefined,
  verbose: false,
  quiet: false,
  dryRun: false,
  json: false,
  color: null,
  capture: null,
});

async function read(...words: string[]) {
  const globals = globalsOf();
  const checked = checkArgs(words, { what: "dt x", args: ARGS, globals, maxWords: 2, rest: "command" });
  const { _: named, ...values } = await valuesOf(checked, ARGS);
  const given = Object.fromEntries(
    Object.keys(ARGS).flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]])),
  );
  return { ...given, words: named, globals };
}

function refusal(...words: string[]): string {
  const options = { what: "dt x", args: ARGS, globals: globalsOf(), maxWords: 2, rest: "command" } as const;
  const { status, sentence } = failure(() => checkArgs(words, options));
  expect(status).toBe(2);
  return sentence;
}

describe("short flags that are joined", () => {
  test.each([
    [["-n5"], { lines: "5" }],
    [["-n", "5"], { lines: "5" }],
    [["-n=5"], { lines: "5" }],
    [["-fn5"], { follow: true, lines: "5" }],
    [["-fn", "5"], { follow: true, lines: "5" }],
    [["-fn=5"], { follow: true, lines: "5" }],
    [["-af"], { follow: true, all: true }],
    [["-fan20"], { follow: true, all: true, lines: "20" }],
    [["-f", "-n", "5"], { follow: true, lines: "5" }],
    [["-nall"], { lines: "all" }],
    [["-n5f"], { lines: "5f" }],
  ] as const)("%j", async (words, values) => expect(await read(...words)).toMatchObject(values));

  test("a word after joined short flags stays a word", async () => {
    expect((await read("a", "-fn5", "b")).words).toEqual(["a", "b"]);
  });

  test("-C takes a joined value, alone and after other short flags", async () => {
    expect((await read("-C/x")).globals.root).toBe("/x");
    expect(await read("-fC/x")).toMatchObject({ follow: true, globals: { root: "/x" } });
    expect(await read("-fC", "/x")).toMatchObject({ follow: true, globals: { root: "/x" } });
  });

  test.each([
    [["-fx"], "dt x has no flag -fx."],
    [["-json"], "dt x has no flag -json."],
    [["-follow"], "dt x has no flag -follow."],
    [["-5"], "dt x has no flag -5."],
    [["-fn"], "-n needs a value."],
    [["-fC"], "-C needs a value."],
  ])("%j is refused", (words, sentence) => expect(refusal(...words)).toBe(sentence));
});

describe("flags that are given twice", () => {
  test.each([
    [["--since", "1m", "--since", "2m"], '--since takes one value, and two were given: "1m" and "2m".'],
    [["-n5", "--lines", "6"], '--lines takes one value, and two were given: "5" and "6".'],
    [["--previous", "--previous", "2"], '--previous takes one value, and two were given: "1" and "2".'],
    [["--wait", "--no-wait"], "--wait and --no-wait exclude each other."],
    [["--no-wait", "--wait"], "--wait and --no-wait exclude each other."],
    [["-C", "/a", "--root=/b"], '-C takes one value, and two were given: "/a" and "/b".'],
    [["--color", "--no-color"], "--color and --no-color exclude each other."],
    [["--no-capture", "--capture"], "--capture and --no-capture exclude each other."],
  ])("%j is refused", (words, sentence) => expect(refusal(...words)).toBe(sentence));

  test("a flag given twice drops no other flag", async () => {
    expect(await read("-n5", "-n", "5", "-f", "-f", "--json", "--json", "-C/a", "-C", "/a")).toMatchObject({
      lines: "5",
      follow: true,
      globals: { json: true, root: "/a" },
    });
  });

  test("every value counts of a flag that takes several", async () => {
    expect(await read("--grep", "a", "b", "--grep=c", "--grep", "a|d")).toMatchObject({
      grep: "a\nc\na|d",
      words: ["b"],
    });
  });
});

test("global flags are read up to the first word that is no global flag", () => {
  const globals = globalsOf();
  expect(takeGlobals(["--json", "-C", "/a", "run", "--quiet"], globals)).toEqual(["run", "--quiet"]);
  expect(globals).toMatchObject({ json: true, root: "/a", quiet: false });
  expect(takeGlobals(["--json"], globals)).toEqual([]);
  expect(takeGlobals(["--all", "--json"], globals)).toEqual(["--all", "--json"]);
});

test("a word that could be a flag stays a word, beside flags with and without a value", async () => {
  const words = ["--follow", "-a", "--lines=6"];
  for (const flags of [["--lines=5"], ["--all"], []]) {
    const { _: named, ...values } = await valuesOf({ flags, words, rest: [] }, ARGS);
    expect({ flags, named, follow: values.follow ?? false }).toEqual({ flags, named: words, follow: false });
    expect(values.lines).toBe(flags.includes("--lines=5") ? "5" : undefined);
  }
});
