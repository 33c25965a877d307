/** The process table of this system; the one place that chooses the platform. */
import type { ProcessTable } from "./identity.ts";

/** Make one per dt process and hand it down: boot id and namespace are read once. */
export function makeProcessTable(platform: NodeJS.Platform = process.platform): ProcessTable {
  return platform === "darwin" ? darwin().makeProcessTable() : linux().makeProcessTable();
}

/** Each is loaded on its own system alone. */
const darwin = () => require("./process.darwin.ts") as typeof import("./process.darwin.ts");
const linux = () => require("./process.linux.ts") as typeof import("./process.linux.ts");
