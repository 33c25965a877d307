/**
 * Two checks before a command of a plugin runs: whether it may run here, and whether anything acts on the plugin's
 * `watch` and `schedule`.
 */
import type { ManifestIndex, ResolvedPlugin } from "../../manifest/model/resolved.ts";
import type { DtContext } from "../context/types.ts";
import { asksForService } from "../names/called.ts";

/** `once`: for a one-shot, since a program may run it and read its standard error. */
export async function tellUnservedPlugin(
  context: DtContext,
  { plugin, once }: { plugin: ResolvedPlugin; once: boolean },
): Promise<void> {
  if (!asksForService(plugin)) return;
  const { tellUnservedOf } = await import("../root/unserved.ts");
  tellUnservedOf(context, { plugins: [plugin], once });
}

export async function refuseStranger(
  index: ManifestIndex,
  { root, key }: { root: string; key: string },
): Promise<void> {
  const { refuseOfRoot } = await import("../root/strangers.ts");
  refuseOfRoot(index, { root, key });
}
