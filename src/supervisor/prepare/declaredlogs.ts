/** Where commands write, by their manifests: a log below what is watched would restart what did not write it, and no one-shot would find its inputs unchanged. */
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import type { Ground } from "../launch/types.ts";
import { resolveIn } from "./environment.ts";

/** Each with those of earlier runs. */
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

/** By the manifests as last loaded: no code is run to know it. */
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
