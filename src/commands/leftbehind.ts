/**
 * What a person is told in a folder that was moved, of what goes by its old path: launches and logs below DIALTONE_RUN_DIR, which have a name that
 * the path gives, and the registration with the daemon. State in the project's own `.dialtone` moved along, and there is nothing to say.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { showCommand } from "../output/shell.ts";
import type { Talk } from "../output/talk.ts";
import { formerPathsOf } from "../state/roots.ts";
import { isNews } from "../state/told.ts";
import { isLiving } from "../state/view.ts";
import { snapshotOf } from "../sys/identity.ts";
import { runDirectoryOf } from "../sys/paths.ts";
import { makeProcessTable } from "../sys/process.ts";
import { lookAtRoot } from "./roots.ts";

interface Place {
  root: string;
  home: string;
  env: Record<string, string>;
  talk: Pick<Talk, "warn">;
}

/** Said each time while something runs there, and once of what is left of it. */
export function tellLeftBehind({ root, home, env, talk }: Place): void {
  const formers = formerPathsOf(join(home, "roots"), root);
  if (formers.length === 0) return;
  const table = snapshotOf(makeProcessTable());
  for (const former of formers) {
    const directory = runDirectoryOf(former, env);
    const before = `this folder was ${former} before it was moved, and what DIALTONE_RUN_DIR holds of it did not move along`;
    try {
      const reports = lookAtRoot({ root: former, home, env, table }) ?? [];
      const living = reports.filter(({ state }) => isLiving(state)).map(wordsOf);
      if (living.length > 0)
        talk.warn(
          `${before}: ${living.join(", ")} ${living.length === 1 ? "runs" : "run"} on there. ${wayToStop(former)}, or move the folder back`,
        );
      else if (reports.length > 0 && isNews(home, root, `moved from ${former}`, directory))
        talk.warn(`${before}: what ran there has ended, and its logs and history are in ${directory}`);
    } catch (error) {
      talk.warn(`${before}: ${(error as Error).message}`);
    }
  }
}

function wordsOf({ key, pid }: { key: string; pid: number | null }): string {
  return pid === null ? key : `${key} (pid ${pid})`;
}

function wayToStop(former: string): string {
  if (!existsSync(join(former, "manifests"))) return "`dt gc` lists what is left, `dt gc --yes` stops it";
  return `\`${showCommand(["dt", "-C", former, "stop", "--all"])}\` stops what has that path, of the project that is there now too`;
}

/** At the first start in the new place. */
export function tellFormerRegistration({ root, home, talk }: Omit<Place, "env">): void {
  for (const former of formerPathsOf(join(home, "boot"), root))
    talk.warn(
      `the daemon knows this folder as ${former}, where it was registered before it was moved: \`dt boot add\` registers it here, \`${showCommand(["dt", "boot", "remove", former])}\` forgets it there`,
    );
}
