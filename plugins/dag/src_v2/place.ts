/** Finds this project from the variables that dt sets for its commands. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

type Env = Readonly<Record<string, string | undefined>>;

/** `DIALTONE_ROOT`; if this was started without dt, the nearest folder above that has manifests. */
export function homeRoot(env: Env, cwd = process.cwd()): string {
  if (env.DIALTONE_ROOT) return env.DIALTONE_ROOT;
  for (let at = cwd; ; at = dirname(at)) {
    if (existsSync(join(at, "manifests"))) return at;
    if (dirname(at) === at) throw new Error(`no manifests/ found in ${cwd} or above: start this with \`dt dag dev\``);
  }
}

/** The folder with the launches' files. Changes that it does not show are found by asking dt. */
export function runDirectoryOf(root: string, env: Env): string {
  if (!env.DIALTONE_RUN_DIR) return join(root, ".dialtone", "run");
  const moved = resolve(root, env.DIALTONE_RUN_DIR);
  const hash = createHash("sha256").update(root).digest("hex").slice(0, 8);
  const own = join(moved, `${basename(root)}-${hash}`);
  return existsSync(own) ? own : moved;
}
