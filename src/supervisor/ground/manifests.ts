/** The manifests for what a host does by itself: all of them for a launch that a person started, as they were taken over for one of the daemon's. */
import { isAsKnown } from "../../manifest/cache/known.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import { DtError } from "../../sys/base/error.ts";
import type { Ground, LaunchSpec } from "../launch/types.ts";
import { refuseAnotherFolder } from "./samefolder.ts";

/** For the launch of one plugin: others that failed are not tried again for it. */
export async function manifestsOf(
  ground: Ground,
  { plugin, env }: Pick<LaunchSpec, "plugin" | "env">,
): Promise<ManifestIndex> {
  refuseAnotherFolder(ground);
  // Loaded here: most hosts never ask, and all of them start with what they import.
  const { loadIndex } = await import("../../manifest/index.ts");
  const { root, home, cache, reading = "all", owner = null } = ground;
  return loadIndex({ root, home, cacheDir: cache, env, reading, owner, wanted: plugin });
}

/**
 * A function of a manifest is run from its file, so for the daemon that has to be as it was taken over. What is in the user's home is the user's own.
 *
 * Known limit: between this look and the run the file may change.
 */
export function refuseChanged(
  { root, home, reading, owner = null }: Pick<Ground, "root" | "home" | "reading" | "owner">,
  env: Record<string, string>,
  file: string,
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
