/**
 * The spec of a launch: resolved again for a restart by policy, with the launch's own environment and arguments, and
 * saved for another host.
 */
import { settingsOf } from "../../manifest/model/find.ts";
import type { Ground, LaunchSpec } from "../launch/types.ts";
import { isAnotherFolder } from "./samefolder.ts";

/**
 * Null when the manifest no longer loads or no longer has this command; the caller then keeps the last known settings.
 */
export async function resolveAnew(ground: Ground, spec: LaunchSpec): Promise<LaunchSpec | null> {
  if (isAnotherFolder(ground)) return null;
  // Loaded lazily: only a restart needs it.
  const { manifestsOf } = await import("./manifests.ts");
  const index = await manifestsOf(ground, spec);
  const settings = settingsOf(index.plugins, spec.key);
  return settings?.kind === "managed" ? { ...spec, settings } : null;
}

/** Saves the spec for another host, in case this one is killed. Without it the launch continues without a host. */
export function noteSpec(
  { store, isStrange, reading }: Pick<Ground, "store" | "isStrange" | "reading">,
  { token, spec }: { token: string; spec: LaunchSpec },
): void {
  try {
    store.writeSpec(token, {
      ...spec,
      isStrange: spec.isStrange ?? isStrange ?? reading === "data",
    } satisfies LaunchSpec);
  } catch {
    // the disk is full
  }
}
