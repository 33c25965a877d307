/** The asker that this process is, as others will read it in a record. */
import type { Asker } from "./types.ts";

const LONGEST = 500;

export function askerOf(by: Asker["by"], argv: readonly string[]): Asker {
  return { by, pid: process.pid, command: ["dt", ...argv].join(" ").slice(0, LONGEST) };
}
