/** The process table of this system; the one place that chooses the platform. */
import type { ProcessTable } from "./identity.ts";
// Linux at once, as `require` takes a fifth of a millisecond when it is first used; the other is loaded on its own system alone.
import { makeProcessTable as makeLinux } from "./process.linux.ts";

/** Make one per dt process and hand it down: boot id and namespace are read once. */
export function makeProcessTable(platform: NodeJS.Platform = process.platform): ProcessTable {
  if (platform !== "darwin") return makeLinux();
  const { makeProcessTable: makeDarwin } = require("./process.darwin.ts") as typeof import("./process.darwin.ts");
  return makeDarwin();
}
