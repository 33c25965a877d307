/**
 * In a folder that was moved, tells the user what still goes by its old path: launches and logs below DIALTONE_RUN_DIR,
 * where directories are named after the path, and the registration with the daemon. State in the project's own
 * `.dialtone/run` moved along, and needs no message.
 *
 *   at the old path now                      what stops launches that still run
 *   --------------------------------------   ------------------------------------------
 *   nothing, or a file                       `dt gc --yes`: their root is gone
 *   a project whose state has that name      `dt -C <old path> stop --all`
 *   anything else: a folder, a link to the   `dt gc --yes`, when that is moved away
 *   new place, a project with other state
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { lookAtRoot } from "../../inspect/roots.ts";
import type { KeyReport } from "../../inspect/types.ts";
import type { Talk } from "../../output/talk.ts";
import { formerPathsOf } from "../../state/roots.ts";
import { isNews } from "../../state/told.ts";
import { isLiving } from "../../state/view.ts";
import { DtError, messageOf } from "../../sys/base/error.ts";
import { linkStatOf } from "../../sys/base/stat.ts";
import { rootSlug, runDirectoryOf } from "../../sys/places/paths.ts";
import { snapshotOf } from "../../sys/process/identity.ts";
import { makeProcessTable } from "../../sys/process/table.ts";
import { showCommand } from "../../values/commandline.ts";

interface Place {
  root: string;
  home: string;
  env: Record<string, string>;
  talk: Pick<Talk, "warn">;
}

/**
 * Warns each time while something still runs there, and once about logs and history that are left. `runDir`:
 * DIALTONE_RUN_DIR.
 */
export function tellLeftBehind({ root, home, env, talk }: Place, runDir: string): void {
  const formers = formerPathsOf(join(home, "roots"), root);
  if (formers.length === 0) return;
  const table = snapshotOf(makeProcessTable());
  for (const former of formers) {
    const before = `this folder was ${former} before it was moved, and its directory in DIALTONE_RUN_DIR is named after that path`;
    // A relative directory is below the project, and was moved with it.
    const directories = new Set([runDirectoryOf(former, env), join(resolve(root, runDir), rootSlug(former))]);
    for (const directory of directories) {
      const isNewsOf = (matter: string) => isNews(home, { root, matter: `${matter} ${former}`, mark: directory });
      try {
        const reports = lookAtRoot({ root: former, home, env, table }, directory) ?? [];
        const living = reports.filter(({ state }) => isLiving(state));
        if (living.length > 0)
          talk.warn(`${before}: ${wordsOf(living)} on under the old path. ${wayToStop(former, { directory, env })}`);
        else if (reports.length > 0 && isNewsOf("moved from"))
          talk.warn(`${before}: what ran under the old path has ended, and its logs and history are in ${directory}`);
      } catch (error) {
        const hint = error instanceof DtError ? error.hint : undefined;
        if (isNewsOf("cannot look at"))
          talk.warn(
            `${before}. What is there cannot be looked at: ${messageOf(error)}`,
            hint === undefined ? [] : [hint],
          );
      }
    }
  }
}

function wordsOf(living: readonly KeyReport[]): string {
  const each = living.map(({ key, pid }) => (pid === null ? key : `${key} (pid ${pid})`));
  return `${each.join(", ")} ${each.length === 1 ? "runs" : "run"}`;
}

function wayToStop(former: string, { directory, env }: { directory: string; env: Place["env"] }): string {
  const all = "`dt gc --yes` stops that and all else that `dt gc` lists, of your other projects too";
  const there = linkStatOf(former);
  if (there === undefined || !(there.isDirectory() || there.isSymbolicLink())) return `${all}.`;
  const isProject = there.isDirectory() && existsSync(join(former, "manifests"));
  if (!isProject || directory !== runDirectoryOf(former, env))
    return `Move away what is at ${former} now; then ${all}.`;
  return `\`${showCommand(["dt", "-C", former, "stop", "--all"])}\` stops that, and what the project that is there now runs.`;
}

/** At the first start in the new place. */
export function tellFormerRegistration({ root, home, talk }: Omit<Place, "env">): void {
  for (const former of formerPathsOf(join(home, "boot"), root))
    talk.warn(
      `the daemon knows this folder as ${former}, where it was registered before it was moved: \`dt boot add\` registers it here, \`${showCommand(["dt", "boot", "remove", former])}\` forgets it there`,
    );
}
