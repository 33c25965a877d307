/** Errors of wrong usage: exit 2. */
import { DtError, EXIT } from "../../sys/base/error.ts";
import { nearestNames } from "../../sys/text/nearest.ts";

export function usage(message: string, hint?: string): DtError {
  return new DtError("usage", message, { status: EXIT.usage, ...(hint === undefined ? {} : { hint }) });
}

export function givenTwice(name: string, { first, second }: { first: string; second: string }): DtError {
  return usage(`${name} takes one value, and two were given: "${first}" and "${second}".`);
}

export function excludeEachOther(one: string, other: string): DtError {
  return usage(`${one} and ${other} exclude each other.`);
}

/** `what`: the command that takes the arguments. Names the first argument that is too many. */
export function tooManyArguments(what: string, { most, given }: { most: number; given: readonly string[] }): DtError {
  const expected = most === 0 ? "no arguments" : `at most ${most} ${most === 1 ? "argument" : "arguments"}`;
  return usage(`${what} expects ${expected}, got ${given.length}: unexpected ${JSON.stringify(given[most])}.`);
}

/** The hint for a word that is none of these names; undefined when none of them is near. */
export function meantBy(word: string, names: Iterable<string>): string | undefined {
  const near = nearestNames(word, names);
  return near.length === 0 ? undefined : `Did you mean ${near.join(" or ")}?`;
}
