/**
 * The roots that the daemon knows: those where something was ever started, and those that were registered
 * (`dt boot add`). Read from disk each time.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { foreignRootsIn, isRemembered, listRootsIn, rememberRootIn } from "../../state/roots.ts";
import { DtError } from "../../sys/base/error.ts";
import { statOf } from "../../sys/base/stat.ts";
import { removeFile } from "../../sys/files/removal.ts";
import { rootSlug } from "../../sys/places/paths.ts";
import type { DaemonPaths } from "../socket/paths.ts";

export function registeredRoots({ boot }: Pick<DaemonPaths, "boot">): string[] {
  return listRootsIn(boot).map(({ root }) => root);
}

/** When a root was registered, by the clock of its file system; null when it is not registered. */
export function registeredAt({ boot }: Pick<DaemonPaths, "boot">, root: string): number | null {
  return statOf(join(boot, rootSlug(root)))?.ctimeMs ?? null;
}

/** Registrations by an earlier dt or another user: they do not count, and are reported. */
export function foreignRegistrations({ boot }: Pick<DaemonPaths, "boot">): string[] {
  return foreignRootsIn(boot).map(wordsOfForeign);
}

function wordsOfForeign(root: string): string {
  return `${root} was registered by an earlier dt, or with another secret, so it is no longer registered: \`dt boot add DIR\` registers it again, \`dt boot remove DIR\` forgets it`;
}

/** All roots in which something may run; those that are gone are left out. */
export function knownRoots(paths: DaemonPaths): string[] {
  const all = [...listRootsIn(paths.roots), ...listRootsIn(paths.boot)].map(({ root }) => root);
  return [...new Set(all)].filter(existsSync);
}

/** Changes when a root is registered or one is first used. */
export function rootsMark({ roots, boot }: DaemonPaths): string {
  return [roots, boot].map((path) => statOf(path)?.mtimeMs ?? "-").join(" ");
}

/** False when it was registered already. Throws when it cannot be written. */
export function registerRoot({ boot, roots }: DaemonPaths, root: string): boolean {
  if (isRegistered({ boot }, root)) return false;
  rememberRootIn(boot, root);
  if (!isRegistered({ boot }, root))
    throw new DtError("cannot-write", `${root} could not be registered with the daemon: ${boot} cannot be written.`, {
      hint: "See whether that directory is yours, and whether the disk has room; DIALTONE_HOME moves it.",
    });
  rememberRootIn(roots, root);
  return true;
}

/** False when it was not registered. Removes a foreign registration too. */
export function unregisterRoot(paths: Pick<DaemonPaths, "boot">, root: string): boolean {
  const file = join(paths.boot, rootSlug(root));
  if (!existsSync(file)) return false;
  removeFile(file);
  return true;
}

function isRegistered({ boot }: Pick<DaemonPaths, "boot">, root: string): boolean {
  return isRemembered(boot, root);
}
