/** PostgreSQL in tests: Debian's package, run as its own user, since it does not run as root. */
import { existsSync } from "node:fs";
import type { Result, TestRoot } from "../../kit.ts";

export const POSTGRES = ["15", "16", "17", "18"]
  .map((version) => `/usr/lib/postgresql/${version}/bin`)
  .find(existsSync);

/** What is not there of PostgreSQL, a root user who may become another, and these programs. CI must have all of it. */
export function missingFor(page: string, programs: readonly string[]): string[] {
  const missing = [
    ...(POSTGRES === undefined ? ["PostgreSQL"] : []),
    ...programs.filter((name) => Bun.which(name) === null),
    ...(process.getuid?.() === 0 ? [] : ["root, who may become another user"]),
  ];
  if (missing.length > 0 && process.env.CI) throw new Error(`CI must have ${missing.join(", ")}`);
  if (missing.length > 0) console.warn(`${page} is not tested: there is no ${missing.join(", no ")}.`);
  return missing;
}

/** Runs a program as the user `postgres`, with PostgreSQL's own on its PATH. */
export async function asPostgres(
  root: TestRoot,
  argv: string[],
  { cwd = root.dir, env = {} }: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Result> {
  const child = Bun.spawn(["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", ...argv], {
    cwd,
    env: { ...root.env, PATH: `${POSTGRES}:${root.env.PATH}`, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, signal: null, stdout, stderr };
}

export function giveTo(user: "postgres" | "root", root: TestRoot): void {
  Bun.spawnSync(["chown", "-R", `${user}:${user}`, root.base]);
}
