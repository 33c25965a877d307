/**
 * The flags of dt that rooms below the commands name: in hints, and where dt runs another dt. The commands declare
 * them, and a test compares. No other file outside the commands spells a long one.
 */
export const FLAG = {
  after: "--after",
  all: "--all",
  allRoots: "--all-roots",
  capture: "--capture",
  detach: "--detach",
  directory: "-C",
  ensure: "--ensure",
  fix: "--fix",
  follow: "-f",
  foreground: "--foreground",
  json: "--json",
  lines: "--lines",
  noCapture: "--no-capture",
  noNeeds: "--no-needs",
  noWait: "--no-wait",
  owner: "--owner",
  port: "--port",
  quiet: "--quiet",
  root: "--root",
  take: "--take",
  timeout: "--timeout",
} as const;

/** The flag that leaves out a toggle of a stack, as its manifest declares it. */
export function toggleFlag(toggle: string): string {
  return `--no-${toggle}`;
}
