/** The process table of this system; the one place that chooses the platform. */
import type { ProcessTable } from "./identity.ts";
// Linux is imported at once, because the first `require` takes a fifth of a millisecond; the other is loaded on macOS
// alone.
import { makeProcessTable as makeLinux } from "./linux.ts";

/** Make one per dt process and hand it down: boot id and namespace are read once. */
export function makeProcessTable(platform: NodeJS.Platform = process.platform): ProcessTable {
  if (platform !== "darwin") return makeLinux();
  const { makeProcessTable: makeDarwin } = require("./darwin.ts") as typeof import("./darwin.ts");
  return makeDarwin();
}
