/** Written by a helper. */
import type { ProcessTable } from "./identity.ts";
export function makeProcessTable(): ProcessTable {
  throw new Error("darwin");
}
