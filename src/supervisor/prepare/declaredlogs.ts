/**
 * The logs that the manifests declare. A log below a watched path would restart commands that did not write it, and a
 * one-shot would never find its inputs unchanged.
 */
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import type { Ground } from "../launch/types.ts";
import { resolveIn } from "./environment.ts";

/** Each log, and the names of its earlier runs. */
export function logsOf(root: string, { plugins }: Pick<ManifestIndex, "plugins">): string[] {
  return Object.values(plugins).flatMap((plugin) =>
    Object.values(plugin.commands).flatMap((command) =>
      Object.values(command.variants).flatMap(({ log, logs }) =>
        log === null
          ? []
          : Array.from({ length: logs.keep + 1 }, (_, at) => `${resolveIn(root, log)}${at === 0 ? "" : `.${at}`}`),
      ),
    ),
  );
}

/** From the manifests as last loaded: this runs no code. */
export async function declaredLogs({
  root,
  home,
  cache,
  env,
  reading = "all",
  owner = null,
}: Ground): Promise<string[]> {
  const { peekIndex } = await import("../../manifest/glance.ts");
  const index = peekIndex({ root, home, cacheDir: cache, env, reading, owner });
  return index === null ? [] : logsOf(root, index);
}
