/**
 * What the manifests of a root ask of the daemon, and whether any process does it now. The root's own manifests count,
 * and those of its packages. Manifests in the home, which apply to every root, are no reason to serve one.
 *
 * Known limit: a `dt watch PLUGIN` counts as serving the `watch` of every plugin of its root.
 */
import { join } from "node:path";
import type { ManifestIndex, ResolvedPlugin } from "../manifest/model/resolved.ts";
import { isRemembered } from "../state/roots.ts";
import { isLocked } from "../sys/files/flock.ts";
import { readHolder } from "../sys/lock/lock.ts";
import { runDirectoryOf } from "../sys/places/paths.ts";
import { presenceOf } from "../sys/process/identity.ts";
import { makeProcessTable } from "../sys/process/table.ts";
import { daemonPaths } from "./socket/paths.ts";

/** How many of each are declared. */
export interface DeclaredCounts {
  boot: number;
  scheduled: number;
  watches: number;
}

export function askedBy(plugins: readonly ResolvedPlugin[]): DeclaredCounts {
  const settings = plugins.flatMap(({ commands }) =>
    Object.values(commands).flatMap(({ variants }) => Object.values(variants)),
  );
  return {
    boot: settings.filter((one) => one.kind === "managed" && one.boot).length,
    scheduled: settings.filter(({ schedule }) => schedule !== null).length,
    watches: plugins.reduce((sum, { watch }) => sum + watch.length, 0),
  };
}

export function isAnything({ boot, scheduled, watches }: DeclaredCounts): boolean {
  return boot + scheduled + watches > 0;
}

/** The plugins that are the root's own. */
export function pluginsOfRoot({ plugins }: Pick<ManifestIndex, "plugins">): ResolvedPlugin[] {
  return Object.values(plugins).filter(({ origin }) => origin === "root" || origin === "package");
}

/** What is missing for a root to be served: a running daemon, the root's registration, both or nothing. */
export type Missing = "nothing" | "daemon" | "registration" | "both";

export interface Service {
  /** For `schedule`, and for `watch` too unless `dt watch` does it. */
  missing: Missing;
  /** Whether the daemon or a `dt watch` watches the root's files now. */
  isWatched: boolean;
}

export interface ServicePlace {
  root: string;
  home: string | null;
  env: Record<string, string | undefined>;
}

/** Looks only at files: the registration, and the locks of the daemon and of the process that watches. */
export function serviceOf({ root, home, env }: ServicePlace): Service {
  const isRegistered = home !== null && isRemembered(daemonPaths(home).boot, root);
  const runs = home !== null && isDaemonThere(home);
  const missing = isRegistered ? (runs ? "nothing" : "daemon") : runs ? "registration" : "both";
  return {
    missing,
    isWatched: missing === "nothing" || isLocked(join(runDirectoryOf(root, env), "watch", "watch.lock")),
  };
}

/** A daemon that cannot be judged from here, say one in another container, counts as there. */
function isDaemonThere(home: string): boolean {
  const { lock, seal } = daemonPaths(home);
  const holder = readHolder(lock, { seal });
  return holder.is === "there" && presenceOf(makeProcessTable(), holder.value.holder) !== "gone";
}
