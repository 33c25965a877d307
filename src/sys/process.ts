/** The process table of this system; the one place that chooses the platform. */
import type { ProcessTable } from "./identity.ts";
import { makeProcessTable as makeDarwin } from "./process.darwin.ts";
import { makeProcessTable as makeLinux } from "./process.linux.ts";

/** Make one per dt process and hand it down: boot id and namespace are read once. */
export function makeProcessTable(platform: NodeJS.Platform = process.platform): ProcessTable {
  return platform === "darwin" ? makeDarwin() : makeLinux();
}
