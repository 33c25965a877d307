/** All projects in which the user ever started something and whose run directories still exist. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Talk } from "../output/talk.ts";
import { listRootsIn } from "../state/roots.ts";
import { openStore } from "../state/store.ts";
import type { Site } from "../supervisor/launch/types.ts";
import { branchOf } from "../sys/places/branch.ts";
import { homeDirectory, runDirectoryOf } from "../sys/places/paths.ts";
import { snapshotOf } from "../sys/process/identity.ts";
import { makeProcessTable } from "../sys/process/table.ts";
import { beginLook, lookAtAll } from "./look.ts";
import type { KeyReport } from "./types.ts";

export interface RootReport {
  root: string;
  branch: string | null;
  /** Whether it still has manifests. */
  there: boolean;
  reports: KeyReport[];
}

interface LookPlace {
  env: Record<string, string>;
  talk: Pick<Talk, "warn">;
}

/** Reads only run directories. Those of a DIALTONE_RUN_DIR other than this call's are unknown. */
export function lookAtRoots({ env, talk }: LookPlace): RootReport[] {
  const home = homeDirectory(env);
  if (home === null) return [];
  const table = snapshotOf(makeProcessTable());
  return listRootsIn(join(home, "roots")).flatMap(({ root }) => {
    try {
      const reports = lookAtRoot({ root, home, env, table });
      return reports === null
        ? []
        : [{ root, branch: branchOf(root), there: existsSync(join(root, "manifests")), reports }];
    } catch (error) {
      talk.warn(`${root}: ${(error as Error).message}`);
      return [];
    }
  });
}

/** Null where the run directory does not exist. Throws where it cannot be trusted. */
export function lookAtRoot(
  at: Pick<Site, "root" | "home" | "env" | "table">,
  directory = runDirectoryOf(at.root, at.env),
): KeyReport[] | null {
  const { home, table } = at;
  if (!existsSync(directory)) return null;
  const store = openStore({ directory, home, table });
  const look = beginLook({ ...at, store }, () => null);
  return lookAtAll(look, store.keys());
}
