/** Signal names and numbers of this system. Read on first use: `node:os` costs 1.4 ms of a start. */
import { lazy } from "./lazy.ts";

const numbers = lazy(
  () => (require("node:os") as typeof import("node:os")).constants.signals as Record<string, number>,
);

/** The number of a signal's name; undefined for a name this system does not have. */
export function signalNumber(name: string): number | undefined {
  return Object.hasOwn(numbers(), name) ? numbers()[name] : undefined;
}

/** The name of a number, `SIG34` where it has none. */
export function signalName(number: number): string {
  return Object.entries(numbers()).find(([, one]) => one === number)?.[0] ?? `SIG${number}`;
}
