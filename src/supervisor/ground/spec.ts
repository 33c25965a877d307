/** For a restart by policy: the manifest as it is now, with the launch's own environment and arguments. */

import { settingsOf } from "../../manifest/model/find.ts";
import type { Ground, LaunchSpec } from "../launch/types.ts";
import { isAnotherFolder } from "./samefolder.ts";

/** Null when the manifest no longer loads or no longer has this command: then the last known settings go on. */
export async function resolveAnew(ground: Ground, spec: LaunchSpec): Promise<LaunchSpec | null> {
  if (isAnotherFolder(ground)) return null;
  // Loaded only for a restart: a start does not need it.
  const { manifestsOf } = await import("./manifests.ts");
  const index = await manifestsOf(ground, spec);
  const settings = settingsOf(index.plugins, spec.key);
  return settings?.kind === "managed" ? { ...spec, settings } : null;
}

/** For another host, should this one be killed; without it the launch just goes on without one. */
export function noteSpec(
  { store, isStrange, reading }: Pick<Ground, "store" | "isStrange" | "reading">,
  token: string,
  spec: LaunchSpec,
): void {
  try {
    store.writeSpec(token, {
      ...spec,
      isStrange: spec.isStrange ?? isStrange ?? reading === "data",
    } satisfies LaunchSpec);
  } catch {
    // a full disk
  }
}
