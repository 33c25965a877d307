/**
 * One of many that need the secret at once: seals a file of its own in `<directory>`. Plan on the command line as JSON.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeSeal } from "../../../src/sys/seal/seal.ts";
import { type Denied, denyCalls } from "../deny.ts";

export interface SealPlan {
  directory: string;
  /** DIALTONE_HOME. */
  home: string;
  name: string;
  deny: Denied[];
}

if (import.meta.main) seal(JSON.parse(process.argv[2] as string) as SealPlan);

/** Begins when `<directory>/go` is there, so that many begin at once. */
function seal({ directory, home, name, deny }: SealPlan): void {
  denyCalls(deny);
  const path = join(directory, name);
  writeFileSync(`${path}.ready`, "");
  while (!existsSync(join(directory, "go"))) Bun.sleepSync(1);
  writeFileSync(path, makeSeal(directory, home).close(path, { version: 1, name }));
}
