/**
 * The manifests for what a host does by itself: all of them for a launch that a user started, and as they were taken
 * over for one of the daemon's.
 */
import { isAsKnown } from "../../manifest/cache/known.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import { DtError } from "../../sys/base/error.ts";
import type { Ground, LaunchSpec } from "../launch/types.ts";
import { refuseAnotherFolder } from "./samefolder.ts";

/** For a launch of one plugin: other plugins that failed to load are not tried again. */
export async function manifestsOf(
  ground: Ground,
  { plugin, env }: Pick<LaunchSpec, "plugin" | "env">,
): Promise<ManifestIndex> {
  refuseAnotherFolder(ground);
  // Loaded lazily: most hosts never need it, and each starts by loading what it imports.
  const { loadIndex } = await import("../../manifest/index.ts");
  const { root, home, cache, reading = "all", owner = null } = ground;
  return loadIndex({ root, home, cacheDir: cache, env, reading, owner, wanted: plugin });
}

/**
 * A manifest's function is run from its file, so for the daemon that file must be as it was taken over. Files in the
 * user's home are the user's own.
 *
 * Known limit: the file may change between this check and the run.
 */
export function refuseChanged(
  { root, home, reading, owner = null }: Pick<Ground, "root" | "home" | "reading" | "owner">,
  { env, file }: { env: Record<string, string>; file: string },
): void {
  if (reading !== "known" || home === null || file.startsWith(`${home}/`)) return;
  if (isAsKnown({ root, home, env, owner }, file)) return;
  throw new DtError(
    "changed",
    `${file}, or what it imports, changed since a person last ran a command in ${root}: the daemon runs none of its code.`,
    {
      hint: "Run a command there, or `dt trust`, to take it over.",
      details: { file },
    },
  );
}
