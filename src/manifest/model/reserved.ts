/** The words that dt reserves: a plugin named like a verb could never be reached. */

export const RESERVED_VERBS = [
  "ps",
  "stop",
  "restart",
  "logs",
  "why",
  "status",
  "attach",
  "up",
  "down",
  "wait",
  "port",
  "gc",
  "list",
  "schema",
  "init",
  "add",
  "import",
  "export",
  "doctor",
  "daemon",
  "boot",
  "watch",
  "jobs",
  "completions",
  "mcp",
  "help",
  "version",
  "trust",
  "untrust",
  "top",
  "stats",
  "events",
  "ui",
  "tui",
  "hook",
  "scale",
  "agents",
  "trust-ca",
  "clear",
] as const;

/** Verbs added when plugins already existed: a plugin with such a name keeps working, behind `dt --`. */
const NEWLY_RESERVED: readonly string[] = RESERVED_VERBS.slice(RESERVED_VERBS.indexOf("trust"));

export type ReservedVerb = (typeof RESERVED_VERBS)[number];

/** Whether a new plugin must not have this name. */
export function isReservedVerb(name: string): name is ReservedVerb {
  return (RESERVED_VERBS as readonly string[]).includes(name);
}

export function isNewlyReserved(name: string): boolean {
  return NEWLY_RESERVED.includes(name);
}
