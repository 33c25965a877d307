/** Errors of wrong usage: exit 2. */
import { DtError, EXIT } from "../../sys/base/error.ts";

export function usage(message: string, hint?: string): DtError {
  return new DtError("usage", message, { status: EXIT.usage, ...(hint === undefined ? {} : { hint }) });
}

export function givenTwice(name: string, first: string, second: string): DtError {
  return usage(`${name} takes one value, and two were given: "${first}" and "${second}".`);
}

export function excludeEachOther(one: string, other: string): DtError {
  return usage(`${one} and ${other} exclude each other.`);
}
