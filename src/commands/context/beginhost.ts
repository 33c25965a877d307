/** The root's host is found, or born, while the manifests are read. */
import type { DtContext } from "./types.ts";

/** Call it when something will most likely be started detached. In a root that is not trusted it does nothing. */
export async function beginHost(context: DtContext): Promise<void> {
  if (context.globals.dryRun || context.isStranger()) return;
  const { expectHost } = await import("../../supervisor/callers/reach.ts");
  expectHost(context.ground());
}
